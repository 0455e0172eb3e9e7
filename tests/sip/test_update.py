# SPDX-License-Identifier: GPL-3.0-or-later
"""Codec, packet time and address in the middle of a call, changed by us and by the peer, on the wire: RFC 3264 section 8."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest

from mediacore import EV_STOPPED
from sipagent.call import Call
from sipagent.signalling.errors import SignallingError
from tests.sip.rig import Rig, config, user_agent
from tests.sip.ua import Rtp, answered, hung_up, most_ms, offer
from tests.sip.wire import Message, Peer

MEDIA = {"codecs": ["PCMU/8000", "PCMA/8000", "G722/8000", "opus/48000"], "rate": 8000}
MAPS = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 96}
OPUS = "a=rtpmap:96 opus/48000/2"


def described(port: int, codec: str, *lines: str, version: int) -> str:
    """A description with this codec alone."""
    more = (OPUS,) if codec == "opus" else ()
    return offer(port, *more, *lines, media=f"RTP/AVP {MAPS[codec]} 101", version=version)


def formats(message: Message) -> list[str]:
    """Encoding names of the first audio line, in its order, without events and noise."""
    numbers = message.body.partition("m=audio ")[2].split("\r\n")[0].split()[2:]
    names = dict(re.findall(r"a=rtpmap:(\d+) ([^/\r\n]+)", message.body))
    return [names[n] for n in numbers if names.get(n) not in (None, "telephone-event", "CN")]


def ptime(message: Message) -> int:
    return int(message.body.partition("a=ptime:")[2].split()[0])


def no_stop(call: Call) -> list[int]:
    """Kinds of the leg's events from now on."""
    kinds: list[int] = []
    call.on_event = lambda kind, a, b, t_us: kinds.append(kind)
    return kinds


async def agree(rig: Rig, peer: Peer, rtp: Rtp, update: asyncio.Future[None], codec: str, *lines: str, version: int) -> Message:
    """The peer's part of our re-INVITE."""
    offered = await peer.request("INVITE")
    peer.respond(offered, "200 OK", rig.port, body=described(rtp.port, codec, *lines, version=version))
    await peer.request("ACK")
    await asyncio.wait_for(update, 5)
    return offered


async def test_our_change_of_codec(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await answered(rig, peer, rtp)
    kinds = no_stop(call)
    for version, codec in enumerate(("PCMA", "G722", "opus", "PCMU"), 2):
        since = len(rtp.came)
        update = asyncio.ensure_future(call.control.update(codec))
        offered = await agree(rig, peer, rtp, update, codec, version=version)
        assert formats(offered) == [codec]
        assert call.leg.params is not None
        assert call.leg.params["codec"] == codec
        await asyncio.wait_for(rig.until(lambda pt=MAPS[codec]: rtp.came[-1].pt == pt), 5)
        first = len(rtp.came)
        await rtp.hears(rig, 5)
        assert {p.pt for p in rtp.came[first:]} == {MAPS[codec]}
        if codec in ("PCMA", "G722"):  # on the same clock it is the same stream (RFC 7160 section 4.1)
            assert len({p.ssrc for p in rtp.came[since - 1 :]}) == 1
            assert rtp.gap_ms(since - 1) <= most_ms(call)
    assert EV_STOPPED not in kinds
    hold = asyncio.ensure_future(call.control.hold(True))
    assert formats(await agree(rig, peer, rtp, hold, "PCMU", "a=recvonly", version=9))[0] == "PCMU"
    await hung_up(rig, ua, call)


async def test_our_change_of_packet_time(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await answered(rig, peer, rtp)
    kinds = no_stop(call)
    for version, (ms, said) in enumerate([(40, 40), (10, None), (20, 60)], 2):
        since = len(rtp.came) - 1
        update = asyncio.ensure_future(call.control.update(ptime_ms=ms))
        lines = () if said is None else (f"a=ptime:{said}",)
        offered = await agree(rig, peer, rtp, update, "PCMU", *lines, version=version)
        assert ptime(offered) == ms
        assert formats(offered)[0] == "PCMU"
        taken = said or ms  # what the peer asks for; where it does not, what we said
        await asyncio.wait_for(rig.until(lambda n=taken * 8: len(rtp.came[-1].payload) == n), 5)
        await rtp.hears(rig, 5)
        came = rtp.came[since:]
        times = [(b.ts - a.ts - len(a.payload)) & 0xFFFFFFFF for a, b in itertools.pairwise(came)]
        assert max(times) <= most_ms(call) * 8
    assert EV_STOPPED not in kinds
    await hung_up(rig, ua, call)


async def test_who_is_asked_for_a_packet_time_may_choose_the_codec(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 3264 section 6.1: all that were offered are to be taken. It is no refusal."""
    ua, call = await answered(rig, peer, rtp)
    update = asyncio.ensure_future(call.control.update(ptime_ms=40))
    offered = await agree(rig, peer, rtp, update, "PCMA", "a=ptime:40", version=2)
    assert formats(offered)[0] == "PCMU"
    assert call.leg.params is not None
    assert (call.leg.params["codec"], call.leg.params["ptime_ms"]) == ("PCMA", 40)
    await rtp.hears(rig, 5)
    await hung_up(rig, ua, call)


async def test_the_peers_changes_of_everything(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """Codec, packet time and address, by re-INVITE and by UPDATE: numbering goes on, and the leg never stops."""
    ua, call = await answered(rig, peer, rtp)
    kinds = no_stop(call)
    other = await Rtp.open()
    everything = [*rtp.came]
    steps = [
        ("INVITE", rtp, "PCMA", ()),
        ("UPDATE", rtp, "G722", ("a=ptime:40",)),
        ("INVITE", other, "G722", ("a=ptime:10",)),
        ("UPDATE", rtp, "PCMU", ("a=ptime:20",)),
    ]
    for version, (method, to, codec, lines) in enumerate(steps, 2):
        before = len(to.came)
        got = await ua.ask(method, described(to.port, codec, *lines, version=version))
        assert got.status == 200
        assert formats(got) == [codec]
        await asyncio.wait_for(
            rig.until(lambda to=to, n=before, pt=MAPS[codec]: len(to.came) > n + 5 and to.came[-1].pt == pt), 5
        )
    everything = sorted([*rtp.came, *other.came], key=lambda p: (p.seq - rtp.came[0].seq) & 0xFFFF)
    assert len({p.ssrc for p in everything}) == 1
    steps_ts = [(b.ts - a.ts) & 0xFFFFFFFF for a, b in itertools.pairwise(everything)]
    assert [b.seq - a.seq & 0xFFFF for a, b in itertools.pairwise(everything)].count(1) == len(everything) - 1
    assert max(steps_ts) <= (most_ms(call) + 40) * 8
    assert EV_STOPPED not in kinds
    other.close()
    await hung_up(rig, ua, call)


async def test_what_we_hear_goes_on_through_refreshes(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """Ten offers that change nothing: every frame that the peer sends meanwhile is heard, none is made up."""
    ua, call = await answered(rig, peer, rtp)
    heard = bytearray()
    call.leg.on_audio = lambda pcm, arrival_us, index, lost: heard.extend(pcm)
    before, kinds = call.leg.stats(), no_stop(call)
    for version in range(2, 12):
        assert (await ua.ask("INVITE" if version % 2 else "UPDATE", offer(rtp.port, version=version))).status == 200
    n = len(heard)
    await asyncio.wait_for(rig.until(lambda: len(heard) > n + 3200), 10)
    after = call.leg.stats()
    assert EV_STOPPED not in kinds
    assert after["rx_packets"] > before["rx_packets"]
    assert (after["ear_lost"], after["rx_lost"], after["rx_restarts"]) == (before["ear_lost"], 0, 0)
    assert after["ear_frames"] - before["ear_frames"] >= after["rx_packets"] - before["rx_packets"] - 2
    await hung_up(rig, ua, call)


async def test_our_change_is_refused(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await answered(rig, peer, rtp)
    update = asyncio.ensure_future(call.control.update("PCMA"))
    peer.respond(await peer.request("INVITE"), "488 Not Acceptable Here", rig.port)
    with pytest.raises(SignallingError, match="update refused: 488 Not Acceptable Here"):
        await asyncio.wait_for(update, 5)
    ignored = asyncio.ensure_future(call.control.update("PCMA"))
    peer.respond(await peer.request("INVITE"), "200 OK", rig.port, body=offer(rtp.port, version=2))  # PCMU, as it was
    await peer.request("ACK")
    again = await peer.request("INVITE")  # PJSIP has ended the stream; it begins anew
    peer.respond(again, "200 OK", rig.port, body=offer(rtp.port, version=3))
    with pytest.raises(SignallingError, match="update refused: 488"):
        await asyncio.wait_for(ignored, 5)
    await rtp.hears(rig, 5)
    for codec, ms, words in (("G729", 0, "not one of media.codecs"), ("", 30, "ptime_ms 30 is not served")):
        with pytest.raises(SignallingError, match=words):
            await call.control.update(codec, ms)
    assert call.leg.params is not None
    assert call.leg.params["codec"] == "PCMU"
    await rtp.hears(rig, 5)
    await hung_up(rig, ua, call)


async def test_credentials_that_a_reinvite_needs_are_no_refusal(peer: Peer, rtp: Rtp) -> None:
    """RFC 3261 section 22.2: PJSIP repeats it, and what the repetition is answered counts."""
    line = {"name": "pbx", "hosts": [f"127.0.0.1:{peer.port}"], "options_s": 0, "user": "u", "password": "p", "realm": "r"}
    async with user_agent(config(sip={"trunks": [line]}, media=MEDIA)) as rig:
        await asyncio.wait_for(rig.until(lambda: bool(rig.ua.trunks()[0].hosts[0].target)), 5)
        call = await rig.invite("sip:1@pbx.example", account="pbx")
        invite = await peer.request("INVITE")
        peer.respond(invite, "200 OK", rig.port, body=offer(rtp.port))
        await peer.request("ACK")
        await asyncio.wait_for(call.answered.wait(), 5)
        for final in ("200 OK", "403 Forbidden"):
            holding = asyncio.ensure_future(call.control.hold(final == "200 OK"))
            challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
            first = await peer.request("INVITE")
            if not first.get("proxy-authorization"):
                peer.respond(first, "407 Proxy Authentication Required", rig.port, challenge)
                first = await peer.request("INVITE")
            assert first.get("proxy-authorization")
            assert not holding.done()
            body = offer(rtp.port, "a=recvonly", version=2) if final == "200 OK" else ""
            peer.respond(first, final, rig.port, body=body)
            if final == "200 OK":
                await asyncio.wait_for(holding, 5)
            else:
                with pytest.raises(SignallingError, match="resume refused: 403"):
                    await asyncio.wait_for(holding, 5)
        ended = asyncio.ensure_future(call.hangup())
        peer.respond(await peer.request("BYE"), "200 OK", rig.port)
        await ended
        await rig.over(call)


async def test_a_longer_interval_that_a_reinvite_needs_is_no_refusal(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    """RFC 4028 section 7.4: 422, and the INVITE again with the Min-SE that it asked for."""
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    peer.respond(await peer.request("INVITE"), "200 OK", rig.port, "Supported: timer\r\n", offer(rtp.port))
    await peer.request("ACK")
    await asyncio.wait_for(call.answered.wait(), 5)
    holding = asyncio.ensure_future(call.control.hold(True))
    peer.respond(await peer.request("INVITE"), "422 Session Interval Too Small", rig.port, "Min-SE: 3600\r\n")
    again = await peer.request("INVITE")
    assert again.get("min-se") == "3600"
    assert not holding.done()
    peer.respond(again, "200 OK", rig.port, body=offer(rtp.port, "a=recvonly", version=2))
    await asyncio.wait_for(holding, 5)
    ended = asyncio.ensure_future(call.hangup())
    peer.respond(await peer.request("BYE"), "200 OK", rig.port)
    await ended
    await rig.over(call)


async def test_a_call_that_ends_meanwhile_is_no_error(rig: Rig, peer: Peer, rtp: Rtp) -> None:
    ua, call = await answered(rig, peer, rtp)
    update = asyncio.ensure_future(call.control.update("PCMA"))
    await peer.request("INVITE")
    await ua.hang_up()
    await asyncio.wait_for(update, 5)
    await rig.over(call)
    await call.control.update("PCMA")
