# SPDX-License-Identifier: GPL-3.0-or-later
"""REGISTER with digest, refreshes, retries, and where credentials go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipagent.signalling import registration
from tests.sip.registrar import NONCE, Registrar
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Dialog, Peer, sdp


def account(registrar: Registrar, **changes: Any) -> dict[str, Any]:
    return {"user": "600", "password": "secret", "host": "127.0.0.1", "port": registrar.port, **changes}


async def registered(rig: Rig) -> None:
    await asyncio.wait_for(rig.until(lambda: rig.ua.accounts()[0].registered), 5)


async def test_registers_with_digest_and_unregisters_at_the_end() -> None:
    registrar = await Registrar.open()
    async with user_agent(config(sip={"accounts": [account(registrar)]})) as rig:
        assert await registrar.bound() == 300
        await registered(rig)
        status = rig.ua.accounts()[0]
        assert (status.user, status.host, status.code, status.expires_s) == ("600", "127.0.0.1", 200, 300)
        assert f"127.0.0.1:{rig.port}" in registrar.contact
        await rig.ua.stop()
        assert await registrar.bound() == 0
    registrar.close()


async def test_refreshes_before_it_expires() -> None:
    registrar = await Registrar.open(expires=6)  # PJSIP refreshes 5 s early
    async with user_agent(config(sip={"accounts": [account(registrar)]})) as rig:
        assert [await registrar.bound() for _ in range(2)] == [6, 6]
        assert rig.ua.accounts()[0].registered
    registrar.close()


async def test_wrong_password_is_said_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "FIRST_RETRY_S", 0.05)
    registrar = await Registrar.open(password="other")
    async with user_agent(config(sip={"accounts": [account(registrar)]})) as rig:
        await asyncio.wait_for(rig.until(lambda: registrar.attempts >= 2), 5)
        status = rig.ua.accounts()[0]
        assert not status.registered
        registrar.password = "secret"
        assert await registrar.bound() == 300
        await registered(rig)
    registrar.close()


async def test_a_registrar_that_comes_back_gets_us_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "FIRST_RETRY_S", 0.05)
    registrar = await Registrar.open(refuse=["503 Down", "500 Still down"])
    async with user_agent(config(sip={"accounts": [account(registrar)]})) as rig:
        assert await registrar.bound() == 300
        await registered(rig)
        assert registrar.attempts == 3
    registrar.close()


async def test_a_call_comes_in_and_goes_out_through_the_account() -> None:
    registrar = await Registrar.open()
    async with user_agent(config(sip={"accounts": [account(registrar)]})) as rig:
        await registrar.bound()
        await registered(rig)
        call = await rig.invite("sip:bob@elsewhere.example", account="600")  # the registrar knows where that is
        invite = await registrar.invited()
        assert invite.start == "INVITE sip:bob@elsewhere.example SIP/2.0"
        assert "sip:600@127.0.0.1" in invite.get("from")
        assert not invite.get("route")
        registrar.peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)
        dialog = Dialog(registrar.peer, rig.port)
        dialog.invite(sdp())
        incoming = await rig.taken()
        assert incoming.account == "600@127.0.0.1"
        await incoming.hangup(480)
        await rig.over(incoming)
    registrar.close()


async def test_who_is_not_the_registrar_calls_no_account() -> None:
    registrar, stranger = await Registrar.open(), await Peer.open("127.0.0.2")
    async with user_agent(config(sip={"accounts": [account(registrar)]})) as rig:
        await registrar.bound()
        await registered(rig)
        for caller, name in ((stranger, ""), (registrar.peer, "600@127.0.0.1")):
            dialog = Dialog(caller, rig.port)
            dialog.invite(sdp())
            call = await rig.taken()
            assert call.account == name
            await call.hangup(480)
            await rig.over(call)
    registrar.close()
    stranger.close()


@pytest.mark.parametrize(("realm", "trusted"), [("pbx", True), ("stranger", False)])
@pytest.mark.parametrize("configured", ["*", "pbx"])
async def test_credentials_go_to_their_own_realm_only(realm: str, trusted: bool, configured: str) -> None:
    registrar = await Registrar.open()
    async with user_agent(config(sip={"accounts": [account(registrar, realm=configured)]})) as rig:
        await registrar.bound()
        await registered(rig)
        call = await rig.invite("sip:bob@127.0.0.1", account="600@127.0.0.1")
        challenge = f'Proxy-Authenticate: Digest realm="{realm}", nonce="{NONCE}", algorithm=MD5, qop="auth"\r\n'
        registrar.peer.respond(await registrar.invited(), "407 Proxy Authentication Required", rig.port, challenge)
        if trusted:
            again = await registrar.invited()
            assert 'realm="pbx"' in again.get("proxy-authorization")
            registrar.peer.respond(again, "486 Busy Here", rig.port)
        await rig.over(call)
        assert call.end_code == (486 if trusted else 401)
        assert trusted or not any(m.get("proxy-authorization") for m in registrar.peer.seen)
    registrar.close()


async def test_a_call_waits_for_no_account_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"user": "600", "host": "name.invalid"}
    async with user_agent(config(sip={"accounts": [settings]})) as rig:
        await asyncio.wait_for(rig.until(lambda: bool(rig.ua.accounts()[0].reason)), 10)
        assert "can't resolve 'name.invalid'" in rig.ua.accounts()[0].reason
        assert not rig.ua.accounts()[0].registered
        assert await rig.ua.ping() < 1
