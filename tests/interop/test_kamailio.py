# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio as the registrar: accounts over every transport, refreshes, restarts, failover; and the recipe of docs/kamailio.md
with softphones that call through to the switch."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipagent.signalling import registration
from tests.interop import audio, ports
from tests.interop.baresip import Softphone
from tests.interop.certs import Certificates
from tests.interop.conftest import StartKamailio, StartSwitch
from tests.interop.kamailio import DOMAIN, Kamailio
from tests.interop.process import until
from tests.sip.rig import Rig, config, user_agent


def account(peer: Kamailio, user: str = "bot", transport: str = "udp", host: str = ports.HOST, **more: Any) -> dict[str, Any]:
    port = peer.tls_port if transport == "tls" else peer.port
    where = {"host": DOMAIN, "registrars": [f"{host}:{port}"], "transport": transport}
    return {"user": user, "password": f"{user}-secret", **where, **more}


def signalling(certs: Certificates, *accounts: dict[str, Any], **more: Any) -> Any:
    return config(sip={"accounts": list(accounts), "tls": {"ca": certs.ca}, "try_s": 2.0, **more})


async def registered(rig: Rig, within_s: float = 20.0) -> None:
    def all_are() -> bool:
        return all(row.registered for row in rig.ua.accounts())

    try:
        await asyncio.wait_for(rig.until(all_are), within_s)
    except TimeoutError:
        raise AssertionError(f"not registered: {rig.ua.accounts()}") from None


@pytest.mark.behaviour(
    "Accounts",
    "registers with MD5 or SHA-256 digest over UDP, TCP and TLS, and takes the registration back when it stops",
    peer="Kamailio",
    rfc="8760 2.4",
)
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_registers(kamailio: StartKamailio, certificates: Certificates, transport: str, algorithm: str) -> None:
    peer = kamailio(algorithm=algorithm)
    async with user_agent(signalling(certificates, account(peer, transport=transport))) as rig:
        await registered(rig)
        [contact] = peer.contacts("bot")
        assert contact.startswith("sip:bot@127.0.0.1:")
        assert ("transport=" in contact.lower()) is (transport != "udp")
        await rig.ua.stop()
        assert peer.contacts("bot") == []


@pytest.mark.behaviour("Accounts", "keeps a hundred accounts registered at once", peer="Kamailio", rfc="3261 10.2")
async def test_many_accounts(kamailio: StartKamailio, certificates: Certificates) -> None:
    peer = kamailio()
    rows = [account(peer, f"bot{n}") for n in range(100)]
    async with user_agent(signalling(certificates, *rows)) as rig:
        await registered(rig, 60)
        assert all(len(peer.contacts(row["user"])) == 1 for row in rows[::9])


@pytest.mark.behaviour(
    "Accounts", "refreshes in time, and answers a nonce that went stale with the new one", peer="Kamailio", rfc="3261 22.3"
)
async def test_refresh_with_a_stale_nonce(kamailio: StartKamailio, certificates: Certificates) -> None:
    peer = kamailio(nonce_s=1, max_expires_s=8)
    async with user_agent(signalling(certificates, account(peer))) as rig:
        await registered(rig)
        before = peer.challenges()
        # PJSIP refreshes 5 s before the end: two more rounds, each with a nonce that has expired meanwhile.
        await asyncio.wait_for(rig.until(lambda: peer.challenges() >= before + 2), 30)
        assert rig.ua.accounts()[0].registered
        assert rig.ua.accounts()[0].failures == 0
        assert peer.contacts("bot")


@pytest.mark.behaviour("Accounts", "a wrong password is said and tried again later only", peer="Kamailio", rfc="3261 22.1")
async def test_wrong_password(kamailio: StartKamailio, certificates: Certificates) -> None:
    peer = kamailio()
    async with user_agent(signalling(certificates, account(peer, password="not-it"))) as rig:
        await asyncio.wait_for(rig.until(lambda: rig.ua.accounts()[0].failures > 0), 20)
        assert rig.ua.accounts()[0].code == 401
        assert peer.contacts("bot") == []


@pytest.mark.behaviour(
    "Accounts", "when the first registrar is dead the account registers at the next one", peer="Kamailio", rfc="3263 4.3"
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_failover_to_the_next_registrar(kamailio: StartKamailio, certificates: Certificates, transport: str) -> None:
    peer = kamailio()
    row = account(peer, transport=transport)
    row["registrars"].insert(0, f"{ports.HOST}:{ports.one()}")
    async with user_agent(signalling(certificates, row)) as rig:
        await registered(rig)
        assert rig.ua.accounts()[0].registrar == f"{transport}:{ports.HOST}:{peer.port}"
        assert peer.contacts("bot")


@pytest.mark.behaviour(
    "Transports",
    "a broken TCP or TLS connection is noticed, and the account registers anew",
    peer="Kamailio",
    rfc="5626 4.4",
)
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_registrar_restarts(
    kamailio: StartKamailio, certificates: Certificates, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "FIRST_RETRY_S", 0.2)
    monkeypatch.setattr(registration, "LAST_RETRY_S", 0.5)
    peer = kamailio()
    async with user_agent(signalling(certificates, account(peer, transport=transport))) as rig:
        await registered(rig)
        await asyncio.to_thread(peer.stop)
        await asyncio.wait_for(rig.until(lambda: not rig.ua.accounts()[0].registered), 20)
        assert peer.contacts("bot") == []
        await asyncio.to_thread(peer.start)
        await registered(rig)
        assert peer.contacts("bot")


@pytest.mark.behaviour("Transports", "registers over IPv6, by UDP and TCP", peer="Kamailio", rfc="3261 19.1.2")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_ipv6(kamailio: StartKamailio, certificates: Certificates, transport: str) -> None:
    peer = kamailio()
    cfg = signalling(
        certificates,
        account(peer, transport=transport, host="[::1]"),
        listen=[{"transport": transport, "host": "::1", "port": 0}],
    )
    async with user_agent(cfg) as rig:
        await registered(rig)
        [contact] = peer.contacts("bot")
        assert contact.startswith("sip:bot@[::1]:")


@pytest.mark.behaviour(
    "Accounts",
    "softphones that register at a Kamailio in front call the bot's account and, as a trunk, any number of the switch",
    peer="Kamailio",
    rfc="3261 16",
)
@pytest.mark.parametrize(("number", "name"), [("bot", f"bot@{DOMAIN}"), ("9001", "front")])
def test_a_softphone_calls_through(
    kamailio: StartKamailio, start_switch: StartSwitch, certificates: Certificates, tmp_path: Path, number: str, name: str
) -> None:
    sip_port = ports.one()
    peer = kamailio(switch=f"sip:{ports.HOST}:{sip_port}")
    sip = {
        "listen": [{"transport": "udp", "host": ports.HOST, "port": sip_port}],
        "accounts": [account(peer)],
    }
    if name == "front":
        sip = {**sip, "accounts": [], "trunks": [{"name": name, "hosts": [f"{ports.HOST}:{peer.port}"], "options_s": 1}]}
    switch = start_switch("echo", sip=sip)
    if name != "front":
        peer.wait_contact("bot")
    rate, seconds = 8000, 4.0
    sweep = audio.chirp(seconds + 8, rate)
    microphone = audio.write_wav(tmp_path / "microphone.wav", sweep, rate)
    options = ["auth_user=alice", "auth_pass=alice-secret", f'outbound="sip:{ports.HOST}:{peer.port}"']
    phone = Softphone(
        tmp_path / "phone", certificates, microphone, rate, "PCMU/8000/1", *options, user="alice", registrar=DOMAIN
    )
    try:
        peer.wait_contact("alice")
        phone.call(f"sip:{number}@{DOMAIN}")
        until("the echo heard", lambda: phone.heard_seconds() >= seconds, seconds + 15)
        phone.hang_up()
    finally:
        phone.stop()
    heard, _ = audio.read_wav(phone.heard)
    alike = audio.likeness(sweep[: round(seconds * rate)], heard, rate)
    assert np.median(alike) > 0.98, alike
    [call] = [call for call in switch.calls() if call["direction"] == "in"]
    assert call["account"] == name
