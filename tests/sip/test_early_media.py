# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound before the answer, reliable provisional responses (RFC 3262), offers that come late, and answers of several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sipagent.call import Call, CallState
from tests.sip.rig import Rig, config, hear, tone, user_agent
from tests.sip.ua import Rtp, Ua, offer
from tests.sip.wire import Message, Peer

MEDIA = {"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with user_agent(config(media=MEDIA)) as rig:
        rig.rings = False
        yield rig


async def called(rig: Rig, peer: Peer, body: str, headers: str = "") -> tuple[Ua, Call]:
    ua = Ua(peer, rig.port)
    ua.send("INVITE", body, headers)
    return ua, await rig.taken()


async def calling(rig: Rig, peer: Peer) -> tuple[Call, Message]:
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    return call, await peer.request("INVITE")


def prack(ua: Ua, rung: Message, body: str = "") -> None:
    """Acknowledges a reliable 18x: RFC 3262 section 7.2."""
    ua.remote = rung.get("to")
    ua.send("PRACK", body, f"RAck: {rung.get('rseq')} {rung.get('cseq')}\r\n")


async def test_callers_hear_us_before_the_answer(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await called(rig, peer, offer(rtp.port))
    await call.control.answer(183, [("X-Why", "queue")])
    rung = await peer.response("INVITE", 180)
    assert (rung.status, rung.get("x-why"), rung.get("require")) == (183, "queue", "")
    rtp.aim(rung)
    await asyncio.wait_for(call.media_ready.wait(), 5)
    call.leg.write(tone(440, 5.0, 8000))
    await rtp.hears(rig, 5)
    await hear(call, 0.1)
    assert call.state is CallState.RINGING
    await call.control.answer()
    before = len(rtp.came)
    await ua.final()
    await rtp.hears(rig, 5)
    assert rtp.gap_ms(before - 1) <= 60
    assert {p.ssrc for p in rtp.came} == {rtp.came[0].ssrc}
    await ua.hang_up()
    await rig.over(call)


@pytest.mark.parametrize("extension", ["Supported: 100rel\r\n", "Require: 100rel\r\n"])
async def test_reliable_to_a_peer_that_wants_it(rig: Rig, peer: Peer, rtp: Rtp, extension: str) -> None:
    ua, call = await called(rig, peer, offer(rtp.port), extension)
    await call.control.answer(183)
    rung = await peer.response("INVITE", 180)
    assert (rung.status, rung.get("require")) == (183, "100rel")
    again = await peer.response("INVITE", 180)  # RFC 3262 section 3: until it is acknowledged
    assert again.get("rseq") == rung.get("rseq")
    prack(ua, rung)
    assert (await peer.response("PRACK")).status == 200
    await call.control.answer()
    assert (await ua.final()).status == 200
    await ua.hang_up()
    await rig.over(call)


async def test_the_answer_waits_for_the_prack(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3262 section 3: no 2xx while a reliable response with a session description is not acknowledged."""
    ua, call = await called(rig, peer, offer(rtp.port), "Supported: 100rel\r\n")
    await call.control.answer(183)
    rung = await peer.response("INVITE", 180)
    await call.control.answer()
    assert (await peer.response("INVITE", 180)).status == 183
    prack(ua, rung)
    assert (await peer.response("PRACK")).status == 200
    assert (await ua.final()).status == 200
    await ua.hang_up()
    await rig.over(call)


async def test_a_reliable_answer_that_nobody_acknowledges(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """It is cancelled by the caller here; 64*T1 are too long for a test."""
    ua, call = await called(rig, peer, offer(rtp.port), "Supported: 100rel\r\n")
    await call.control.answer(183)
    await peer.response("INVITE", 180)
    ua.send("CANCEL", cseq=ua.invite_cseq, branch=ua.branch)
    assert (await ua.final()).status == 487
    await rig.over(call)


async def test_where_100rel_is_off_only_those_who_require_it_get_it(peer: Peer, rtp: Rtp) -> None:
    async with user_agent(config(sip={"calls": {"reliable": "off"}}, media=MEDIA)) as rig:
        rig.rings = False
        for extension, wanted in (("Supported: 100rel\r\n", ""), ("Require: 100rel\r\n", "100rel")):
            ua, call = await called(rig, peer, offer(rtp.port), extension)
            await call.control.answer(183)
            assert (await peer.response("INVITE", 180)).get("require") == wanted
            await call.hangup()
            assert (await ua.final()).status == 603
            await rig.over(call)


async def test_we_hear_the_callee_before_the_answer(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    call, invite = await calling(rig, peer)
    rtp.aim(invite)
    peer.respond(invite, "183 Session Progress", rig.port, body=offer(rtp.port))
    await asyncio.wait_for(call.media_ready.wait(), 5)
    await hear(call, 0.1)
    call.leg.write(tone(440, 5.0, 8000))
    await rtp.hears(rig, 5)
    assert (call.state, call.progress) == (CallState.RINGING, (183, True))
    before = len(rtp.came)
    peer.respond(invite, "200 OK", rig.port, body=offer(rtp.port))
    await peer.request("ACK")
    await rtp.hears(rig, 5)
    assert rtp.gap_ms(before - 1) <= 60
    await Ua.called(peer, rig.port, invite).hang_up()
    await rig.over(call)


async def test_we_acknowledge_reliable_responses(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    call, invite = await calling(rig, peer)
    assert "100rel" in invite.get("supported")
    peer.respond(invite, "183 Session Progress", rig.port, "Require: 100rel\r\nRSeq: 4711\r\n", offer(rtp.port))
    ack = await peer.request("PRACK")
    assert ack.get("rack") == f"4711 {invite.get('cseq')}"
    peer.respond(ack, "200 OK", rig.port)
    await asyncio.wait_for(call.media_ready.wait(), 5)
    peer.respond(invite, "200 OK", rig.port)  # the answer was in the 183
    await peer.request("ACK")
    await asyncio.wait_for(call.answered.wait(), 5)
    await Ua.called(peer, rig.port, invite).hang_up()
    await rig.over(call)


async def test_an_offer_in_our_reliable_183(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3262 section 5: INVITE without offer, ours in the 183, the answer in the PRACK."""
    ua, call = await called(rig, peer, "", "Supported: 100rel\r\n")
    await call.control.answer(183)
    rung = await peer.response("INVITE", 180)
    assert "m=audio" in rung.body
    prack(ua, rung, offer(rtp.port))
    assert (await peer.response("PRACK")).status == 200
    await asyncio.wait_for(call.media_ready.wait(), 5)
    rtp.aim(rung)
    await hear(call, 0.1)
    await call.control.answer()
    await ua.final()
    await ua.hang_up()
    await rig.over(call)


async def test_no_offer_in_an_unreliable_183(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 13.2.1: the first reliable message carries it, and without 100rel that is the 200."""
    ua, call = await called(rig, peer, "")
    await call.control.answer(183)
    rung = await peer.response("INVITE", 180)
    assert (rung.status, rung.body) == (180, "")
    await call.control.answer()
    answer = await ua.final(ack=offer(rtp.port))
    assert "m=audio" in answer.body
    await asyncio.wait_for(call.media_ready.wait(), 5)
    await ua.hang_up()
    await rig.over(call)


async def test_we_call_without_an_offer(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    call = await rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}", offer=False)
    rig.legs.append(call.leg)
    invite = await peer.request("INVITE")
    assert invite.body == ""
    peer.respond(invite, "180 Ringing", rig.port)
    peer.respond(invite, "200 OK", rig.port, body=offer(rtp.port))
    ack = await peer.request("ACK")
    assert "m=audio" in ack.body
    rtp.aim(ack)
    await asyncio.wait_for(call.media_ready.wait(), 5)
    await hear(call, 0.1)
    await Ua.called(peer, rig.port, invite).hang_up()
    await rig.over(call)


def forked(invite: Message, tag: str) -> Message:
    """The request with a To that makes Peer.respond answer as another callee."""
    headers = [(n, f"{v};tag={tag}" if n == "to" else v) for n, v in invite.headers]
    return Message(invite.start, headers)


async def test_of_several_callees_one_wins(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 13.2.2.4: the second 200 is acknowledged and its dialog ended; a third callee's 18x does no harm."""
    call, invite = await calling(rig, peer)
    for tag, status, body in (("a", "180 Ringing", ""), ("b", "183 Progress", offer(rtp.port)), ("c", "180 Ringing", "")):
        peer.respond(forked(invite, tag), status, rig.port, body=body)
    peer.respond(forked(invite, "a"), "200 OK", rig.port, body=offer(rtp.port))
    assert (await peer.request("ACK")).get("to").endswith(";tag=a")
    await asyncio.wait_for(call.answered.wait(), 5)
    await asyncio.wait_for(call.media_ready.wait(), 5)
    peer.respond(forked(invite, "b"), "200 OK", rig.port, body=offer(9))
    assert (await peer.request("ACK")).get("to").endswith(";tag=b")
    bye = await peer.request("BYE")
    assert bye.get("to").endswith(";tag=b")
    peer.respond(bye, "200 OK", rig.port)
    assert call.state is CallState.CONFIRMED
    rtp.aim(invite)
    await hear(call, 0.1)
    ua = Ua.called(peer, rig.port, invite)
    ua.local = f"{invite.get('to')};tag=a"
    await ua.hang_up()
    await rig.over(call)
