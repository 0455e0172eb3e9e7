# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller puts us on hold: nothing is said into it, nothing in it counts, and afterwards it goes on."""

from __future__ import annotations

import asyncio

from tests.dialogue.conftest import GREETING, Stage


def test_nobody_is_reminded_while_on_hold(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.hold(True)
        await asyncio.sleep(100)
        assert stage.lines("agent") == [GREETING]
        stage.hold(False)
        await asyncio.sleep(15)
        assert stage.lines("agent") == [GREETING]
        await asyncio.sleep(10)

    stage.play(scene())
    assert stage.lines("agent") == [GREETING, "Are you there?"]


def test_what_was_being_said_goes_on_afterwards(stage: Stage) -> None:
    async def scene() -> None:
        await stage.bot_speaks()
        await asyncio.sleep(0.3)
        stage.hold(True)
        await asyncio.sleep(0.1)
        sent = len(stage.leg.sent)
        await asyncio.sleep(60)
        assert len(stage.leg.sent) == sent
        assert stage.leg.pending > 0
        stage.hold(False)
        await stage.quiet()

    stage.play(scene())
    [line] = [line for line in stage.notes["transcript"] if line["who"] == "agent"]
    assert (line["heard"], line["interrupted"]) == (GREETING, False)


def test_music_on_hold_is_not_the_caller(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.hold(True)
        stage.say("la la la.", 5.0)
        await asyncio.sleep(8)
        stage.hold(False)
        stage.say("here I am again.")
        await stage.bot_speaks()
        await stage.quiet()

    stage.play(scene())
    assert stage.lines("caller") == ["here I am again."]
    assert stage.lines("agent")[1:] == ["You said here I am again."]


def test_words_before_the_hold_are_answered_after_it(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("one moment please.", 1.0)
        await asyncio.sleep(1.02)
        stage.hold(True)
        await asyncio.sleep(30)
        assert not stage.leg.bot_is_sounding()
        stage.hold(False)
        await stage.bot_speaks()
        await stage.quiet()

    stage.play(scene())
    assert stage.lines("agent")[1:] == ["You said one moment please."]


def test_the_longest_call_ends_on_hold_too(stage: Stage) -> None:
    stage.cfg["max_duration_s"] = 30.0

    async def scene() -> None:
        await stage.quiet()
        stage.hold(True)
        await asyncio.sleep(40)

    stage.play(scene())
    assert stage.finished
