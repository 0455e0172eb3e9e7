# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation over real legs and sockets: what the caller's telephone gets when he hums, interrupts and presses keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from typing import Any

import numpy as np

from mediacore import Worker
from sipagent.call import Call, CallState
from sipagent.config import Config, Dialogue
from sipagent.dialogue.conversation import Conversation
from sipagent.engines.base import Answer
from sipagent.engines.rules import RulesBrain
from sipagent.testing import CodedSpeech, FakeControl, ScriptedStt, ScriptedTts, fake_engines
from tests.dialogue.conftest import Parrot
from tests.media.rig import L16, RATE, WAIT_S, Phone

LONG = "Here is the first of two sentences. And now the second one follows, which is longer."
LOUD = 2500  # the bot's tone is twice that


class Script(Parrot):
    def greet(self) -> Answer:
        return Answer("Hi.")


class Line:
    """The caller's end."""

    def __init__(self, phone: Phone, call: Call, script: Script, speech: CodedSpeech) -> None:
        self.phone, self.call, self.script, self._speech = phone, call, script, speech

    def say(self, text: str, seconds: float) -> None:
        self.phone.say(np.frombuffer(self._speech.say(text, seconds, RATE), "<i2"))

    def heard_s(self) -> float:
        """Of the bot's tone."""
        return float(np.count_nonzero(np.abs(self.phone.line().astype(int)) > LOUD)) / RATE

    @property
    def ledger(self) -> list[dict[str, Any]]:
        return list(self.call.notes["ledger"])

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not what():  # noqa: ASYNC110  the wire tells nobody
                await asyncio.sleep(0.02)

    async def ask_and_hear(self, text: str, seconds: float) -> float:
        """A question, and so much of the answer; what had been heard before it."""
        before = self.heard_s()
        self.say(text, 0.6)
        await self.until(lambda: self.heard_s() >= before + seconds)
        return before


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    loop = asyncio.get_running_loop()
    with ExitStack() as room:
        worker = room.enter_context(closing(Worker()))
        worker.start()
        phone = Phone(worker, room, str(L16["codec"]), RATE, 96)
        loop.add_reader(worker.fileno(), worker.drain)
        script, speech, control = Script(), CodedSpeech(), FakeControl()
        script.answers["go on."] = Answer(LONG)
        engines = await fake_engines(ScriptedStt(speech), RulesBrain(Config()), ScriptedTts())
        call = Call(phone.leg, control, "in", "sip:caller@test", "sip:bot@test", state=CallState.CONFIRMED)
        talk = Conversation(call, engines, engines.brain.session(script, call.context), Dialogue())
        running = asyncio.create_task(talk.run())
        try:
            caller = Line(phone, call, script, speech)
            await caller.until(lambda: caller.call.notes.get("transcript") and caller.call.notes["transcript"][0]["heard"])
            yield caller
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            loop.remove_reader(worker.fileno())


def spoken_s(text: str) -> float:
    return len(text) * ScriptedTts.CHAR_S


def test_a_hum_costs_the_caller_no_sound() -> None:
    async def scene() -> None:
        async with line() as caller:
            before = await caller.ask_and_hear("go on.", 1.0)
            caller.say("mhm.", 0.4)
            await caller.until(lambda: caller.ledger[0]["agent_heard"])
            assert caller.ledger[0]["agent_heard"] == LONG
            assert not caller.ledger[0]["interrupted"]
            clauses = spoken_s(LONG) - 2 * ScriptedTts.CHAR_S  # the blanks between them
            assert abs(caller.heard_s() - before - clauses) < 0.05

    asyncio.run(scene())


def test_words_stop_it_and_what_was_heard_is_what_came() -> None:
    async def scene() -> None:
        async with line() as caller:
            before = await caller.ask_and_hear("go on.", 1.0)
            caller.say("stop it.", 0.6)
            await caller.until(lambda: len(caller.script.turns) == 2)
            heard = caller.script.turns[1].heard
            assert LONG.startswith(heard)
            assert caller.ledger[0]["agent_heard"] == heard != LONG
            await asyncio.sleep(0.1)
            came = caller.heard_s() - before
            longest_word = spoken_s("sentences. ")
            assert spoken_s(heard) - 0.1 <= came <= spoken_s(heard) + longest_word + 0.1

    asyncio.run(scene())


def test_keys_interrupt_and_are_a_turn() -> None:
    async def scene() -> None:
        async with line() as caller:
            await caller.ask_and_hear("go on.", 0.5)
            caller.phone.phone.send_dtmf("42#")
            await caller.until(lambda: len(caller.script.turns) == 2)
            assert caller.script.turns[1].keys == "42"
            assert caller.ledger[0]["interrupted"]

    asyncio.run(scene())
