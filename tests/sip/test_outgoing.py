# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls from us, to a peer that writes its messages by hand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from sipagent.call import CallState
from sipagent.config import ConfigError
from sipagent.signalling.agent import UserAgent
from sipagent.signalling.errors import CallLimitError, SignallingError, UriError
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Peer, sdp


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with user_agent(config(sip={"max_calls": 2}, media={"codecs": ["PCMU/8000", "PCMA/8000"]})) as rig:
        yield rig


async def test_rings_is_answered_and_ends(rig: Rig, peer: Peer) -> None:
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    assert call.state is CallState.CALLING
    invite = await peer.request("INVITE")
    assert invite.start == f"INVITE sip:bob@127.0.0.1:{peer.port} SIP/2.0"
    assert invite.get("user-agent") == "sipagent"
    assert "100rel" not in invite.get("require")
    peer.respond(invite, "180 Ringing", rig.port)
    peer.respond(invite, "200 OK", rig.port, body=sdp())
    await peer.request("ACK")
    await asyncio.wait_for(call.media_ready.wait(), 5)
    assert call.state is CallState.CONFIRMED
    assert call.sip_call_id == invite.get("call-id")
    bye = (
        f"BYE sip:sipagent@127.0.0.1:{rig.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKbye\r\n"
        f"From: {invite.get('to')};tag=peer{peer.port}\r\nTo: {invite.get('from')}\r\nCall-ID: {invite.get('call-id')}\r\n"
        "CSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    peer.send(bye, rig.port)
    await rig.over(call)
    assert (call.end_code, call.end_reason) == (0, "callee hung up")


@pytest.mark.parametrize(
    ("status", "headers", "code", "words"),
    [
        ("486 Busy Here", "", 486, "callee refused: 486 Busy Here"),
        ("603 Decline", "Reason: Q.850;cause=21\r\n", 603, "callee refused: 603 Decline (Q.850 21 call rejected)"),
        ("488 Not Acceptable Here", "", 488, "callee refused: 488 Not Acceptable Here"),
        ("302 Moved", "Contact: <sip:premium@127.0.0.1:9>\r\n", 302, "callee refused: 302 Moved"),
        ("503 Full", "Retry-After: 5\r\n", 503, "callee refused: 503 Full"),
    ],
)
async def test_refused(rig: Rig, peer: Peer, status: str, headers: str, code: int, words: str) -> None:
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    peer.respond(await peer.request("INVITE"), status, rig.port, headers)
    await rig.over(call)
    assert (call.end_code, call.end_reason) == (code, words)
    assert not call.media_ready.is_set()


async def test_we_cancel(rig: Rig, peer: Peer) -> None:
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    invite = await peer.request("INVITE")
    peer.respond(invite, "180 Ringing", rig.port)
    await asyncio.wait_for(rig.until(lambda: call.state is CallState.RINGING), 5)
    await call.hangup(reason="changed my mind")
    cancel = await peer.request("CANCEL")
    peer.respond(cancel, "200 OK", rig.port)
    peer.respond(invite, "487 Request Terminated", rig.port)
    await peer.request("ACK")
    await rig.over(call)
    assert (call.end_code, call.end_reason) == (487, "we cancelled: changed my mind")


async def test_nobody_there(rig: Rig) -> None:
    call = await rig.invite("sip:bob@127.0.0.1:9;transport=udp")
    await call.hangup()
    await rig.over(call)
    assert call.end_code == 487


@pytest.mark.parametrize("first", range(5))
async def test_codecs_are_offered_in_the_configured_order(first: int, peer: Peer) -> None:
    names = ["opus/48000", "PCMU/8000", "PCMA/8000", "L16/16000", "L16/8000"]
    order = names[first:] + names[:first]
    async with user_agent(config(media={"codecs": order[:4]})) as rig:
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        types = dict(re.findall(r"a=rtpmap:(\d+) ([\w-]+/\d+)", invite.body))
        offered = [types[pt] for pt in re.search(r"m=audio \d+ \S+ ([\d ]+)", invite.body)[1].split()]  # type: ignore[index]
        assert [name for name in offered if not name.startswith("telephone-event")] == order[:4]
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)


async def test_a_codec_we_do_not_have_is_named() -> None:
    with pytest.raises(ConfigError, match=r"media\.codecs: 'G729/8000' is not a codec of this core; choose from .*PCMU/8000"):
        async with user_agent(config(media={"codecs": ["PCMU/8000", "G729/8000"]})):
            pass
    async with user_agent(config()) as rig:  # nothing of the one that did not start is in the way
        for call in await rig.pair():
            await call.hangup()
            await rig.over(call)


async def test_a_port_in_use_is_named(peer: Peer) -> None:
    with pytest.raises(SignallingError, match=rf"can't listen on udp:127.0.0.1:{peer.port}: .*; see sip.listen"):
        async with user_agent(config(sip={"listen": [{"transport": "udp", "port": peer.port}]})):
            pass
    async with user_agent(config()) as rig:  # and nothing is left of the attempt
        assert await rig.ua.ping() < 1


async def test_one_user_agent_a_process(rig: Rig) -> None:
    with pytest.raises(SignallingError, match="another user agent is up"):
        await UserAgent(config(), rig.worker, lambda call: None).start()
    assert await rig.ua.ping() < 1


@pytest.mark.parametrize(
    ("uri", "error", "words"),
    [
        ("bob", UriError, "no scheme"),
        ("sip:a b@c", UriError, "not a SIP URI"),
        ("sip:bob@127.0.0.1;transport=tls", SignallingError, "no such transport is open"),
        ("sip:bob@name.invalid", SignallingError, "can't resolve 'name.invalid'"),
    ],
)
async def test_what_cannot_be_called_says_why(rig: Rig, uri: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        await rig.ua.invite(uri)
    assert not rig.ua.calls


async def test_the_limit_holds_for_our_calls_too(rig: Rig, peer: Peer) -> None:
    calls = [await rig.invite(f"sip:bob@127.0.0.1:{peer.port}") for _ in range(2)]
    with pytest.raises(CallLimitError, match="2 calls are up"):
        await rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}")
    for call in calls:
        await call.hangup()
    await rig.over(*calls)


async def test_unknown_account(rig: Rig) -> None:
    with pytest.raises(SignallingError, match="account 'pbx' is not known; configured: none"):
        await rig.ua.invite("sip:a@127.0.0.1", account="pbx")


async def test_a_name_is_looked_up_by_us_and_kept_in_the_uris(rig: Rig, peer: Peer) -> None:
    call = await rig.invite(f"sip:bob@localhost:{peer.port}")
    invite = await peer.request("INVITE")
    assert "sip:bob@localhost" in invite.get("to")
    assert invite.start == f"INVITE sip:bob@localhost:{peer.port} SIP/2.0"
    peer.respond(invite, "486 Busy Here", rig.port)
    await rig.over(call)
