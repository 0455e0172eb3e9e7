# SPDX-License-Identifier: GPL-3.0-or-later
"""Offers in the middle of a call, streams that we don't have, messages that cross or come late, redirections: on the wire."""

from __future__ import annotations

import asyncio

from sipagent.call import Call, CallState
from tests.sip.rig import Rig, config, tone, user_agent
from tests.sip.ua import Rtp, Ua, direction, hung_up, media_port, offer
from tests.sip.wire import Message, Peer

MEDIA = {"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000}
OTHERS = "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=text 7000 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"


async def called(rig: Rig, peer: Peer, body: str) -> tuple[Ua, Call, Message]:
    """A call that we answered, with the answer acknowledged."""
    ua = Ua(peer, rig.port)
    ua.send("INVITE", body)
    call = await rig.taken()
    await call.control.answer()
    answer = await ua.final()
    await asyncio.wait_for(call.answered.wait(), 5)
    return ua, call, answer


async def test_other_streams_are_refused_each_in_its_place(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3264 section 6: as many m= lines as in the offer, port 0 for what is not taken."""
    ua, call, answer = await called(rig, peer, offer(rtp.port) + OTHERS + "m=audio 6000 RTP/AVP 0\r\n")
    lines = [line.split()[:2] for line in answer.body.split("\r\n") if line.startswith("m=")]
    assert lines == [["m=audio", str(media_port(answer))], ["m=video", "0"], ["m=text", "0"], ["m=audio", "0"]]
    await hung_up(rig, ua, call)


async def test_update_changes_the_session(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3311 section 5.2: with an offer it is answered like a re-INVITE, without one it only refreshes."""
    ua, call, answer = await called(rig, peer, offer(rtp.port))
    rtp.aim(answer)
    call.leg.write(tone(440, 30.0, 8000))
    await rtp.hears(rig, 5)
    got = await ua.ask("UPDATE", offer(rtp.port, "a=sendonly", version=2))
    assert (got.status, direction(got)) == (200, "recvonly")
    await asyncio.wait_for(rig.until(lambda: call.held), 5)
    got = await ua.ask("UPDATE")
    assert (got.status, got.body) == (200, "")
    assert call.held
    got = await ua.ask("UPDATE", offer(rtp.port, "a=sendrecv", version=3))
    assert (got.status, direction(got)) == (200, "sendrecv")
    await asyncio.wait_for(rig.until(lambda: not call.held), 5)
    await rtp.hears(rig, 5)
    await hung_up(rig, ua, call)


async def test_an_offer_that_takes_the_stream_away_is_refused_and_the_call_goes_on(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call, _ = await called(rig, peer, offer(rtp.port))
    call.leg.write(tone(440, 30.0, 8000))
    assert (await ua.ask("INVITE", offer(0, version=2))).status == 488
    assert (await ua.ask("INVITE", offer(rtp.port, media="RTP/AVP 18", version=3))).status == 488
    await rtp.hears(rig, 5)
    assert (await ua.ask("INVITE", offer(rtp.port, version=4))).status == 200
    await hung_up(rig, ua, call)


async def test_a_reinvite_without_an_offer_gets_ours(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call, answer = await called(rig, peer, offer(rtp.port))
    call.leg.write(tone(440, 30.0, 8000))
    ua.send("INVITE")
    got = await ua.final(ack=offer(rtp.port, version=2))
    assert media_port(got) == media_port(answer)
    await rtp.hears(rig, 5)
    await hung_up(rig, ua, call)


async def test_a_cancel_after_the_answer_changes_nothing(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 9.2."""
    ua = Ua(peer, rig.port)
    ua.send("INVITE", offer(rtp.port))
    call = await rig.taken()
    await call.control.answer()
    answer = await peer.response("INVITE")
    ua.send("CANCEL", cseq=ua.invite_cseq, branch=ua.branch)
    assert (await peer.response("CANCEL")).status in (200, 481)
    ua.remote = answer.get("to")
    ua.ack(answer)
    await asyncio.wait_for(call.answered.wait(), 5)
    await hung_up(rig, ua, call)


async def test_the_answer_is_repeated_until_it_is_acknowledged(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 13.3.1.4."""
    ua = Ua(peer, rig.port)
    ua.send("INVITE", offer(rtp.port))
    call = await rig.taken()
    await call.control.answer()
    answer = await peer.response("INVITE")
    again = await peer.response("INVITE")
    assert (again.status, again.body) == (200, answer.body)
    assert call.state is CallState.RINGING
    ua.remote = answer.get("to")
    ua.ack(answer)
    await asyncio.wait_for(call.answered.wait(), 5)
    await hung_up(rig, ua, call)


async def test_an_answer_that_crosses_our_cancel_is_ended_with_bye(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 9.1 leaves no other way."""
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    invite = await peer.request("INVITE")
    peer.respond(invite, "180 Ringing", rig.port)
    await asyncio.wait_for(rig.until(lambda: call.state is CallState.RINGING), 5)
    await call.hangup(reason="changed my mind")
    cancel = await peer.request("CANCEL")
    peer.respond(invite, "200 OK", rig.port, body=offer(rtp.port))
    peer.respond(cancel, "200 OK", rig.port)
    await peer.request("ACK")
    peer.respond(await peer.request("BYE"), "200 OK", rig.port)
    await rig.over(call)
    assert call.end_reason.startswith("we cancelled")
    assert not call.answered.is_set()


async def test_a_late_bye_is_answered(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call, _ = await called(rig, peer, offer(rtp.port))
    ended = asyncio.ensure_future(call.hangup())
    bye = await peer.request("BYE")
    assert (await ua.ask("BYE")).status in (200, 481)  # they cross
    peer.respond(bye, "200 OK", rig.port)
    await ended
    await rig.over(call)
    assert (await ua.ask("BYE")).status in (200, 481)
    assert not rig.ua.calls


async def test_sessions_that_would_be_refreshed_too_often(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 4028 section 6: 422 with our Min-SE."""
    ua = Ua(peer, rig.port)
    ua.send("INVITE", offer(rtp.port), "Supported: timer\r\nSession-Expires: 60\r\n")
    answer = await ua.final()
    assert (answer.status, answer.get("min-se")) == (422, "90")
    assert rig.incoming.empty()


async def test_we_take_a_longer_interval_when_ours_is_too_small(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 4028 section 7.4: after a 422 the INVITE is sent again with the Min-SE it asked for."""
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    invite = await peer.request("INVITE")
    assert (invite.get("session-expires"), invite.get("min-se")) == ("1800", "90")
    peer.respond(invite, "422 Session Interval Too Small", rig.port, "Min-SE: 3600\r\n")
    again = await peer.request("INVITE")
    assert again.get("session-expires").startswith("3600")
    assert again.get("min-se") == "3600"
    peer.respond(again, "486 Busy Here", rig.port)
    await rig.over(call)
    assert call.end_code == 486


async def test_redirections_are_followed_as_often_as_allowed(peer: Peer) -> None:
    async with user_agent(config(sip={"calls": {"follow_redirects": 1}}, media=MEDIA)) as rig:
        there = await Peer.open()
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        moved = f"<sip:carol@127.0.0.1:{there.port}>"
        peer.respond(await peer.request("INVITE"), "302 Moved Temporarily", rig.port, contact=moved)
        invite = await there.request("INVITE")
        assert invite.start.startswith(f"INVITE sip:carol@127.0.0.1:{there.port} ")
        again = f"<sip:dave@127.0.0.1:{peer.port}>"
        there.respond(invite, "302 Moved Temporarily", rig.port, contact=again)
        await rig.over(call)
        assert call.end_code == 302
        assert len([m for m in peer.seen if m.method == "INVITE"]) == 1
        there.close()


async def test_redirections_where_we_do_not_go(peer: Peer) -> None:
    async with user_agent(config(sip={"calls": {"follow_redirects": 3}}, media=MEDIA)) as rig:
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        targets = "<tel:+49190>, <mailto:bob@example.com>"
        peer.respond(await peer.request("INVITE"), "300 Multiple Choices", rig.port, contact=targets)
        await rig.over(call)
        assert call.end_code == 300


async def test_what_we_say_we_do_is_what_we_do(rig: Rig, peer: Peer) -> None:
    ua = Ua(peer, rig.port)
    answer = await ua.ask("OPTIONS")
    allow = {m.strip() for m in answer.get("allow").split(",")}
    assert allow == {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY"}
    assert {m.strip() for m in answer.get("supported").split(",")} == {"replaces", "100rel", "timer", "norefersub"}
    assert {m.strip() for m in answer.get("accept").split(",")} == {"application/sdp", "message/sipfrag;version=2.0"}
    assert answer.get("allow-events") == "refer"
    for method in ("SUBSCRIBE", "MESSAGE", "PUBLISH", "FOO"):
        refused = await Ua(peer, rig.port).ask(method, headers="Event: presence\r\n")
        assert refused.status >= 400
        assert method not in refused.get("allow")
