# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the caller's telephone as a turn: terminator, time-out, interruption, keys beside speech."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipagent.engines.base import Answer

Stage = Any  # conftest.Stage
LONG = "This is the first sentence of a long answer. Here is the second one. And now the third one follows. The end."


async def press(stage: Stage, keys: str, gap_s: float = 0.3) -> None:
    for key in keys:
        assert stage.call is not None
        stage.call.dtmf(key, 100)
        await asyncio.sleep(gap_s)


def entries(stage: Stage) -> list[tuple[str, str]]:
    return [(turn.text, turn.keys) for turn in stage.script.turns]


def test_keys_are_a_turn_when_no_more_follow(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        await press(stage, "4711", gap_s=1.5)
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage) == [("4711", "4711")]
    assert stage.lines("agent")[-1] == "You said 4711"
    assert stage.ledger[0]["stages"]["endpoint_ms"] == pytest.approx(2000, abs=1)


def test_the_terminator_ends_the_entry_at_once_and_is_none_of_it(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        await press(stage, "12*#")
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage) == [("12*", "12*")]
    assert stage.ledger[0]["gap_ms"] < 100


def test_the_terminator_alone_is_an_entry(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        await press(stage, "#")
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage) == [("#", "#")]


def test_without_a_terminator_it_is_a_key_like_others(stage: Stage) -> None:
    stage.cfg["keys_terminator"] = ""

    async def scene() -> None:
        await stage.quiet()
        await press(stage, "1#2")
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage) == [("1#2", "1#2")]


def test_an_entry_that_is_whole_is_not_waited_for(stage: Stage) -> None:
    stage.script.judge = lambda text: True if text == "1" else None

    async def scene() -> None:
        await stage.quiet()
        await press(stage, "1", gap_s=0.0)
        await asyncio.sleep(0.3)
        assert stage.leg.bot_is_sounding()

    stage.play(scene())
    assert entries(stage) == [("1", "1")]


def test_a_key_interrupts_at_once(stage: Stage) -> None:
    stage.script.answers["go on."] = Answer(LONG)

    async def scene() -> None:
        await stage.quiet()
        stage.say("go on.")
        await stage.bot_speaks()
        await asyncio.sleep(2.0)
        await press(stage, "7", gap_s=0.05)
        assert not stage.leg.bot_is_sounding()
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage)[1:] == [("7", "7")]
    assert stage.ledger[0]["interrupted"]
    assert stage.script.turns[1].heard == stage.ledger[0]["agent_heard"] != LONG
    assert stage.ledger[1]["barge_in"]["latency_ms"] <= 140  # 100 ms of it are the key itself


def test_without_barge_in_keys_wait_for_the_bots_end(stage: Stage) -> None:
    stage.cfg["barge_in"] = False

    async def scene() -> None:
        await stage.bot_speaks()
        await press(stage, "5")
        await stage.quiet(3.0)
        await press(stage, "6")
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage) == [("6", "6")]


def test_keys_after_words_are_one_turn_with_them(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("my number is four", 1.0)
        await asyncio.sleep(1.1)
        await press(stage, "4711#")
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage) == [("my number is four 4711", "4711")]


def test_nobody_is_reminded_while_he_presses_keys(stage: Stage) -> None:
    stage.cfg["idle_s"] = 3.0
    stage.cfg["keys_end_s"] = 5.0

    async def scene() -> None:
        await stage.quiet()
        await press(stage, "123", gap_s=2.5)
        await stage.quiet(3.0)

    stage.play(scene())
    assert entries(stage) == [("123", "123")]
    assert stage.lines("agent")[1] == "You said 123"
