# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp as whom we call: what happens before the answer, what the answer says, and who ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sipagent.call import Call, CallState
from tests.sip import sipp_steps as steps
from tests.sip.rig import WAIT_S, Rig, config, hear, purity, tone, user_agent
from tests.sip.sipp_run import waiting
from tests.sip.sipp_steps import sdp

MEDIA = {"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000}
CALLER = "sip:77@pbx.test"


@asynccontextmanager
async def callee(tmp_path: Path, name: str, *parts: str, limit_s: int = 30, **sip: Any) -> AsyncIterator[tuple[Rig, str]]:
    """A user agent, and the URI of a SIPp that takes one call as written; SIPp is done before the user agent stops."""
    path = steps.write(tmp_path / name / "scenario.xml", name, *parts)
    async with user_agent(config(sip=sip, media=MEDIA)) as rig, waiting(path, path.parent, limit_s=limit_s) as port:
        yield rig, f"sip:bob@127.0.0.1:{port}"


async def invited(rig: Rig, uri: str, **more: Any) -> Call:
    call = await rig.ua.invite(uri, **more)
    rig.legs.append(call.leg)
    return call


async def answered(call: Call) -> None:
    await asyncio.wait_for(call.answered.wait(), WAIT_S)


async def ended(rig: Rig, call: Call) -> tuple[int, str]:
    await rig.over(call)
    return call.end_code, call.end_reason


async def talked(rig: Rig, call: Call) -> tuple[int, str]:
    """The callee answered, and we hung up."""
    await answered(call)
    await call.hangup()
    return await ended(rig, call)


@pytest.mark.behaviour(
    "Dialogs",
    "acknowledges a provisional response that the callee wants acknowledged, and hears its sound",
    peer="SIPp",
    rfc="3262 4",
)
async def test_prack(tmp_path: Path) -> None:
    progress = steps.respond_invite("183 Session Progress", sdp(), "Require: 100rel\nRSeq: 7\n")
    parts = [
        steps.expect("INVITE", "Supported: .*100rel"),
        progress,
        steps.expect("PRACK", "RAck: 7 [0-9]+ INVITE"),
        steps.respond("200 OK"),
        steps.respond_invite("200 OK"),
        steps.expect("ACK"),
        steps.is_hung_up(),
    ]
    async with callee(tmp_path, "prack", *parts) as (rig, uri):
        call = await invited(rig, uri)
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        assert await talked(rig, call) == (0, "we hung up")


@pytest.mark.behaviour(
    "Dialogs",
    "when a call rings at two phones and both answer, it keeps the first and hangs up on the other",
    peer="SIPp",
    rfc="3261 13.2.2.4",
)
async def test_forked_answers(tmp_path: Path) -> None:
    parts = [
        steps.expect("INVITE"),
        steps.respond_invite("180 Ringing", tag="one"),
        steps.respond_invite("183 Session Progress", sdp(), tag="two"),
        steps.respond_invite("200 OK", sdp(), tag="one"),
        steps.expect("ACK", ";tag=one"),
        steps.respond_invite("200 OK", sdp(), tag="two"),
        steps.expect("ACK", ";tag=two"),
        steps.is_hung_up(";tag=two"),
        steps.ask("BYE", 1, tag="one"),
        steps.receive(200),
    ]
    async with callee(tmp_path, "fork", *parts) as (rig, uri):
        call = await invited(rig, uri)
        assert await ended(rig, call) == (0, "callee hung up")
        assert call.answered.is_set()


@pytest.mark.behaviour(
    "Dialogs", "a hold that crosses an offer of the callee's (491) is tried again after a while", peer="SIPp", rfc="3261 14.1"
)
async def test_glare(tmp_path: Path) -> None:
    parts = [
        steps.expect("INVITE"),
        steps.accept(),
        steps.expect("INVITE", "a=sendonly"),
        steps.refuse("491 Request Pending"),
        steps.expect("INVITE", "a=sendonly"),
        steps.accept(body=sdp(2, "recvonly")),
        steps.is_hung_up(),
    ]
    async with callee(tmp_path, "glare", *parts) as (rig, uri):
        call = await invited(rig, uri)
        await answered(call)
        await asyncio.wait_for(call.control.hold(True), 20)
        assert await talked(rig, call) == (0, "we hung up")


@pytest.mark.behaviour("Dialogs", "an answer that crosses our CANCEL is ended with BYE", peer="SIPp", rfc="3261 9.1")
async def test_cancel_crosses_the_answer(tmp_path: Path) -> None:
    parts = [
        steps.expect("INVITE"),
        steps.respond_invite("180 Ringing"),
        steps.expect("CANCEL"),
        steps.respond("200 OK", tag=steps.TAG),
        steps.respond_invite("200 OK", sdp()),
        steps.expect("ACK"),
        steps.is_hung_up(),
    ]
    async with callee(tmp_path, "crossed", *parts) as (rig, uri):
        call = await invited(rig, uri)
        await asyncio.wait_for(rig.until(lambda: call.state is CallState.RINGING), WAIT_S)
        await call.hangup(reason="changed my mind")
        assert (await ended(rig, call))[1].startswith("we cancelled")
        assert not call.answered.is_set()


@pytest.mark.behaviour(
    "Dialogs", "asks again with a longer session interval when the callee finds ours too small", peer="SIPp", rfc="4028 7.4"
)
async def test_session_interval_too_small_for_the_callee(tmp_path: Path) -> None:
    parts = [
        steps.expect("INVITE", "Session-Expires: 1800"),
        steps.refuse("422 Session Interval Too Small", "Min-SE: 3600\n"),
        steps.expect("INVITE", "Session-Expires: 3600[^0-9]", checks=""),
        steps.accept("Require: timer\nSession-Expires: 3600;refresher=uas\n"),
        steps.ask("UPDATE", 1, headers="Supported: timer\nSession-Expires: 3600;refresher=uac\n"),
        steps.receive(200, must_match="Session-Expires: 3600;refresher=uac"),
        steps.ask("BYE", 2),
        steps.receive(200),
    ]
    async with callee(tmp_path, "min-se", *parts) as (rig, uri):
        assert await ended(rig, await invited(rig, uri)) == (0, "callee hung up")


@pytest.mark.behaviour("Dialogs", "calls without an offer and answers the callee's in the ACK", peer="SIPp", rfc="3264 4")
async def test_late_offer(tmp_path: Path) -> None:
    parts = [
        steps.expect("INVITE", never="m=audio"),
        steps.respond_invite("200 OK", sdp(payload=8)),
        steps.expect("ACK", "m=audio [1-9][0-9]* RTP/AVP 8"),
        steps.is_hung_up(),
    ]
    async with callee(tmp_path, "late", *parts) as (rig, uri):
        call = await invited(rig, uri, offer=False)
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        assert await talked(rig, call) == (0, "we hung up")


@pytest.mark.behaviour("Dialogs", "a withheld number is hidden, and asserted to trusted peers only", peer="SIPp", rfc="3325 7")
@pytest.mark.parametrize("trusted", [True, False])
async def test_withheld_number(tmp_path: Path, trusted: bool) -> None:
    hidden = "From: .Anonymous. .sip:anonymous@anonymous.invalid.*Privacy: id"
    asserted = "P-Asserted-Identity: .sip:77@pbx.test"
    parts = [
        steps.expect("INVITE", hidden, never="" if trusted else "pbx.test"),
        steps.refuse("486 Busy Here"),
    ]
    if trusted:
        parts[0] = steps.expect("INVITE", asserted)
    peers = {"trusted_peers": ["127.0.0.1"]} if trusted else {}
    async with callee(tmp_path, "privacy", *parts, **peers) as (rig, uri):
        assert (await ended(rig, await invited(rig, uri, caller=CALLER, privacy={"id"})))[0] == 486


@pytest.mark.behaviour("Dialogs", "tells and reads why a call ended, by Q.850 cause", peer="SIPp", rfc="3326 2")
async def test_causes(tmp_path: Path) -> None:
    refused = steps.refuse("503 Service Unavailable", 'Reason: Q.850;cause=34;text="no circuit"\n')
    async with callee(tmp_path, "cause", steps.expect("INVITE"), refused) as (rig, uri):
        code, why = await ended(rig, await invited(rig, uri))
        assert code == 503
        assert "Q.850 34 no circuit" in why
    parts = [steps.expect("INVITE"), steps.accept(), steps.is_hung_up("Reason: Q.850;cause=[0-9]+")]
    async with callee(tmp_path, "reason", *parts) as (rig, uri):
        call = await invited(rig, uri)
        await answered(call)
        await call.hangup(480)
        await ended(rig, call)


@pytest.mark.behaviour("Dialogs", "follows a redirection as often as it is told to", peer="SIPp", rfc="3261 8.1.3.4")
@pytest.mark.parametrize("status", ["302 Moved Temporarily", "301 Moved Permanently"])
async def test_redirection(tmp_path: Path, status: str) -> None:
    last = steps.write(tmp_path / "last" / "scenario.xml", "last", steps.expect("INVITE"), steps.accept(), steps.is_hung_up())
    async with waiting(last, tmp_path / "last") as port:
        moved = steps.refuse(status, contact=f"sip:carol@127.0.0.1:{port}")
        async with callee(tmp_path, "moved", steps.expect("INVITE"), moved, calls={"follow_redirects": 1}) as (rig, uri):
            assert await talked(rig, await invited(rig, uri)) == (0, "we hung up")


@pytest.mark.behaviour(
    "Dialogs", "of several targets of a redirection it tries the next when one is busy", peer="SIPp", rfc="3261 21.3.1"
)
async def test_multiple_choices(tmp_path: Path) -> None:
    busy = steps.write(tmp_path / "busy" / "scenario.xml", "busy", steps.expect("INVITE"), steps.refuse("486 Busy Here"))
    good = steps.write(tmp_path / "good" / "scenario.xml", "good", steps.expect("INVITE"), steps.accept(), steps.is_hung_up())
    async with waiting(busy, tmp_path / "busy") as first, waiting(good, tmp_path / "good") as second:
        also = f"Contact: <sip:dave@127.0.0.1:{second}>;q=0.1\n"
        moved = steps.refuse("300 Multiple Choices", also, contact=f"sip:carol@127.0.0.1:{first}")
        async with callee(tmp_path, "moved", steps.expect("INVITE"), moved, calls={"follow_redirects": 2}) as (rig, uri):
            assert await talked(rig, await invited(rig, uri)) == (0, "we hung up")


@pytest.mark.behaviour("Dialogs", "a redirection is refused where it is not allowed to follow", peer="SIPp", rfc="3261 8.1.3.4")
async def test_redirection_not_followed(tmp_path: Path) -> None:
    moved = steps.refuse("305 Use Proxy", contact="sip:premium@127.0.0.1:9")
    async with callee(tmp_path, "moved", steps.expect("INVITE"), moved) as (rig, uri):
        assert await ended(rig, await invited(rig, uri)) == (305, "callee refused: 305 Use Proxy")


@pytest.mark.behaviour("Transports", "calls over IPv6, and talks over it", peer="SIPp", rfc="4566 5.7")
async def test_ipv6(tmp_path: Path) -> None:
    parts = [steps.expect("INVITE", "c=IN IP6 ::1"), steps.accept(), steps.is_hung_up()]
    path = steps.write(tmp_path / "ipv6.xml", "ipv6", *parts)
    cfg = config(sip={"listen": [{"transport": "udp", "host": "::1", "port": 0}]}, media={**MEDIA, "host": "::1"})
    async with user_agent(cfg) as rig, waiting(path, tmp_path, host="::1") as port:
        call = await invited(rig, f"sip:bob@[::1]:{port}")
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        call.leg.write(tone(440, 30.0, 8000))
        assert purity(await hear(call, 1.0), 440, 8000) > 0.7
        assert await talked(rig, call) == (0, "we hung up")


@pytest.mark.behaviour(
    "Dialogs",
    "a digit by INFO that the callee never answers keeps neither the next one nor the call",
    peer="SIPp",
    rfc="6086 4.2",
)
async def test_info_never_answered(tmp_path: Path) -> None:
    parts = [
        steps.expect("INVITE"),
        steps.respond_invite("200 OK", sdp(), "Allow: INVITE, ACK, BYE, INFO\n"),
        steps.expect("ACK"),
        steps.expect("INFO", "Signal=5"),
        steps.expect_at_last("INFO", "Signal=7"),
        steps.respond("200 OK"),
        steps.ask("BYE", 1),
        steps.receive(200),
    ]
    async with callee(tmp_path, "info", *parts) as (rig, uri):
        call = await invited(rig, uri)
        await answered(call)
        await call.send_dtmf("57")
        await asyncio.wait_for(call.ended.wait(), 20)
        assert call.end_reason == "callee hung up"
