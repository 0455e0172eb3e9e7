# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine gets another address while it runs: whoever has the old one is told, and calls go on."""

from __future__ import annotations

import asyncio

import pytest

from mediacore import pjsua2
from sipagent.config import Config
from sipagent.signalling import advertise, moving
from sipagent.signalling.accounts import SipAccount
from tests.sip.registrar import Registrar
from tests.sip.rig import config, user_agent
from tests.sip.ua import Rtp, Ua, hung_up, offer
from tests.sip.wire import Peer

BEFORE, NOW = "127.0.0.2", "127.0.0.3"


class Machine:
    """Where it says that it is; everything else is real, for 127.0.0.0/8 is all ours."""

    address = BEFORE


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(advertise, "primary_address", lambda version: made.address)
    monkeypatch.setattr(moving, "LOOK_S", 0.05)
    return made


def anywhere(**sip: object) -> Config:
    listen = [{"transport": "udp", "host": "0.0.0.0", "port": 0}]
    return config(sip={"listen": listen, **sip}, media={"host": "0.0.0.0", "codecs": ["PCMU/8000"], "rate": 8000})


async def test_a_call_goes_on_by_the_new_address(machine: Machine) -> None:
    """Its peer gets a re-INVITE with Contact and media there, and the sound comes by it; the next call knows no other."""
    peer, rtp = await Peer.open(), await Rtp.open()
    async with user_agent(anywhere()) as rig:
        ua = Ua(peer, rig.port)
        ua.send("INVITE", offer(rtp.port))
        call = await rig.taken()
        await call.control.answer()
        first = await ua.final()
        assert f"@{BEFORE}:" in first.get("contact")
        assert f"c=IN IP4 {BEFORE}\r\n" in first.body
        rtp.aim(first)
        await asyncio.wait_for(call.answered.wait(), 5)
        machine.address = NOW
        moved = await peer.request("INVITE")
        assert f"@{NOW}:" in moved.get("contact")
        assert f"c=IN IP4 {NOW}\r\n" in moved.body
        peer.respond(moved, "200 OK", rig.port, body=offer(rtp.port, version=2))
        await peer.request("ACK")
        rtp.aim(moved)
        rtp.to = (NOW, rtp.to[1]) if rtp.to else None
        heard = bytearray()
        call.leg.on_audio = lambda pcm, arrival_us, index, lost: b"" if lost else heard.extend(pcm)
        await asyncio.wait_for(rig.until(lambda: len(heard) > 10 * 320), 10)
        call.leg.write(b"\x10\x20" * 8000)
        await rtp.hears(rig, 10)
        await hung_up(rig, ua, call)
        other = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        assert f"@{NOW}:" in invite.get("contact")
        assert f"c=IN IP4 {NOW}\r\n" in invite.body
        assert BEFORE not in invite.get("from")
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(other)
    rtp.close()
    peer.close()


async def test_a_call_is_not_left_silent_when_its_peer_refuses_the_new_address(machine: Machine) -> None:
    """Its old sockets are closed by then: it is ended, and says why."""
    peer, rtp = await Peer.open(), await Rtp.open()
    async with user_agent(anywhere()) as rig:
        ua = Ua(peer, rig.port)
        ua.send("INVITE", offer(rtp.port))
        call = await rig.taken()
        await call.control.answer()
        await ua.final()
        await asyncio.wait_for(call.answered.wait(), 5)
        machine.address = NOW
        peer.respond(await peer.request("INVITE"), "488 Not Acceptable Here", rig.port)
        bye = await peer.request("BYE")
        assert "new address refused" in bye.get("reason")
        peer.respond(bye, "200 OK", rig.port)
        await rig.over(call)
        assert call.end_reason
    rtp.close()
    peer.close()


async def test_an_account_that_can_not_be_changed_keeps_no_other_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[str] = []
    modify = SipAccount.modify

    def fails_for_direct_calls(account: SipAccount, settings: pjsua2.AccountConfig) -> None:
        if not account.user:
            raise pjsua2.Error
        modify(account, settings)
        changed.append(account.user)

    monkeypatch.setattr(SipAccount, "modify", fails_for_direct_calls)
    registrar = await Registrar.open()
    account = {
        "user": "600",
        "host": "pbx",
        "registrars": [f"127.0.0.1:{registrar.port}"],
        "password": "secret",
        "realm": "pbx",
    }
    async with user_agent(anywhere(accounts=[account])) as rig:
        assert await registrar.bound() > 0
        machine.address = NOW
        await asyncio.wait_for(rig.until(lambda: changed == ["600"]), 10)
    registrar.close()


async def test_a_registration_takes_the_old_contact_back(machine: Machine) -> None:
    registrar = await Registrar.open(received=lambda: machine.address)
    account = {
        "user": "600",
        "host": "pbx",
        "registrars": [f"127.0.0.1:{registrar.port}"],
        "password": "secret",
        "realm": "pbx",
    }
    async with user_agent(anywhere(accounts=[account])) as rig:
        assert await registrar.bound() > 0
        assert BEFORE in registrar.contact
        machine.address = NOW

        def taken_over() -> bool:
            """In either order: each of the two is challenged."""
            rows = registrar.accepted
            return any(not s and BEFORE in c for s, c in rows) and any(s and NOW in c for s, c in rows)

        await asyncio.wait_for(rig.until(taken_over), 10)
        await asyncio.wait_for(rig.until(lambda: rig.ua.accounts()[0].registered), 10)
    registrar.close()


async def test_no_network_for_a_while_is_no_other_address(machine: Machine) -> None:
    told: list[dict[str, str]] = []

    async def moved(addresses: dict[str, str]) -> None:
        told.append(addresses)

    watching = asyncio.create_task(moving.watch(anywhere(), moved))
    for address in (BEFORE, "127.0.0.1", BEFORE, NOW, "127.0.0.1", NOW):
        machine.address = address
        await asyncio.sleep(0.2)
    watching.cancel()
    assert told == [{"0.0.0.0": NOW}]


async def test_an_ip_version_that_is_gone_hides_no_change_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {4: BEFORE, 6: "2001:db8::2"}
    monkeypatch.setattr(advertise, "primary_address", addresses.__getitem__)
    monkeypatch.setattr(moving, "LOOK_S", 0.01)
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    listen = [{"transport": "udp", "host": host, "port": 0} for host in ("0.0.0.0", "::")]
    cfg = config(sip={"listen": listen}, media={"host": "0.0.0.0", "codecs": ["PCMU/8000"], "rate": 8000})
    watching = asyncio.create_task(moving.watch(cfg, told.put))
    await asyncio.sleep(0)
    addresses.update({4: NOW, 6: "::1"})
    assert await asyncio.wait_for(told.get(), 10) == {"0.0.0.0": NOW, "::": "2001:db8::2"}
    watching.cancel()
