# SPDX-License-Identifier: GPL-3.0-or-later
"""What a conversation remembers, through whole calls with scripted engines in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from sipagent.config import Config
from sipagent.dialogue.context import MAX_SUMMARY, Context, Exchange
from sipagent.dialogue.remember import Remembrance
from sipagent.dialogue.summary import by_rule
from sipagent.engines.base import Act, Answer
from sipagent.engines.rules import RulesBrain
from tests.dialogue.conftest import GREETING, Parrot, Stage


def of(stage: Stage) -> Context:
    assert stage.call is not None
    return stage.call.context


def test_each_exchange_holds_what_was_heard(stage: Stage) -> None:
    stage.script.answers["goodbye."] = Answer("Goodbye.", (Act.HANGUP,))

    async def scene() -> None:
        await stage.quiet()
        stage.say("one.")
        await stage.bot_speaks()
        await stage.quiet()
        stage.say("goodbye.")
        await asyncio.sleep(5)

    stage.play(scene())
    assert [(e.caller, e.agent, e.acts, e.interrupted) for e in of(stage).turns] == [
        ("", GREETING, (), False),
        ("one.", "You said one.", (), False),
        ("goodbye.", "Goodbye.", ("hangup",), False),
    ]
    assert of(stage).slots == {"turns": 2}


def test_an_interrupted_answer_is_remembered_as_far_as_it_was_heard(stage: Stage) -> None:
    long = "This is the first part of a long answer, and this is the second part of it, which nobody will ever hear."
    stage.script.answers["tell me."] = Answer(long)

    async def scene() -> None:
        await stage.quiet()
        stage.say("tell me.")
        await stage.bot_speaks()
        await asyncio.sleep(1.0)
        stage.say("stop please.")
        await stage.quiet(3)

    stage.play(scene())
    _, first, second = of(stage).turns[:3]
    assert first.interrupted
    assert first.agent == stage.ledger[0]["agent_heard"]
    assert long.startswith(first.agent)
    assert 0 < len(first.agent) < len(long)
    assert (second.caller, second.agent) == ("stop please.", "You said stop please.")


def test_a_turn_that_was_taken_back_stands_once(stage: Stage) -> None:
    stage.script.judge = lambda text: True

    async def scene() -> None:
        await stage.quiet()
        stage.say("I want to.")
        stage.silence(0.36)
        stage.say("book a room.")
        await stage.quiet(3)

    stage.play(scene())
    assert [e.caller for e in of(stage).turns if e.caller] == ["I want to. book a room."]


def test_a_broken_brain_costs_one_answer_and_no_memory(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("one.")
        await stage.quiet(2)
        stage.script.fail = True
        stage.say("two.")
        await stage.quiet(3)
        stage.script.fail = False
        stage.say("three.")
        await stage.quiet(3)

    stage.play(scene())
    talked = [(e.caller, e.agent) for e in of(stage).turns if e.caller]
    assert talked == [("one.", "You said one."), ("two.", ""), ("three.", "You said three.")]


def test_hold_changes_nothing_that_is_remembered(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("one.")
        await stage.quiet(2)
        stage.hold(True)
        await asyncio.sleep(60)
        stage.hold(False)
        stage.say("two.")
        await stage.quiet(2)

    stage.play(scene())
    assert [e.caller for e in of(stage).turns if e.caller] == ["one.", "two."]


def test_a_caller_who_is_back_hears_so_and_is_asked_what_was_open(stage: Stage) -> None:
    stage.context = Context([Exchange("old", "answer")], slots={"turns": 7}, returning=True)

    async def scene() -> None:
        await stage.quiet()
        stage.say("and now?")
        await stage.quiet(2)

    stage.play(scene())
    assert stage.lines("agent") == ["Welcome back. We had 7 turns.", "You said and now?"]
    assert [e.caller for e in of(stage).turns] == ["old", "", "and now?"]


def test_what_the_script_no_longer_saves_is_no_longer_remembered(stage: Stage) -> None:
    """A flow that was left must not be open again when the caller calls back."""
    stage.context = Context(slots={"flow": "booking"})
    stage.script.save = dict  # type: ignore[method-assign]

    async def scene() -> None:
        await stage.quiet()
        stage.say("never mind.")
        await stage.quiet(2)

    stage.play(scene())
    assert of(stage).slots == {}


async def test_a_brain_that_greets_a_caller_who_is_back_is_closed_when_nobody_listens() -> None:
    closed: list[bool] = []

    class Slow(Writer):
        async def resume(self) -> AsyncGenerator[str, None]:
            try:
                while True:
                    yield "still here "
            finally:
                closed.append(True)

    memory = Remembrance(Context(returning=True), Slow(""), 4, "Welcome back.")  # type: ignore[arg-type]
    tokens = memory.greet()
    assert isinstance(tokens, AsyncGenerator)
    assert [await anext(tokens), await anext(tokens)] == ["Welcome back. ", "still here "]
    await tokens.aclose()
    assert closed == [True]


class Writer:
    """A brain's session that can summarise."""

    def __init__(self, answer: str | Exception | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int]] = []
        self.takes_s = 0.0

    def save(self) -> dict[str, Any]:
        return {}

    async def summarise(self, before: str, turns: Sequence[Exchange]) -> str:
        self.asked.append((before, len(turns)))
        await asyncio.sleep(self.takes_s)
        if self.answer is None:
            await asyncio.sleep(3600)
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


def talk(memory: Remembrance, *numbers: int) -> None:
    for n in numbers:
        memory.caller_said(f"question {n}")
        memory.answered(f"answer {n}", (), interrupted=False)


def run_in(loop: asyncio.AbstractEventLoop, work: Any) -> None:
    loop.run_until_complete(work)


def test_the_brain_summarises_old_exchanges_while_the_call_goes_on(stage: Stage) -> None:
    context, writer = Context(), Writer("They spoke of numbers.")
    saved: list[int] = []
    context.on_change = lambda: saved.append(len(context.turns))

    async def scene() -> None:
        memory = Remembrance(context, writer, 4, "")  # type: ignore[arg-type]
        talk(memory, 1, 2, 3, 4, 5)
        await asyncio.sleep(1)
        assert [e.caller for e in context.turns] == ["question 4", "question 5"]
        assert context.summary == "They spoke of numbers."
        assert saved[-1] == 2  # kept as it is now
        talk(memory, 6, 7, 8)
        await asyncio.sleep(1)
        assert writer.asked == [("", 3), ("They spoke of numbers.", 3)]

    run_in(stage.loop, scene())


@pytest.mark.parametrize("answer", ["", RuntimeError("gone"), None])
def test_without_the_brain_s_summary_older_turns_are_shortened_by_rule(stage: Stage, answer: Any) -> None:
    context = Context()

    async def scene() -> None:
        memory = Remembrance(context, Writer(answer), 4, "")  # type: ignore[arg-type]
        talk(memory, 1, 2, 3, 4, 5)
        await asyncio.sleep(60)
        assert context.summary.splitlines()[0] == 'Caller: "question 1" Agent: "answer 1"'
        assert len(context.turns) == 2

    run_in(stage.loop, scene())


def test_a_brain_that_is_slower_than_the_talk_lets_nothing_grow(stage: Stage) -> None:
    context = Context()

    async def scene() -> None:
        memory = Remembrance(context, Writer(None), 4, "")  # type: ignore[arg-type]
        talk(memory, *range(1000))
        assert len(context.turns) <= 8
        assert len(context.summary) <= MAX_SUMMARY
        await memory.close()

    run_in(stage.loop, scene())
    assert "question 990" in context.summary


def test_a_summary_that_comes_too_late_takes_no_newer_turns_away(stage: Stage) -> None:
    context, writer = Context(), Writer("too late")
    writer.takes_s = 5.0

    async def scene() -> None:
        memory = Remembrance(context, writer, 4, "")  # type: ignore[arg-type]
        talk(memory, 1, 2, 3, 4, 5)
        await asyncio.sleep(1)
        talk(memory, *range(6, 12))
        kept = [e.caller for e in context.turns]
        await asyncio.sleep(10)
        assert [e.caller for e in context.turns] == kept
        assert "question 1" in context.summary
        await memory.close()

    run_in(stage.loop, scene())


def test_slots_that_are_no_json_are_left_out_and_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.script.save = lambda: {"x": object()}  # type: ignore[method-assign]

    async def scene() -> None:
        await stage.quiet()
        stage.say("one.")
        await stage.quiet(2)

    stage.play(scene())
    assert of(stage).slots == {}
    assert [e.caller for e in of(stage).turns if e.caller] == ["one."]


def test_a_script_that_can_not_save_costs_no_call(stage: Stage) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("no idea")

    stage.script.save = broken  # type: ignore[method-assign]

    async def scene() -> None:
        await stage.quiet()
        stage.say("one.")
        await stage.quiet(2)

    stage.play(scene())
    assert [e.agent for e in of(stage).turns] == [GREETING, "You said one."]


def test_greetings_and_reminders_are_no_news() -> None:
    assert by_rule("", [Exchange("", "Hello."), Exchange("a " * 400, "b")]).startswith('Caller: "a a')


async def test_rules_resume_from_the_context() -> None:
    session = RulesBrain(Config()).session(Parrot(), Context(slots={"turns": 3}))
    assert "".join([str(token) async for token in session.resume()]) == "We had 3 turns."
