# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp as a caller who is refused, and as one who talks for too long."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import mediacore
from tests.sip import sipp_steps as steps
from tests.sip.rig import config, user_agent
from tests.sip.sipp_run import sipp
from tests.sip.sipp_steps import sdp

CALLS = 5
BYE = '<recv request="BYE"/>\n'
OK = """<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""


def refused(code: int, must_match: str = "", headers: str = "") -> str:
    """An INVITE that gets this, and its acknowledgement."""
    return steps.invite(sdp(), headers) + steps.receive(code, must_match=must_match) + steps.send("ACK", 1)


@pytest.mark.behaviour(
    "Protection", "a trunk that has all the calls it may have gets 503 with Retry-After", peer="SIPp", rfc="3261 21.5.4"
)
async def test_above_a_trunks_limit(tmp_path: Path) -> None:
    row = {"name": "provider", "hosts": ["192.0.2.9"], "options_s": 0, "sources": ["127.0.0.0/8"], "calls_per_s": 0.001}
    async with user_agent(config(sip={"trunks": [row]})) as rig:
        call = steps.invite(sdp()) + steps.receive(180) + steps.receive(486) + steps.send("ACK", 1)
        first = steps.write(tmp_path / "first.xml", "first", call)
        calling = asyncio.create_task(sipp(rig, first, 1, tmp_path))
        await (await rig.taken()).hangup(486)
        await calling
        await sipp(rig, steps.write(tmp_path / "above.xml", "above", refused(503, "Retry-After: [0-9]+")), CALLS, tmp_path)
        [use] = [u for u in rig.ua.uses() if u.account == "provider"]
        assert dict(use.refused) == {"calls_per_s": CALLS}
        assert rig.incoming.empty()


@pytest.mark.behaviour(
    "Protection", "while the switch drains, new calls get 503 with Retry-After", peer="SIPp", rfc="3261 21.5.4"
)
async def test_draining(tmp_path: Path) -> None:
    async with user_agent(config()) as rig:
        mediacore.drain_gate(True)
        try:
            await sipp(rig, steps.write(tmp_path / "late.xml", "late", refused(503, "Retry-After: 10")), CALLS, tmp_path)
        finally:
            mediacore.drain_gate(False)
        assert rig.incoming.empty()


@pytest.mark.behaviour("Protection", "a call that lasts longer than it may is ended with BYE", peer="SIPp", rfc="3261 15")
async def test_longest_call(tmp_path: Path) -> None:
    async with user_agent(config(protection={"max_call_s": 0.3})) as rig:
        rig.rings = False
        talk = steps.invite(sdp()) + steps.receive(200) + steps.send("ACK", 1) + BYE + OK
        calling = asyncio.create_task(sipp(rig, steps.write(tmp_path / "long.xml", "long", talk), CALLS, tmp_path))
        taken = [await rig.taken() for _ in range(CALLS)]
        for call in taken:
            await call.control.answer()
        await rig.over(*taken)
        await calling
        assert {call.end_reason for call in taken} == {"we hung up: longer than 0.3 s"}


@pytest.mark.behaviour(
    "Protection", "a call with a header that can't be read is refused with 400 at once", peer="SIPp", rfc="3261 21.4.1"
)
@pytest.mark.parametrize("header", ["Expires: @@@", "Session-Expires: half", "Route: <<<", "Min-SE: -"])
async def test_unreadable_header(tmp_path: Path, header: str) -> None:
    async with user_agent(config()) as rig:
        await sipp(rig, steps.write(tmp_path / "odd.xml", "odd", refused(400, headers=f"{header}\n")), CALLS, tmp_path)
        assert rig.incoming.empty()
