# SPDX-License-Identifier: GPL-3.0-or-later
"""Session timers (RFC 4028) with the shortest interval that the RFC allows, 90 s: a minute of real time, all calls at once."""

from __future__ import annotations

import asyncio

from sipagent.call import Call
from tests.sip.rig import Rig, config, user_agent
from tests.sip.ua import Rtp, Ua, offer
from tests.sip.wire import Message, Peer

INTERVAL_S = 90
HALF_S = INTERVAL_S / 2
EXPIRY_S = INTERVAL_S - 30  # the interval less min(32 s, a third of it): RFC 4028 section 10
EARLY_S = 1.5  # whole seconds are what timers and headers know
UNSAID = "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n"


async def next_of(peer: Peer, *methods: str) -> tuple[Message, float]:
    """The next request with one of these methods, and when it came."""
    while True:
        message, _ = await asyncio.wait_for(peer.inbox.get(), INTERVAL_S)
        if message.method in methods:
            return message, asyncio.get_running_loop().time()


async def called(rig: Rig, peer: Peer, rtp: Rtp, refresher: str) -> tuple[Call, float]:
    ua, start = Ua(peer, rig.port), asyncio.get_running_loop().time()
    ua.send("INVITE", offer(rtp.port), f"{UNSAID}Session-Expires: {INTERVAL_S};refresher={refresher}\r\n")
    call = await rig.taken()
    await call.control.answer()
    answer = await ua.final()
    assert answer.get("session-expires") == f"{INTERVAL_S};refresher={refresher}"
    return call, start


def in_time(took_s: float, wanted_s: float) -> bool:
    """Counted from before the timer began, so that a machine that stalls only makes it longer; what matters is that it comes
    while the session lasts."""
    return wanted_s - EARLY_S <= took_s < INTERVAL_S


async def refreshed_by_us(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    call, start = await called(rig, peer, rtp, "uas")
    request, at = await next_of(peer, "UPDATE", "INVITE", "BYE")
    assert request.method == "UPDATE"
    assert request.get("session-expires") == f"{INTERVAL_S};refresher=uac"
    assert in_time(at - start, HALF_S)
    peer.respond(request, "481 Call Does Not Exist", rig.port)  # the peer lost it: section 10 of the RFC
    bye, _ = await next_of(peer, "BYE")
    peer.respond(bye, "200 OK", rig.port)
    await asyncio.wait_for(call.ended.wait(), INTERVAL_S)


async def never_refreshed(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    call, start = await called(rig, peer, rtp, "uac")
    bye, at = await next_of(peer, "BYE")
    assert in_time(at - start, EXPIRY_S)
    peer.respond(bye, "200 OK", rig.port)
    await asyncio.wait_for(call.ended.wait(), INTERVAL_S)
    assert "not refreshed in time" in call.end_reason


async def our_call(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    invite = await peer.request("INVITE")
    start = asyncio.get_running_loop().time()
    peer.respond(
        invite,
        "200 OK",
        rig.port,
        f"{UNSAID}Require: timer\r\nSession-Expires: {INTERVAL_S};refresher=uac\r\n",
        offer(rtp.port),
    )
    await peer.request("ACK")
    request, at = await next_of(peer, "UPDATE", "INVITE", "BYE")
    assert request.method in ("UPDATE", "INVITE")
    assert in_time(at - start, HALF_S)
    body = offer(rtp.port, version=2) if request.body else ""
    peer.respond(request, "200 OK", rig.port, f"Session-Expires: {INTERVAL_S};refresher=uac\r\nRequire: timer\r\n", body)
    await Ua.called(peer, rig.port, invite).hang_up()
    await asyncio.wait_for(call.ended.wait(), 10)
    assert call.end_reason == "callee hung up"


async def test_refresh_at_half_and_bye_before_the_end() -> None:
    async with user_agent(config(media={"codecs": ["PCMU/8000"], "rate": 8000, "rx_timeout_s": 600.0})) as rig:
        peers = [await Peer.open() for _ in range(3)]
        rtp = await Rtp.open()
        await refreshed_by_us_and_others(rig, peers, rtp)
        rtp.close()
        for peer in peers:
            peer.close()


async def refreshed_by_us_and_others(rig: Rig, peers: list[Peer], rtp: Rtp) -> None:
    """Calls are taken in the order in which they are made."""
    scenes = [refreshed_by_us(rig, peers[0], rtp), never_refreshed(rig, peers[1], rtp)]
    running = [asyncio.ensure_future(scene) for scene in scenes]
    running.append(asyncio.ensure_future(our_call(rig, peers[2], rtp)))
    await asyncio.gather(*running)
