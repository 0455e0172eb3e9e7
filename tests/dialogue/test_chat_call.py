# SPDX-License-Identifier: GPL-3.0-or-later
"""A call that a language model answers: the whole dialogue, with a chat service on loopback. Time is virtual but while the
service is asked."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest

from sipagent.config import Config
from sipagent.dialogue.context import Context, Exchange
from sipagent.engines.base import Act
from sipagent.engines.clips import Apology
from sipagent.engines.failover import FailoverTts, failover_stt
from sipagent.engines.failover_brain import FailoverBrain
from sipagent.engines.openai_chat import OpenAiChat
from sipagent.engines.rules import RulesBrain
from sipagent.testing import FakeLeg, ScriptedStt, ScriptedTts, VirtualLoop
from tests.dialogue.conftest import GREETING, Parrot, Stage
from tests.engines.chat_rig import Probe
from tests.engines.chat_service import ChatService, called, said
from tests.engines.conftest import KEYS, configured
from tests.engines.http_server import HttpServer, Mood, Response
from tests.engines.speech_services import KEY

LATE_S = 3.0  # far above what a service on loopback takes, also on a machine that stalls
LONG = "Our rooms are bright, and they all have a view. " + "There is much more to tell about each of them. " * 10


class Watched(OpenAiChat):
    """Tells whether the service is being asked."""

    asking = 0

    async def ask(self, *args: Any) -> AsyncGenerator[str, None]:
        self.asking += 1
        try:
            async for data in super().ask(*args):
                yield data
        finally:
            self.asking -= 1


class ChatStage(Stage):
    """A stage whose brain is a chat model at `server`."""

    service: ChatService
    server: HttpServer

    async def answered(self, *, turns: int) -> None:
        """Until so many turns have their answer."""
        await self.until(lambda: self.answers() >= turns)

    def answers(self) -> int:
        return sum(turn.get("gap_ms") is not None for turn in self.notes.get("ledger", ()))

    async def until(self, done: Callable[[], object]) -> None:
        while True:
            if done():
                return
            await asyncio.sleep(0.02)

    async def exchange(self, text: str) -> None:
        """The caller says something and hears the answer."""
        turns = self.answers()
        self.say(text)
        await self.answered(turns=turns + 1)
        await self.quiet()


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatStage]:
    monkeypatch.setenv(KEYS["key_env"], KEY)
    brains: list[Watched] = []
    loop = VirtualLoop(lambda: any(brain.asking for brain in brains))
    asyncio.set_event_loop(loop)
    stage = ChatStage(loop, FakeLeg(clock=loop.clock_us))
    stage.service = ChatService()
    stage.server = HttpServer(stage.service)
    loop.run_until_complete(stage.server.__aenter__())
    brain = Watched(configured("chat", stage.server.url, failover={"brain": ["rules"]}))
    brains.append(brain)
    loop.run_until_complete(brain.load())
    stage.brain = brain
    yield stage
    loop.run_until_complete(brain.close())
    loop.run_until_complete(stage.server.__aexit__(None, None, None))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    asyncio.set_event_loop(None)


def heard_by_the_model(stage: ChatStage) -> list[tuple[str, str]]:
    """(role, words) of the newest request, without instructions and tools."""
    messages = stage.service.asked[-1]["messages"][1:]
    return [(m["role"], m["content"]) for m in messages if m["role"] != "tool" and not m.get("tool_calls")]


def test_a_conversation(chat: ChatStage) -> None:
    chat.service.answers = [said("We open at nine. And we close at five."), said("You are welcome.")]

    async def scene() -> None:
        await chat.quiet()
        await chat.exchange("When do you open?")
        await chat.exchange("Thank you.")

    chat.play(scene())
    assert chat.lines("agent") == [GREETING, "We open at nine. And we close at five.", "You are welcome."]
    assert heard_by_the_model(chat) == [
        ("user", "(the call begins)"),
        ("assistant", GREETING),
        ("user", "When do you open?"),
        ("assistant", "We open at nine. And we close at five."),
        ("user", "Thank you."),
    ]


def test_an_interruption_ends_the_request_and_the_model_knows_what_was_heard(chat: ChatStage) -> None:
    chat.service.answers = [said(LONG), said("Yes?")]
    chat.server.mood = Mood(step_s=0.1)

    async def scene() -> None:
        await chat.quiet()
        chat.say("Tell me about the rooms.")
        await chat.answered(turns=1)
        await asyncio.sleep(1.5)
        chat.say("Wait a moment please.")
        await asyncio.wait_for(chat.server.left_early.wait(), 30)
        chat.server.mood = Mood()
        await chat.answered(turns=2)
        await chat.quiet()

    chat.play(scene())
    role, words = heard_by_the_model(chat)[-2]
    assert role == "assistant"
    assert words.endswith(" —")
    heard = words.removesuffix(" —")
    assert LONG.startswith(heard)
    assert 0 < len(heard) < len(LONG) // 2
    assert chat.lines("agent")[-1] == "Yes?"


def test_a_slow_tool_is_filled_and_its_answer_said(chat: ChatStage) -> None:
    tool = Probe(wait_s=6.0, slow_s=1.0, timeout_s=20.0, say_slow="I am still looking.", work=lambda _: "4711")
    chat.script.tools = (tool,)
    chat.service.answers = [called("book", {"guests": 4}, "Let me see."), said("Your number is 4711.")]

    async def scene() -> None:
        await chat.quiet()
        await chat.exchange("A table for four.")
        await chat.quiet(3.0)

    chat.play(scene())
    words = chat.lines("agent")[1]
    assert words.startswith("Let me see.")
    assert "I am still looking." in words
    assert words.endswith("Your number is 4711.")


def test_an_interruption_cancels_the_tool(chat: ChatStage) -> None:
    tool = Probe(wait_s=60.0, slow_s=1.0, timeout_s=90.0)
    chat.script.tools = (tool,)
    chat.service.answers = [called("book", {"guests": 4}, "Let me see what I can do for you there."), said("All right.")]

    async def scene() -> None:
        await chat.quiet()
        chat.say("A table for four.")
        await chat.answered(turns=1)
        await chat.until(lambda: tool.calls)
        await chat.quiet()
        chat.say("No wait stop that.")
        await chat.answered(turns=2)
        await chat.quiet()

    chat.play(scene())
    assert tool.cancelled == 1
    assert any("the caller interrupted" in str(m["content"]) for m in chat.service.asked[-1]["messages"] if m["role"] == "tool")


def test_a_tool_that_asks_runs_after_a_spoken_yes(chat: ChatStage) -> None:
    tool = Probe(confirm="Shall I book for {guests} people?")
    chat.script.tools = (tool, Probe(name="end", parameters={"type": "object"}, deed=Act.HANGUP))
    chat.service.answers = [called("book", {"guests": 4}), said("It is booked."), called("end", {}, "Goodbye.")]

    async def scene() -> None:
        await chat.quiet()
        await chat.exchange("A table for four.")
        assert not tool.calls
        await chat.exchange("Yes please.")
        chat.say("That is all.")
        await asyncio.sleep(20)

    chat.play(scene())
    assert chat.lines("agent")[1:] == ["Shall I book for 4 people?", "It is booked.", "Goodbye."]
    assert tool.calls == [{"guests": 4}]
    assert chat.finished
    assert chat.control.hung_up


def test_an_answer_that_was_begun_too_early_leaves_no_trace(chat: ChatStage) -> None:
    """The model is asked at the pause inside the turn; its tool waits for the end of the turn, which is another one."""
    tool = Probe(parameters={"type": "object", "properties": {"guests": {"type": "integer"}}})
    chat.script.tools = (tool,)
    chat.service.answers = [called("book", {"guests": 4}), called("book", {"guests": 5}), said("Booked for five.")]
    chat.cfg |= {"end_silence_likely_ms": 3000, "end_silence_incomplete_ms": 3000}  # the service may stall while it is asked

    async def scene() -> None:
        await chat.quiet()
        chat.say("A table for four.")
        await asyncio.wait_for(chat.server.asked.wait(), 30)
        chat.say("No, for five.")
        await chat.answered(turns=1)
        await chat.quiet()

    chat.play(scene())
    first, second = chat.service.asked[:2]
    assert first["messages"][-1]["content"] == "A table for four."
    assert second["messages"][-1]["content"] == "A table for four. No, for five."
    assert tool.calls == [{"guests": 5}]
    assert chat.lines("agent")[1:] == ["Booked for five."]


@pytest.mark.parametrize("mood", [Mood(cut_after=0), Mood(cut_after=200), Mood(instead=Response(b"{}", 429))])
def test_a_model_that_is_down_costs_an_apology(chat: ChatStage, mood: Mood) -> None:
    async def scene() -> None:
        await chat.quiet()
        chat.server.mood = mood
        chat.say("Hello?")
        await chat.until(lambda: len(chat.lines("agent")) == 2)
        await chat.quiet()
        chat.server.mood = Mood()
        await chat.exchange("Are you there?")

    chat.play(scene())
    assert chat.lines("agent")[1:] == [Apology.THINKING.value, "You said Are you there?."]


@pytest.mark.parametrize("mood", [Mood(cut_after=0), Mood(wait_s=60.0), Mood(instead=Response(b"<html>", 500))])
def test_the_rules_take_over_from_a_model_that_is_down_or_late(chat: ChatStage, mood: Mood) -> None:
    chat.brain = FailoverBrain([chat.brain, RulesBrain(Config())], LATE_S)
    chat.cfg["fillers"] = []  # the wait is long here only for machines that stall

    async def scene() -> None:
        await chat.quiet()
        await chat.exchange("One?")
        chat.server.mood = mood
        await chat.exchange("Two?")
        chat.server.mood = Mood()
        chat.service.answers = [said("Here I am again.")]
        await chat.exchange("Three?")

    chat.play(scene())
    assert chat.lines("agent")[1:] == ["You said One?.", "You said Two?", "Here I am again."]
    assert ("assistant", "You said Two?") in heard_by_the_model(chat)
    assert isinstance(chat.script, Parrot)
    assert [turn.text for turn in chat.script.turns] == ["Two?"]
    assert [turn["engines"]["brain"] for turn in chat.ledger] == ["openai", "rules", "openai"]


def test_a_model_that_says_when_to_come_back_is_left_alone_until_then(chat: ChatStage) -> None:
    chat.brain = FailoverBrain([chat.brain, RulesBrain(Config())], LATE_S, clock=chat.loop.time)

    async def scene() -> None:
        await chat.quiet()
        chat.server.mood = Mood(instead=Response(b"{}", 429, headers={"Retry-After": "30"}))
        await chat.exchange("One?")
        chat.server.mood = Mood()
        asked = len(chat.server.requests)
        await chat.exchange("Two?")
        assert len(chat.server.requests) == asked
        await asyncio.sleep(30)
        await chat.quiet()
        await chat.exchange("Three?")

    chat.cfg["idle_s"] = 300.0
    chat.play(scene())
    assert chat.lines("agent")[1:] == ["You said One?", "You said Two?", "You said Three?."]


def test_the_ledger_names_the_recogniser_and_the_voice_that_took_over(chat: ChatStage) -> None:
    broken, silent = ScriptedStt(chat.speech), ScriptedTts()
    broken.name, broken.fail, silent.name, silent.fail = "broken", set(range(99)), "silent", re.compile("")
    chat.stt = failover_stt([broken, chat.stt], late_s=1.0)
    both = FailoverTts("tts", [silent, chat.tts], late_s=1.0)
    chat.tts = both
    both.said = []  # the stage forgets what the apologies' recording said

    async def scene() -> None:
        await chat.quiet()
        await chat.exchange("Hello?")

    chat.play(scene())
    assert chat.ledger[0]["engines"] == {"vad": "level", "stt": "scripted", "tts": "scripted", "brain": "openai"}


def test_a_dropped_socket_takes_nothing_of_what_was_said(chat: ChatStage) -> None:
    chat.service.answers = [said("We open at nine.")]

    async def scene() -> None:
        await chat.quiet()
        await chat.exchange("When do you open?")
        chat.server.mood = Mood(cut_after=200)
        chat.say("And when do you close?")
        await chat.until(lambda: Apology.THINKING.value in chat.lines("agent"))
        await chat.quiet()
        chat.server.mood = Mood()
        chat.service.answers = [said("At five.")]
        await chat.exchange("When is that?")

    chat.play(scene())
    words = [words for _, words in heard_by_the_model(chat)]
    assert words[2:4] == ["When do you open?", "We open at nine."]
    assert "And when do you close?" in " ".join(words)
    assert "When is that?" in words[-1]


def test_a_caller_who_is_back_finds_a_model_that_knows_him(chat: ChatStage) -> None:
    """What `store` gives after a restart: the conversation as JSON."""
    before = Context([Exchange("When do you open?", "At nine.", at_s=1.0)], "He is called Miller.", {"turns": 1})
    chat.context = Context.from_dict(json.loads(json.dumps(before.to_dict())))
    chat.context.returning = True
    chat.service.answers = [said("At five.")]

    async def scene() -> None:
        await chat.quiet()
        await chat.exchange("And when do you close?")

    chat.play(scene())
    assert chat.lines("agent") == ["Welcome back. We had 1 turns.", "At five."]
    words = [words for _, words in heard_by_the_model(chat)]
    assert "When do you open? At nine. Welcome back." in " ".join(" ".join(words).split())
    assert "He is called Miller." in json.dumps(chat.service.asked[-1]["messages"])


def test_the_model_sums_up_a_long_talk(chat: ChatStage) -> None:
    chat.cfg = {"remember_turns": 3}
    turns = [said("One it is."), said("Two it is."), said("Three it is.")]
    chat.service.answers = [*turns, said("They counted."), said("Four it is.")]

    async def scene() -> None:
        await chat.quiet()
        for number in ("One?", "Two?", "Three?"):
            await chat.exchange(number)
        await chat.until(lambda: chat.context.summary)
        await chat.exchange("Four?")

    chat.play(scene())
    assert chat.context.summary == "They counted."
    asked = json.dumps(chat.service.asked[-1]["messages"])
    assert "They counted." in asked
    assert "Two it is." not in asked
    assert "Three it is." in asked
