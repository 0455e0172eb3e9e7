# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 4475 and RFC 5118: the right verdict for each message, and nothing left behind."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sipagent.call import Call
from tests.sip.rig import Rig, config, user_agent
from tests.sip.torture import BAD, CALL, CASES, RESPONSES, Case
from tests.sip.wire import Message, Peer

WAIT_S = 10.0


@asynccontextmanager
async def answering(**sections: Any) -> AsyncIterator[tuple[Rig, list[Call]]]:
    """A user agent that answers every call, and the calls that it took."""
    taken: list[Call] = []
    tasks: set[asyncio.Task[None]] = set()

    def on_incoming(call: Call) -> None:
        taken.append(call)
        tasks.add(asyncio.create_task(call.control.answer()))

    async with user_agent(config(**sections), on_incoming) as rig:
        rig.rings = False
        yield rig, taken
        await asyncio.gather(*tasks)


async def final_answer(peer: Peer, rig: Rig) -> int:
    """Status of the first final answer to what was sent; 0 when there is none by the time that a good OPTIONS, sent after it,
    was answered."""
    mark = Case("good", "", frozenset({200}), "OPTIONS", {"Call-ID": "the-good-one"})
    peer.send(mark.bytes(peer.port), rig.port)
    seen: list[Message] = []
    while True:
        message, _ = await asyncio.wait_for(peer.inbox.get(), WAIT_S)
        if message.get("call-id") == "the-good-one" and message.status:
            break
        seen.append(message)
    return next((m.status for m in seen if m.status >= 200), 0)


async def answered(peer: Peer) -> int:
    """A call's 200 may come later than what was sent after it."""
    while True:
        message, _ = await asyncio.wait_for(peer.inbox.get(), WAIT_S)
        if message.status >= 200:
            return message.status


async def test_each_message_gets_its_verdict() -> None:
    async with answering() as (rig, taken):
        wrong = []
        for case in CASES:
            peer = await Peer.open()
            n_calls = len(taken)
            peer.send(case.bytes(peer.port), rig.port)
            status = await final_answer(peer, rig)
            if status == 0 and 0 not in case.verdict:
                status = await answered(peer)
            if status not in case.verdict or (len(taken) > n_calls and not case.verdict & CALL):
                wrong.append((case.name, case.section, status))
            for call in taken[n_calls:]:
                await call.hangup()
            peer.close()
        assert not wrong


def test_no_section_is_left_out() -> None:
    """RFC 4475 sections 3.1 to 3.4, RFC 5118 section 4."""
    wanted = [f"3.1.1.{n}" for n in range(1, 14)] + [f"3.1.2.{n}" for n in range(1, 20)] + ["3.2.1", "3.4.1"]
    wanted += [f"3.3.{n}" for n in range(1, 16)] + [f"5118 4.{n}" for n in range(1, 11)]
    assert set(wanted) <= {case.section for case in CASES} | set(RESPONSES)


async def test_answers_to_nothing_are_passed_over() -> None:
    async with answering() as (rig, taken):
        peer = await Peer.open()
        for head in RESPONSES.values():
            peer.send(head + CASES[0].bytes(peer.port).partition(b"\r\n")[2], rig.port)
            assert await final_answer(peer, rig) == 0
        peer.close()
        assert not taken


async def test_a_hundred_rounds_leave_nothing() -> None:
    """Memory is steady, and no call is left. Those that keep no state: an INVITE that got as far as a transaction is remembered
    for 32 s (RFC 3261 timer H), whatever became of it."""
    async with answering(seeing={"sip_mb": 0}) as (rig, taken):  # what it remembers of them is no leak
        cases = [case for case in CASES if case.method != "INVITE" or case.section == "gate" or case.verdict <= BAD]
        peer = await Peer.open()
        rss: list[int] = []
        for turn in range(100):
            for case in cases:
                peer.send(case.bytes(peer.port), rig.port)
            await final_answer(peer, rig)
            while not peer.inbox.empty():
                peer.inbox.get_nowait()
            peer.seen.clear()
            if turn in (30, 99):
                rss.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        peer.close()
        assert not taken
        assert not rig.ua.calls
        assert rss[1] - rss[0] < 1024  # KiB, at the peak
