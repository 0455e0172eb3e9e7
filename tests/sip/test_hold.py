# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold and resume, of the peer and of ours, on the wire: RFC 3264 sections 6.1 and 8.4, RFC 3261 section 14."""

from __future__ import annotations

import asyncio

import pytest

from sipagent.signalling.errors import SignallingError
from tests.sip.rig import Rig, config, user_agent
from tests.sip.ua import Rtp, answered, direction, hung_up, most_ms, offer
from tests.sip.wire import Peer

MEDIA = {"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000}


@pytest.mark.parametrize(
    ("lines", "host", "answer", "held", "heard"),
    [
        (["a=sendonly"], "127.0.0.1", "recvonly", True, True),
        (["a=inactive"], "127.0.0.1", "inactive", True, False),
        ([], "0.0.0.0", "inactive", True, False),
        (["a=recvonly"], "127.0.0.1", "sendonly", False, False),
        (["a=sendrecv"], "127.0.0.1", "sendrecv", False, True),
        ([], "127.0.0.1", "sendrecv", False, True),
    ],
    ids=["sendonly", "inactive", "zeroes", "recvonly", "sendrecv", "unsaid"],
)
async def test_every_direction_is_answered(
    rig: Rig, peer: Peer, rtp: Rtp, lines: list[str], host: str, answer: str, held: bool, heard: bool
) -> None:
    ua, call = await answered(rig, peer, rtp)
    told: list[bool] = []
    call.on_hold = told.append
    got = await ua.ask("INVITE", offer(rtp.port, *lines, host=host, version=2))
    assert (got.status, direction(got)) == (200, answer)
    await asyncio.wait_for(rig.until(lambda: call.held is held), 5)
    assert told == ([True] if held else [])
    resting = call.leg.written - call.leg.played
    frames = len(rtp.came)
    if held:
        await asyncio.sleep(0.3)
        assert call.leg.written - call.leg.played == resting  # what is queued waits
        assert len(rtp.came) <= frames + 2
    else:
        await rtp.hears(rig, 10)
    back = await ua.ask("INVITE", offer(rtp.port, version=3))
    assert (back.status, direction(back)) == (200, "sendrecv")
    await asyncio.wait_for(rig.until(lambda: not call.held), 5)
    assert told == ([True, False] if held else [])
    await rtp.hears(rig, 10)
    await hung_up(rig, ua, call)


async def test_offers_that_change_nothing_or_little_leave_no_gap(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """The same again, another address, another codec, another ptime: the sample count of what comes tells."""
    ua, call = await answered(rig, peer, rtp)
    other = await Rtp.open()
    first = len(rtp.came)
    for version, (to, lines, media) in enumerate(
        [
            (rtp, [], "RTP/AVP 0 101"),
            (rtp, ["a=ptime:40"], "RTP/AVP 0 101"),
            (rtp, ["a=ptime:20"], "RTP/AVP 8 101"),
            (other, [], "RTP/AVP 8 101"),
        ],
        2,
    ):
        got = await ua.ask("INVITE", offer(to.port, *lines, media=media, version=version))
        assert got.status == 200
        await to.hears(rig, 8)
    everything = [*rtp.came[first:], *other.came]
    assert {p.ssrc for p in everything} == {rtp.came[0].ssrc}
    rtp.came = everything
    assert rtp.gap_ms() <= most_ms(call)
    other.close()
    await hung_up(rig, ua, call)


async def test_our_hold_and_back(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await answered(rig, peer, rtp)
    for on, ours, theirs in ((True, "sendonly", "a=recvonly"), (False, "sendrecv", "a=sendrecv")):
        holding = asyncio.ensure_future(call.control.hold(on))
        offered = await peer.request("INVITE")
        assert direction(offered) == ours
        peer.respond(offered, "200 OK", rig.port, body=offer(rtp.port, theirs, version=2))
        await peer.request("ACK")
        await asyncio.wait_for(holding, 5)
        assert not call.held
        await rtp.hears(rig, 5)  # music on hold is ours to play
    await hung_up(rig, ua, call)


async def test_our_hold_is_refused(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await answered(rig, peer, rtp)
    holding = asyncio.ensure_future(call.control.hold(True))
    peer.respond(await peer.request("INVITE"), "488 Not Acceptable Here", rig.port)
    with pytest.raises(SignallingError, match="hold refused: 488 Not Acceptable Here"):
        await asyncio.wait_for(holding, 5)
    await rtp.hears(rig, 5)
    await hung_up(rig, ua, call)


async def test_glare_is_tried_again(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 14.1: 491, then a pause, then once more."""
    ua, call = await answered(rig, peer, rtp)
    call.control._rng.seed(3)  # type: ignore[attr-defined]
    holding = asyncio.ensure_future(call.control.hold(True))
    peer.respond(await peer.request("INVITE"), "491 Request Pending", rig.port)
    again = await peer.request("INVITE")
    peer.respond(again, "200 OK", rig.port, body=offer(rtp.port, "a=recvonly", version=2))
    await peer.request("ACK")
    await asyncio.wait_for(holding, 5)
    await hung_up(rig, ua, call)


async def test_an_offer_while_ours_is_out_gets_491(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await answered(rig, peer, rtp)
    holding = asyncio.ensure_future(call.control.hold(True))
    ours = await peer.request("INVITE")
    assert (await ua.ask("INVITE", offer(rtp.port, version=2))).status == 491
    peer.respond(ours, "200 OK", rig.port, body=offer(rtp.port, "a=recvonly", version=3))
    await asyncio.wait_for(holding, 5)
    await hung_up(rig, ua, call)


async def test_silence_on_hold_is_no_lost_caller_but_has_an_end(peer: Peer, rtp: Rtp) -> None:
    async with user_agent(config(sip={"calls": {"hold_s": 1.0}}, media={**MEDIA, "rx_timeout_s": 0.3})) as rig:
        ua, call = await answered(rig, peer, rtp)
        await ua.ask("INVITE", offer(rtp.port, "a=sendonly", version=2))
        rtp.to = None
        bye = await peer.request("BYE")
        peer.respond(bye, "200 OK", rig.port)
        await rig.over(call)
        assert (call.end_code, call.end_reason) == (408, "we hung up: on hold for 1 s")
