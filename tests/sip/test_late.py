# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after we have given up, or were told to: nobody's phone goes on ringing, and no answer is left unanswered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sip.rig import Rig, config, user_agent
from tests.sip.ua import Rtp, Ua, offer
from tests.sip.wire import Message, Peer

MEDIA = {"codecs": ["PCMU/8000"], "rate": 8000}


@pytest.fixture
async def other() -> AsyncIterator[Peer]:
    peer = await Peer.open()
    yield peer
    peer.close()


def trunk(*peers: Peer, **more: Any) -> dict[str, Any]:
    hosts = [f"127.0.0.1:{peer.port}" for peer in peers]
    return {"try_s": 0.5, "trunks": [{"name": "provider", "hosts": hosts, "options_s": 0}], **more}


async def given_up(rig: Rig, slow: Peer, good: Peer) -> tuple[Message, Message]:
    """A call that one host has said nothing to, so that the next one has it: the two INVITEs."""
    await asyncio.wait_for(rig.until(lambda: all(h.target for h in rig.ua.trunks()[0].hosts)), 5)
    await rig.invite("sip:1@provider.example", account="provider")
    late = await slow.request("INVITE")
    return late, await good.request("INVITE")


async def test_who_rings_late_is_cancelled(peer: Peer, other: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 9.1: not before the provisional response, which is when it is there."""
    async with user_agent(config(sip=trunk(peer, other), media=MEDIA)) as rig:
        late, taken = await given_up(rig, peer, other)
        [call] = rig.ua.calls.values()
        other.respond(taken, "200 OK", rig.port, body=offer(rtp.port))
        await other.request("ACK")
        await asyncio.wait_for(call.answered.wait(), 5)
        assert not [m for m in peer.seen if m.method == "CANCEL"]
        peer.respond(late, "180 Ringing", rig.port)
        cancel = await peer.request("CANCEL")
        assert cancel.get("via") == late.get("via")
        peer.respond(cancel, "200 OK", rig.port)
        peer.respond(late, "487 Request Terminated", rig.port)
        await peer.request("ACK")
        assert list(rig.ua.calls.values()) == [call]
        ended = asyncio.ensure_future(call.hangup())
        other.respond(await other.request("BYE"), "200 OK", rig.port)
        await ended
        await rig.over(call)


async def test_who_answers_late_gets_ack_and_bye(peer: Peer, other: Peer) -> None:
    """RFC 3261 section 13.2.2.4."""
    async with user_agent(config(sip=trunk(peer, other), media=MEDIA)) as rig:
        late, taken = await given_up(rig, peer, other)
        [call] = rig.ua.calls.values()
        other.respond(taken, "486 Busy Here", rig.port)
        await rig.over(call)
        assert call.end_code == 486
        peer.respond(late, "200 OK", rig.port, body=offer(36990))
        ack = await peer.request("ACK")
        assert ack.get("cseq").split()[0] == late.get("cseq").split()[0]
        peer.respond(await peer.request("BYE"), "200 OK", rig.port)
        assert not rig.ua.calls


async def test_the_only_host_is_silent(peer: Peer) -> None:
    async with user_agent(config(sip=trunk(peer), media=MEDIA)) as rig:
        await asyncio.wait_for(rig.until(lambda: bool(rig.ua.trunks()[0].hosts[0].target)), 5)
        call = await rig.invite("sip:1@provider.example", account="provider")
        await rig.over(call)
        assert (call.end_code, call.end_reason) == (408, "callee not reached: 408 Request Timeout")
        assert not rig.ua.calls


async def test_an_invite_that_nobody_waits_for_any_more(peer: Peer) -> None:
    """Whoever asked for the call was cancelled: it rings nowhere, and its leg is closed."""
    async with user_agent(config(media=MEDIA)) as rig:
        asked = asyncio.ensure_future(rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}"))
        while not rig.ua.calls:  # noqa: ASYNC110  from here on it may be on its way, and is not told yet
            await asyncio.sleep(0)
        [call] = rig.ua.calls.values()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await rig.over(call)
        assert not rig.ua.calls
        assert call.end_code == 487
        try:
            invite = await peer.request("INVITE", 1.0)
        except TimeoutError:
            return  # it never went out
        peer.respond(invite, "180 Ringing", rig.port)
        peer.respond(await peer.request("CANCEL"), "200 OK", rig.port)


async def test_a_prack_for_nothing_is_refused_and_what_waits_goes_on(peer: Peer, rtp: Rtp) -> None:
    """RFC 3262 section 3: 481, and the response is repeated until its own PRACK comes; 400 without RAck."""
    async with user_agent(config(media=MEDIA)) as rig:
        rig.rings = False
        ua = Ua(peer, rig.port)
        ua.send("INVITE", offer(rtp.port), "Supported: 100rel\r\n")
        call = await rig.taken()
        await call.control.answer(183)
        rung = await peer.response("INVITE", 180)
        ua.remote = rung.get("to")
        rseq, cseq = int(rung.get("rseq")), rung.get("cseq")
        wrong = (f"RAck: {rseq + 1} {cseq}\r\n", f"RAck: {rseq} 77 INVITE\r\n", "")
        for header, status in zip(wrong, (481, 481, 400), strict=True):
            ua.send("PRACK", headers=header)
            assert (await peer.response("PRACK")).status == status
        again = await peer.response("INVITE", 180)
        assert again.get("rseq") == rung.get("rseq")
        for status in (200, 481):  # the second time there is nothing left to acknowledge
            ua.send("PRACK", headers=f"RAck: {rseq} {cseq}\r\n")
            assert (await peer.response("PRACK")).status == status
        await call.control.answer(180)
        rung = await peer.response("INVITE", 180)
        await call.control.answer()
        ua.send("PRACK", headers=f"RAck: {rung.get('rseq')} {cseq}\r\n")  # crosses the answer, or is what it waits for
        assert (await peer.response("PRACK")).status == 200
        assert (await ua.final()).status == 200
        await ua.hang_up()
        await rig.over(call)
