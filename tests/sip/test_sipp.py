# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp as the caller: busy, cancelled and plain calls, as another stack makes them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sipagent.call import Call
from tests.sip.rig import Rig, config, user_agent
from tests.sip.sipp_run import sipp

SCENARIOS = Path(__file__).parent / "sipp"


async def serve(rig: Rig, calls: int, what: str) -> list[Call]:
    taken: list[Call] = []
    for _ in range(calls):
        call = await rig.taken()
        taken.append(call)
        if what == "busy":
            await call.hangup(486)
        elif what == "answer":
            await call.control.answer()
    await rig.over(*taken)
    return taken


@pytest.mark.behaviour("Dialogs", "refusal, CANCEL and BYE end as they should, from either side", peer="SIPp", rfc="3261 9")
@pytest.mark.parametrize(
    ("scenario", "what", "code", "reason"),
    [
        ("busy", "busy", 486, "we refused with 486"),
        ("cancel", "ring", 487, "caller cancelled"),
        ("call", "answer", 0, "caller hung up"),
    ],
)
async def test_scenarios(scenario: str, what: str, code: int, reason: str, tmp_path: Path) -> None:
    async with user_agent(config(media={"codecs": ["PCMU/8000"]})) as rig:
        taken, _ = await asyncio.gather(serve(rig, 10, what), sipp(rig, SCENARIOS / f"{scenario}.xml", 10, tmp_path))
        assert {(c.end_code, c.end_reason) for c in taken} == {(code, reason)}
        assert not rig.ua.calls
