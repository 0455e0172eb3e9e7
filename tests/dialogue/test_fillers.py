# SPDX-License-Identifier: GPL-3.0-or-later
"""While a tool or the brain is slow the caller hears that somebody is still there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sipagent.dialogue.conversation import Conversation
from sipagent.dialogue.speak import Speaker
from sipagent.engines.base import AtWork, Token, UserTurn
from sipagent.engines.clips import Apology

Stage = Any  # conftest.Stage


class Thoughts(list[Token | float]):
    """What the brain does after each turn: tokens, and seconds of thought."""

    closed = False
    may_close: asyncio.Event | None = None

    async def reply(self, turn: UserTurn) -> AsyncIterator[Token]:
        try:
            for step in self:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            while self.may_close is not None and not self.may_close.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await self.may_close.wait()
            self.closed = True


@pytest.fixture
def thinking(monkeypatch: pytest.MonkeyPatch) -> Thoughts:
    thoughts = Thoughts()
    make = Conversation.__init__

    def init(self: Conversation, call: Any, engines: Any, session: Any, *rest: Any) -> None:
        session.reply = thoughts.reply
        make(self, call, engines, session, *rest)

    monkeypatch.setattr(Conversation, "__init__", init)
    return thoughts


def ask(stage: Stage, wait_s: float = 18.0) -> str:
    async def scene() -> None:
        await stage.quiet()
        stage.say("will it rain today?")
        await asyncio.sleep(wait_s)

    stage.play(scene())
    return str(stage.lines("agent")[-1])


def test_a_slow_tool_is_bridged_with_its_own_words_and_then_with_ours(stage: Stage, thinking: Thoughts) -> None:
    stage.cfg["fillers"] = ["Still on it."]
    thinking += ["Let me see", AtWork("weather"), 2.0, AtWork("weather", "I ask the office.", 2.0), 3.0]
    thinking += [AtWork("weather", waited_s=5.0), 3.0, AtWork("weather", waited_s=8.0), 1.0, "It rains."]
    assert ask(stage) == "Let me see I ask the office. Still on it. It rains."
    assert stage.notes["transcript"][-1]["heard"] == stage.lines("agent")[-1]


def test_a_quick_tool_is_not_mentioned_and_what_was_said_before_it_is_not_held_back(stage: Stage, thinking: Thoughts) -> None:
    thinking += ["I look it up", AtWork("weather"), 0.8, " It rains."]
    assert ask(stage) == "I look it up It rains."
    assert stage.ledger[0]["gap_ms"] < 500


def test_who_still_hears_something_hears_no_filler(stage: Stage, thinking: Thoughts) -> None:
    thinking += ["Let me see what I can find.", AtWork("weather"), 0.8]
    thinking += [AtWork("weather", waited_s=0.8), " It rains."]
    assert "moment" not in ask(stage)


def test_a_slow_brain_is_bridged_once_and_the_gap_ends_with_the_filler(stage: Stage, thinking: Thoughts) -> None:
    stage.cfg["filler_after_s"] = 1.0
    thinking += [4.0, "It rains."]
    assert ask(stage) == "One moment, please. It rains."
    turn = stage.ledger[0]
    assert turn["gap_ms"] == pytest.approx(1360, abs=60)
    assert sum(turn["stages"].values()) == pytest.approx(turn["gap_ms"], abs=0.01)


def test_no_fillers_is_silence(stage: Stage, thinking: Thoughts) -> None:
    stage.cfg["fillers"] = []
    thinking += [4.0, "It rains."]
    assert ask(stage) == "It rains."


def test_an_interrupted_brain_is_told(stage: Stage, thinking: Thoughts) -> None:
    thinking += ["A long answer begins here and goes on for a while.", AtWork("weather"), 100.0]

    async def scene() -> None:
        await stage.quiet()
        stage.say("will it rain today?")
        await stage.bot_speaks()
        await asyncio.sleep(1.0)
        assert not thinking.closed
        stage.say("never mind that.", 1.0)
        await asyncio.sleep(1.5)
        assert thinking.closed

    stage.play(scene())


def test_what_the_brain_was_doing_at_the_end_of_the_call_is_kept(stage: Stage, thinking: Thoughts) -> None:
    """A tool may have done what it was asked to: the model must know when the caller is back."""
    thinking += ["I try to book it for you now.", AtWork("booking"), 100.0]
    stage.script.save = lambda: {"closed": thinking.closed}

    async def scene() -> None:
        await stage.quiet()
        stage.say("book a room.")
        await stage.bot_speaks()
        await asyncio.sleep(0.5)
        assert not thinking.closed

    stage.play(scene())
    assert stage.context.slots == {"closed": True}


def test_a_brain_that_does_not_stop_holds_up_no_call_s_end(stage: Stage, thinking: Thoughts) -> None:
    thinking += ["A long answer begins here and goes on for a while.", 100.0]
    thinking.may_close = asyncio.Event()
    ask(stage, wait_s=2.0)
    assert stage.events[-1].kind == "end"
    assert not thinking.closed
    thinking.may_close.set()


def test_a_reply_that_breaks_off_ends_its_thoughts(stage: Stage, thinking: Thoughts, monkeypatch: pytest.MonkeyPatch) -> None:
    thinking += ["A long answer begins here and goes on for a while.", AtWork("weather"), 100.0]

    async def say(*_: Any) -> None:
        monkeypatch.undo()
        raise RuntimeError("nobody has thought of this")

    async def scene() -> None:
        await stage.quiet()
        monkeypatch.setattr(Speaker, "say", say)
        stage.say("will it rain today?")
        await stage.bot_speaks()
        assert stage.lines("agent")[-1] == Apology.THINKING.value
        assert thinking.closed

    stage.play(scene())
