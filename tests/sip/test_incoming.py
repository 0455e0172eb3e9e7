# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to us, from a peer that writes its messages by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sipagent.call import Call, CallState
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Dialog, Peer, sdp

CODECS = {"codecs": ["PCMU/8000", "PCMA/8000"]}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with user_agent(config(sip={"max_calls": 2, "retry_after_s": 7}, media=CODECS)) as rig:
        yield rig


async def answered(rig: Rig, peer: Peer) -> tuple[Dialog, Call]:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp())
    call = await rig.taken()
    await call.control.answer()
    assert (await dialog.final()).status == 200
    await asyncio.wait_for(call.media_ready.wait(), 5)
    return dialog, call


async def test_rings_is_answered_and_ends_with_the_callers_bye(rig: Rig, peer: Peer) -> None:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp())
    call = await rig.taken()
    assert call.state is CallState.RINGING
    assert (await peer.response("INVITE", 180)).status == 180
    assert "sip:tester@127.0.0.1" in call.remote_uri
    assert "sip:600@127.0.0.1" in call.local_uri
    assert call.sip_call_id == dialog.call_id
    await call.control.answer()
    answer = await dialog.final()
    assert answer.status == 200
    assert "m=audio" in answer.body
    dialog.within("BYE", 'Reason: Q.850;cause=16;text="Terminated"\r\n')
    assert (await peer.response("BYE")).status == 200
    await rig.over(call)
    assert (call.state, call.end_code) == (CallState.ENDED, 0)
    assert call.end_reason == "caller hung up (Q.850 16 Terminated)"
    assert call.started_us <= call.answered_us <= call.ended_us
    assert not rig.ua.calls


async def test_our_bye_says_why(rig: Rig, peer: Peer) -> None:
    _, call = await answered(rig, peer)
    await call.hangup(500, 'engine "x" gone\r\nX-Evil: 1')
    bye = await peer.request("BYE")
    assert bye.all("reason") == [
        'Q.850;cause=41;text="engine  x  gone X-Evil: 1"',
        'SIP;cause=500;text="engine  x  gone X-Evil: 1"',
    ]
    assert not bye.get("x-evil")
    peer.respond(bye, "200 OK", rig.port)
    await rig.over(call)
    assert call.end_code == 500
    assert call.end_reason.startswith("we hung up")
    await call.hangup()  # a call that ended takes no harm
    await call.control.answer()


@pytest.mark.parametrize(("code", "status"), [(486, 486), (0, 603), (480, 480)])
async def test_refusals(rig: Rig, peer: Peer, code: int, status: int) -> None:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp())
    call = await rig.taken()
    await call.hangup(code)
    answer = await dialog.final()
    assert answer.status == status
    assert answer.get("reason").startswith("Q.850;cause=")
    await rig.over(call)
    assert (call.end_code, call.answered_us) == (status, 0)


async def test_cancelled_by_the_caller(rig: Rig, peer: Peer) -> None:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp())
    call = await rig.taken()
    dialog.cancel('Reason: SIP;cause=200;text="Call completed elsewhere"\r\n')
    assert (await dialog.final()).status == 487
    await rig.over(call)
    assert call.end_code == 487
    assert call.end_reason == "caller cancelled (SIP 200 Call completed elsewhere)"


async def test_beyond_the_limit_503_and_the_running_calls_do_not_notice(rig: Rig, peer: Peer) -> None:
    running = [await answered(rig, peer) for _ in range(2)]
    for _ in range(5):
        extra = Dialog(peer, rig.port)
        extra.invite(sdp())
        answer = await extra.final()
        assert (answer.status, answer.get("retry-after")) == (503, "7")
    assert rig.incoming.empty()
    assert all(call.state is CallState.CONFIRMED for _, call in running)
    running[0][0].within("BYE")
    await rig.over(running[0][1])
    again, _ = await answered(rig, peer)  # the place is free at once
    again.within("BYE")
    assert (await peer.response("BYE")).status == 200


async def test_no_common_codec_is_488(rig: Rig, peer: Peer) -> None:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp("RTP/AVP 18", "a=rtpmap:18 G729/8000\r\n"))
    assert (await dialog.final()).status == 488
    assert rig.incoming.empty()


async def test_invite_without_offer_gets_ours(rig: Rig, peer: Peer) -> None:
    """RFC 3261 section 13.2.1: the offer is in the 200, the answer in the ACK."""
    dialog = Dialog(peer, rig.port)
    dialog.invite("")
    call = await rig.taken()
    await call.control.answer()
    answer = await peer.response("INVITE")
    assert "m=audio" in answer.body
    assert "m=text" not in answer.body
    dialog.to_tag = answer.get("to").partition(";tag=")[2]
    peer.send(dialog.text("ACK", body=sdp(), branch="z9hG4bKlate"), rig.port)
    await asyncio.wait_for(call.media_ready.wait(), 5)
    dialog.within("BYE")
    await rig.over(call)


async def test_info_digits(rig: Rig, peer: Peer) -> None:
    """As relay bodies and as plain ones; what is no digit is refused."""
    dialog, call = await answered(rig, peer)
    digits: list[tuple[str, int]] = []
    call.on_dtmf = lambda digit, ms: digits.append((digit, ms))
    for body in ("Signal=5\r\nDuration=160\r\n", "Signal= #\r\nDuration= 80\r\n", "Signal=x\r\nDuration=80\r\n"):
        dialog.within("INFO", body=body)
        await peer.response("INFO")
    for body in ("7", " *\r\n", "10", "11", "d"):
        dialog.within("INFO", body=body, kind="application/dtmf")
        assert (await peer.response("INFO")).status == 200
    for body in ("12", "x", "5" * 300):
        dialog.within("INFO", body=body, kind="application/dtmf")
    dialog.within("BYE")
    await rig.over(call)
    assert digits == [("5", 160), ("#", 80), ("7", 160), ("*", 160), ("*", 160), ("#", 160), ("D", 160)]


async def test_digits_to_a_peer_without_events(rig: Rig, peer: Peer) -> None:
    """By INFO where the peer's Allow has it, in order, each after the answer to the one before; 415 brings the plain form."""
    dialog = Dialog(peer, rig.port)
    dialog.invite(
        sdp("RTP/AVP 0").replace("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", ""), "Allow: INVITE, INFO\r\n"
    )
    call = await rig.taken()
    assert not await call.control.send_info("9", 120)  # not answered yet
    await call.control.answer()
    await dialog.final()
    await asyncio.wait_for(call.media_ready.wait(), 5)
    assert not call.leg.takes_events
    await rig.until(lambda: call.answered.is_set())
    await call.send_dtmf("1#2", 120)
    seen = []
    for status in ("200 OK", "415 Unsupported Media Type", "200 OK", "200 OK"):
        request = await peer.request("INFO")
        seen.append((request.get("content-type"), request.body.split("\r\n")[0]))
        peer.respond(request, status, rig.port)
    relay, plain = "application/dtmf-relay", "application/dtmf"
    assert seen == [(relay, "Signal=1"), (relay, "Signal=#"), (plain, "#"), (plain, "2")]
    dialog.within("BYE")
    await rig.over(call)


@pytest.mark.parametrize("trying", [False, True], ids=["silence", "100 alone"])
async def test_a_digit_that_is_never_answered_holds_up_neither_the_next_nor_the_call(
    rig: Rig, peer: Peer, trying: bool
) -> None:
    """To a peer whose Allow has INFO and that answers none: it is given up long before timer F, and the call goes on."""
    dialog = Dialog(peer, rig.port)
    dialog.invite(
        sdp("RTP/AVP 0").replace("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", ""), "Allow: INVITE, INFO\r\n"
    )
    call = await rig.taken()
    await call.control.answer()
    await dialog.final()
    await rig.until(lambda: call.answered.is_set())
    assert await call.control.send_info("12", 120)
    if trying:
        peer.respond(await peer.request("INFO"), "100 Trying", rig.port)

    def bodies() -> list[str]:
        return [m.body.split("\r\n")[0] for m in peer.seen if m.method == "INFO"]

    await asyncio.wait_for(rig.until(lambda: "Signal=2" in bodies()), 25)  # timer F would be 32 s
    assert trying or bodies().count("Signal=1") >= 2, "it was repeated"
    second = next(m for m in reversed(peer.seen) if m.method == "INFO")
    peer.respond(second, "200 OK", rig.port)
    assert await call.control.send_info("3", 120)
    await asyncio.wait_for(rig.until(lambda: "Signal=3" in bodies()), 10)
    assert not call.ended.is_set()
    dialog.within("BYE")
    await rig.over(call)


async def test_no_info_to_a_peer_that_does_not_take_it(rig: Rig, peer: Peer) -> None:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp("RTP/AVP 0"), "Allow: INVITE, ACK, BYE\r\n")
    call = await rig.taken()
    await call.control.answer()
    await dialog.final()
    await rig.until(lambda: call.answered.is_set())
    assert not await call.control.send_info("1", 120)
    dialog.within("BYE")
    await rig.over(call)
    assert not [m for m in peer.seen if m.method == "INFO"]


async def test_nobody_makes_us_call_somebody(rig: Rig, peer: Peer) -> None:
    dialog, call = await answered(rig, peer)
    dialog.within("REFER", f"Refer-To: <sip:premium@127.0.0.1:{peer.port}>\r\n")
    assert (await peer.response("REFER")).status == 603
    assert list(rig.ua.calls) == [call.id]
    assert not [m for m in peer.seen if m.method == "INVITE"]
    dialog.within("BYE")
    await rig.over(call)


async def test_an_agent_that_fails_at_the_door_harms_nobody(peer: Peer) -> None:
    def broken(call: Call) -> None:
        raise RuntimeError("no agent")

    async with user_agent(config(media=CODECS), broken) as rig:
        dialog = Dialog(peer, rig.port)
        dialog.invite(sdp())
        assert (await dialog.final()).status == 500
        rig.on_incoming = None
        again, call = await answered(rig, peer)
        again.within("BYE")
        await rig.over(call)


MALFORMED = [
    b"INVITE sip:600@127.0.0.1 SIP/2.0\r\n\r\n",
    b"INVITE\r\n\r\n",
    b"\x00" * 200,
    b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n",
    b"INVITE sip:600@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nContent-Length: 99999999999\r\n\r\n",
]
BAD_SDP = [
    "v=0\r\n",
    "no sdp at all",
    sdp().replace("m=audio 36998", "m=audio 999999"),
    sdp("RTP/AVP 0 999"),
    sdp("RTP/AVP " + " ".join(["0"] * 2000)),
    sdp(lines="a=ptime:-1\r\na=ptime:99999999999\r\n"),
    sdp().replace("c=IN IP4 127.0.0.1", "c=IN IP4 999.1.1.1"),
    sdp().replace("t=0 0\r\n", "t=0 0\r\n" + "m=audio 0 RTP/AVP 0\r\n" * 40),
]


async def test_malformed_input_leaves_the_next_call_alone(rig: Rig, peer: Peer) -> None:
    for data in MALFORMED:
        peer.send(data, rig.port)
    for body in BAD_SDP:
        dialog = Dialog(peer, rig.port)
        dialog.invite(body)
        answer = await peer.response("INVITE", 180)
        if answer.status == 180:  # PJSIP can live with it: then it is a call like any other
            call = await rig.taken()
            dialog.cancel()
            answer = await dialog.final()
            await rig.over(call)
        else:
            peer.send(dialog.text("ACK"), rig.port)
        assert answer.status >= 400
    assert not rig.ua.calls
    assert await rig.ua.ping() < 1
    dialog, call = await answered(rig, peer)
    dialog.within("BYE")
    await rig.over(call)


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "FOO"])
async def test_what_is_not_served_is_refused(rig: Rig, peer: Peer, method: str) -> None:
    dialog = Dialog(peer, rig.port)
    peer.send(
        dialog.text(method, "Event: presence\r\nRefer-To: <sip:x@127.0.0.1>\r\n").replace(f"1 {method}", f"1 {method}"),
        rig.port,
    )
    assert (await peer.response(method)).status >= 400
    assert not rig.ua.calls


async def test_options(rig: Rig, peer: Peer) -> None:
    dialog = Dialog(peer, rig.port)
    peer.send(dialog.text("OPTIONS"), rig.port)
    answer = await peer.response("OPTIONS")
    assert answer.status == 200
    assert "INVITE" in answer.get("allow")


async def test_a_caller_who_vanishes_is_hung_up_on(peer: Peer) -> None:
    async with user_agent(config(media={**CODECS, "rx_timeout_s": 0.3})) as rig:
        _, call = await answered(rig, peer)
        bye = await peer.request("BYE")
        assert "cause=408" in bye.all("reason")[1]
        peer.respond(bye, "200 OK", rig.port)
        await rig.over(call)
        assert call.end_code == 408
        assert call.end_reason.startswith("we hung up: no RTP for 0.3")


async def test_stop_hangs_up_what_is_left(peer: Peer) -> None:
    async with user_agent(config(media=CODECS)) as rig:
        _, call = await answered(rig, peer)
        ringing = Dialog(peer, rig.port)
        ringing.invite(sdp())
        other = await rig.taken()
        await rig.ua.stop()
        assert call.ended.is_set()
        assert other.ended.is_set()
        assert other.end_code == 503
        await peer.request("BYE")
        assert not rig.ua.listening()
