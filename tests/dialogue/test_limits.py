# SPDX-License-Identifier: GPL-3.0-or-later
"""Silence and length: who says nothing is asked and then left, and no call is longer than it may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipagent.engines.base import Answer

Stage = Any  # conftest.Stage
GOODBYE = "I can't hear anybody. Goodbye."
LIMIT = "We have reached the longest time a call can take. Thank you for calling. Goodbye."


def lasted_s(stage: Stage) -> float:
    """The greeting's text exists as soon as the conversation begins."""
    return float(stage.events[-1].t_us - stage.events[0].t_us) / 1e6


@pytest.mark.parametrize("reminders", [0, 1, 3])
def test_a_brain_that_never_hangs_up_on_silence_is_helped(stage: Stage, reminders: int) -> None:
    stage.cfg.update(idle_s=5.0, idle_reminders=reminders)
    stage.script.idle = lambda count: Answer(f"Hello? {count}")

    async def scene() -> None:
        await asyncio.sleep(60)

    stage.play(scene())
    assert stage.finished
    assert stage.lines("agent")[1:] == [*(f"Hello? {n}" for n in range(1, reminders + 1)), GOODBYE]


def test_whoever_speaks_is_reminded_anew(stage: Stage) -> None:
    stage.cfg.update(idle_s=5.0, idle_reminders=1)
    stage.script.idle = lambda count: Answer("Hello?")

    async def scene() -> None:
        for _ in range(3):
            await asyncio.sleep(10)
            stage.say("I am here.")
        await asyncio.sleep(9)

    stage.play(scene())
    assert not stage.finished
    assert GOODBYE not in stage.lines("agent")


def test_the_longest_time_ends_with_words(stage: Stage) -> None:
    stage.cfg["max_duration_s"] = 30.0

    async def scene() -> None:
        await asyncio.sleep(40)

    stage.play(scene())
    assert stage.finished
    assert stage.notes["transcript"][-1]["heard"] == LIMIT
    assert 22 < lasted_s(stage) <= 30


def test_nobody_can_talk_past_the_limit(stage: Stage) -> None:
    stage.cfg["max_duration_s"] = 30.0

    async def scene() -> None:
        await asyncio.sleep(21.5)
        for _ in range(8):
            stage.say("I have one more question.", 1.5)
            stage.silence(1.0)
        await asyncio.sleep(20)

    stage.play(scene())
    assert stage.finished
    assert lasted_s(stage) == pytest.approx(30, abs=0.1)
    assert stage.events[-1].data == {"reason": "longest time reached"}


def test_the_limit_comes_in_the_middle_of_an_interruption(stage: Stage) -> None:
    """Between a flush and its report: the farewell is not what was interrupted."""
    stage.cfg["max_duration_s"] = 18.0
    stage.script.answers["go on."] = Answer("and so it goes on and on " * 8)

    async def scene() -> None:
        started = stage.loop.time()
        await stage.quiet()
        stage.say("go on.")
        await asyncio.sleep(10.0 - 0.005 - (stage.loop.time() - started))
        assert stage.leg.bot_is_sounding()
        assert stage.call is not None
        stage.call.dtmf("1", 100)  # 5 ms before the farewell: the flush is not obeyed yet
        await asyncio.sleep(20)

    stage.play(scene())
    assert stage.finished
    assert any(line["text"] == LIMIT and line["heard"] == LIMIT for line in stage.notes["transcript"])
