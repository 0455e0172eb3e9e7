# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp as a caller: what it says of itself, digits, questions, what it wants and we don't have, and the way back to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipagent.call import Call
from tests.interop import ports
from tests.sip import sipp_steps as steps
from tests.sip.rig import config, user_agent
from tests.sip.sipp_run import sipp
from tests.sip.sipp_steps import NO_BODY, sdp

CALLS = 3
MEDIA = {"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000}


async def run(
    tmp_path: Path,
    *parts: str,
    taken: Callable[[Call], None] | None = None,
    transport: str = "udp",
    hangs_up: bool = False,
    **sip: Any,
) -> list[Call]:
    """Calls that are answered and go as SIPp's steps say; ended. `taken` sees each before its answer."""
    cfg = config(sip={"listen": [{"transport": transport, "port": 0}], **sip}, media=MEDIA)
    calls: list[Call] = []

    async def serve() -> None:
        while True:
            call = await rig.incoming.get()
            calls.append(call)
            if taken is not None:
                taken(call)
            await call.control.answer()
            if hangs_up:
                await call.answered.wait()
                await call.hangup()

    async with user_agent(cfg) as rig:
        rig.rings = False
        path = steps.write(tmp_path / "caller.xml", "caller", *parts)
        serving = asyncio.create_task(serve())
        await sipp(rig, path, CALLS, tmp_path, transport)
        await rig.over(*calls)
        serving.cancel()
        assert not rig.ua.calls
    return calls


@pytest.mark.behaviour(
    "Dialogs", "knows who sent the call on, and what else the caller's headers say", peer="SIPp", rfc="5806 4, 7044 5"
)
@pytest.mark.parametrize(
    "said",
    [
        "Diversion: <sip:7@pbx.test>;reason=no-answer\n",
        "History-Info: <sip:7@pbx.test>;index=1, <sip:600@pbx.test>;index=1.1\n",
    ],
    ids=["diversion", "history"],
)
async def test_sent_on(tmp_path: Path, said: str) -> None:
    calls = await run(tmp_path, steps.answered(f"{said}X-Tenant: blue\n"), steps.hang_up(2))
    assert [call.diversion for call in calls] == [("sip:7@pbx.test",)] * CALLS
    assert {call.headers.get("X-Tenant") for call in calls} == {"blue"}


@pytest.mark.behaviour("Dialogs", "takes a trusted peer's word on who calls, and no stranger's", peer="SIPp", rfc="3325 5")
@pytest.mark.parametrize("trusted", [True, False])
async def test_asserted_identity(tmp_path: Path, trusted: bool) -> None:
    says = "P-Asserted-Identity: <sip:+49301234@pbx.test>\nPrivacy: id\n"
    peers = {"trusted_peers": ["127.0.0.1"]} if trusted else {}
    calls = await run(tmp_path, steps.answered(says), steps.hang_up(2), **peers)
    assert {(call.identity, call.privacy) for call in calls} == {
        ("sip:+49301234@pbx.test" if trusted else "", frozenset({"id"}))
    }


@pytest.mark.behaviour("Dialogs", "hears digits that come by INFO, of either kind", peer="SIPp", rfc="6086 4.2.2")
async def test_digits_by_info(tmp_path: Path) -> None:
    def listen(call: Call) -> None:
        call.notes["digits"] = []
        call.on_dtmf = lambda digit, ms: call.notes["digits"].append((digit, ms))

    relay = steps.body("application/dtmf-relay", "Signal=5\nDuration=160")
    plain = steps.body("application/dtmf", "#")
    parts = [steps.answered()]
    for cseq, text in ((2, relay), (3, plain)):
        parts += [steps.send("INFO", cseq, text), steps.receive(200)]
    calls = await run(tmp_path, *parts, steps.hang_up(4), taken=listen)
    assert all([digit for digit, _ in call.notes["digits"]] == ["5", "#"] for call in calls), calls
    assert {call.notes["digits"][0][1] for call in calls} == {160}


@pytest.mark.behaviour(
    "Dialogs", "says what it can when asked by OPTIONS, before a call and in one", peer="SIPp", rfc="3261 11.2"
)
async def test_options(tmp_path: Path) -> None:
    tells = "Allow: .*INVITE.*ACK.*BYE|Accept: .*application/sdp"
    parts = [steps.answered(), steps.send("OPTIONS", 2), steps.receive(200, must_match=tells), steps.hang_up(3)]
    assert len(await run(tmp_path, *parts)) == CALLS
    parts = [steps.send("OPTIONS", 1, dialog=False), steps.receive(200, must_match=tells)]
    assert not await run(tmp_path, *parts)


@pytest.mark.behaviour(
    "Dialogs",
    "an extension that we don't have is named in the refusal (420), and a method too (405)",
    peer="SIPp",
    rfc="3261 8.2.2.3",
)
async def test_bad_extension(tmp_path: Path) -> None:
    wants = steps.invite(sdp(), "Require: teleportation\n")
    parts = [wants, steps.receive(420, must_match="Unsupported: teleportation"), steps.send("ACK", 1)]
    assert not await run(tmp_path, *parts)
    parts = [steps.send("PUBLISH", 1, dialog=False, headers="Event: presence\n"), steps.receive(405, must_match="Allow: ")]
    assert not await run(tmp_path, *parts)


@pytest.mark.behaviour(
    "Dialogs",
    "a caller who asks for our offer in the middle of a call gets it, and answers it in the ACK",
    peer="SIPp",
    rfc="3261 14.2",
)
async def test_offer_asked_for_in_mid_call(tmp_path: Path) -> None:
    asks = steps.reinvite(2, NO_BODY, "m=audio [1-9][0-9]* RTP/AVP 0 8", ack=sdp(2, payload=8))
    assert len(await run(tmp_path, steps.answered(), asks, steps.hang_up(3))) == CALLS


@pytest.mark.behaviour(
    "Transports", "answers go back where a request came from, whatever its Via says", peer="SIPp", rfc="3581 4"
)
async def test_rport(tmp_path: Path) -> None:
    told = "Via: .*received=127.0.0.1"
    via = f"192.0.2.9:{ports.one()};rport"
    parts = [
        steps.invite(sdp(), via=via),
        steps.receive(200, must_match=told),
        steps.send("ACK", 1, via=via),
        steps.send("BYE", 2, via=via),
        steps.receive(200, must_match=told),
    ]
    assert len(await run(tmp_path, *parts)) == CALLS


@pytest.mark.behaviour(
    "Transports", "calls over one TCP connection, and we hang up over the same one", peer="SIPp", rfc="3261 18.2.2"
)
async def test_tcp(tmp_path: Path) -> None:
    heard = '<recv request="BYE"/>\n' + steps.respond("200 OK")
    calls = await run(tmp_path, steps.answered(), heard, transport="tcp", hangs_up=True)
    assert {call.end_reason for call in calls} == {"we hung up"}
    assert len({call.source for call in calls}) == 1
