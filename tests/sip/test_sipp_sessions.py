# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp as a caller who holds, resumes, changes codec and packet time, refreshes, and wants reliable responses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sipagent.call import Call
from tests.sip import sipp_steps as steps
from tests.sip.rig import config, user_agent
from tests.sip.sipp_run import sipp
from tests.sip.sipp_steps import sdp

CALLS = 5
MEDIA = {"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000}

PRACK = "RAck: [$rseq] 1 INVITE\n"


async def run(tmp_path: Path, name: str, *parts: str, early: bool = False, calls: int = CALLS) -> list[Call]:
    """Runs the scenario against an agent that answers; the calls, ended."""
    held: list[tuple[str, bool]] = []
    async with user_agent(config(media=MEDIA)) as rig:
        rig.rings = False

        async def serve() -> list[Call]:
            taken = []
            for _ in range(calls):
                call = await rig.taken()
                call.on_hold = lambda on, call=call: held.append((call.id, on))  # type: ignore[misc]
                if early:
                    await call.control.answer(183)
                await call.control.answer()
                taken.append(call)
            await rig.over(*taken)
            return taken

        path = steps.write(tmp_path / f"{name}.xml", name, *parts)
        taken, _ = await asyncio.gather(serve(), sipp(rig, path, calls, tmp_path))
        assert not rig.ua.calls
    for call in taken:
        call.notes["held"] = [on for key, on in held if key == call.id]
    assert {call.end_reason for call in taken} <= {"caller hung up"}
    return taken


@pytest.mark.behaviour("Dialogs", "a caller holds and takes back, by re-INVITE", peer="SIPp", rfc="3264 8.4")
async def test_hold_and_resume(tmp_path: Path) -> None:
    calls = await run(
        tmp_path,
        "hold",
        steps.answered(),
        steps.reinvite(2, sdp(2, "sendonly"), "a=recvonly"),
        steps.pause(100),
        steps.reinvite(3, sdp(3, "sendrecv"), "m=audio [1-9]"),
        steps.reinvite(4, sdp(4, "inactive"), "a=inactive"),
        steps.pause(100),
        steps.reinvite(5, sdp(5, "sendrecv"), "m=audio [1-9]"),
        steps.hang_up(6),
    )
    assert all(call.notes["held"] == [True, False, True, False] for call in calls)


@pytest.mark.behaviour("Dialogs", "an old telephone holds with the address 0.0.0.0", peer="SIPp", rfc="3264 8.4")
async def test_hold_by_address(tmp_path: Path) -> None:
    calls = await run(
        tmp_path,
        "hold by address",
        steps.answered(),
        steps.reinvite(2, sdp(2, host="0.0.0.0"), "a=inactive"),
        steps.reinvite(3, sdp(3), "m=audio [1-9]"),
        steps.hang_up(4),
    )
    assert all(call.notes["held"] == [True, False] for call in calls)


@pytest.mark.behaviour("Dialogs", "a caller holds and takes back, by UPDATE", peer="SIPp", rfc="3311 5.2")
async def test_hold_by_update(tmp_path: Path) -> None:
    calls = await run(
        tmp_path,
        "update",
        steps.answered(),
        steps.update(2, sdp(2, "sendonly"), "a=recvonly"),
        steps.update(3, sdp(3, "sendrecv"), "m=audio [1-9]"),
        steps.hang_up(4),
    )
    assert all(call.notes["held"] == [True, False] for call in calls)


@pytest.mark.behaviour(
    "Dialogs", "a caller changes the codec and the packet time in the middle of a call", peer="SIPp", rfc="3264 8.3"
)
async def test_other_codec_and_packet_time(tmp_path: Path) -> None:
    await run(
        tmp_path,
        "codec",
        steps.answered(),
        steps.reinvite(2, sdp(2, payload=8), "PCMA/8000"),
        steps.reinvite(3, sdp(3, payload=8, ptime=40), "a=ptime:40"),
        steps.reinvite(4, sdp(4, payload=18), "SIP/2.0 488", code=488),
        steps.hang_up(5),
    )


@pytest.mark.behaviour("Dialogs", "a caller makes no offer and gets ours", peer="SIPp", rfc="3261 13.2.1")
async def test_no_offer(tmp_path: Path) -> None:
    await run(
        tmp_path,
        "late offer",
        steps.invite(steps.NO_BODY),
        steps.receive(200, must_match="m=audio [1-9]"),
        steps.send("ACK", 1, sdp()),
        steps.pause(200),
        steps.hang_up(2),
    )


@pytest.mark.behaviour(
    "Dialogs", "sound before the answer, in a response that the caller acknowledges", peer="SIPp", rfc="3262 3"
)
async def test_reliable_early_media(tmp_path: Path) -> None:
    take = '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/></action>'
    await run(
        tmp_path,
        "prack",
        steps.invite(sdp(), "Supported: 100rel\n"),
        f'<recv response="183">{take}</recv>\n',
        steps.send("PRACK", 2, headers=PRACK),
        steps.receive(200),
        steps.receive(200),
        steps.send("ACK", 1),
        steps.pause(100),
        steps.hang_up(3),
        early=True,
    )


@pytest.mark.behaviour(
    "Dialogs", "a PRACK for nothing is refused, and the right one is taken after it", peer="SIPp", rfc="3262 3"
)
async def test_prack_of_nothing(tmp_path: Path) -> None:
    take = '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/></action>'
    await run(
        tmp_path,
        "wrong prack",
        steps.invite(sdp(), "Supported: 100rel\n"),
        f'<recv response="183">{take}</recv>\n',
        steps.send("PRACK", 2, headers="RAck: 1[$rseq] 1 INVITE\n"),
        steps.receive(481),
        steps.send("PRACK", 3, headers=PRACK),
        steps.receive(200),
        steps.receive(200),
        steps.send("ACK", 1),
        steps.pause(100),
        steps.hang_up(4),
        early=True,
    )


@pytest.mark.behaviour(
    "Dialogs", "a session that would be refreshed too often is refused with the least interval", peer="SIPp", rfc="4028 6"
)
async def test_session_interval_too_small(tmp_path: Path) -> None:
    await run(
        tmp_path,
        "422",
        steps.invite(sdp(), "Supported: timer\nSession-Expires: 60\n"),
        steps.receive(422, must_match="Min-SE: 90"),
        steps.send("ACK", 1),
        steps.invite(sdp(), "Supported: timer\nMin-SE: 90\nSession-Expires: 90;refresher=uac\n", cseq=2),
        steps.receive(200, must_match="Session-Expires: 90;refresher=uac"),
        steps.send("ACK", 2),
        steps.update(3, steps.NO_BODY, "SIP/2.0 200"),
        steps.hang_up(4),
    )


@pytest.mark.behaviour("Dialogs", "the answer is repeated until the caller acknowledges it", peer="SIPp", rfc="3261 13.3.1.4")
async def test_late_ack(tmp_path: Path) -> None:
    await run(
        tmp_path,
        "late ack",
        steps.invite(sdp()),
        steps.receive(200),
        steps.pause(1200),  # SIPp passes over what comes again
        steps.send("ACK", 1),
        steps.pause(100),
        steps.hang_up(2),
    )
