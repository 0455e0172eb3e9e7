# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage for conversations in virtual time: a caller with lines, a bot with scripted engines, and everything that happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from sipagent.call import Call
from sipagent.config import Config, Dialogue
from sipagent.dialogue.context import Context
from sipagent.dialogue.conversation import Conversation
from sipagent.dialogue.events import DialogueEvent
from sipagent.engines.base import Act, Answer, Brain, Tool, TurnModel, UserTurn
from sipagent.engines.rules import RulesBrain
from sipagent.testing import (
    CodedSpeech,
    FakeControl,
    FakeLeg,
    LevelVad,
    ScriptedStt,
    ScriptedTts,
    VirtualLoop,
    fake_call,
    fake_engines,
)

WAITS = {"end_silence_likely_ms": 300, "end_silence_incomplete_ms": 800}
GREETING = "Hello, this is the test. How can I help you?"


class Parrot:
    """A script that answers with a set line, or with what it heard."""

    instructions = ""
    tools: tuple[Tool, ...] = ()

    def __init__(self) -> None:
        self.turns: list[UserTurn] = []
        self.answers: dict[str, Answer] = {}
        self.retracted = 0
        self.fail = False
        self.judge: Callable[[str], bool | None] = lambda text: None

    def greet(self) -> Answer:
        return Answer(GREETING)

    def reply(self, turn: UserTurn) -> Answer:
        self.turns.append(turn)
        if self.fail:
            raise RuntimeError("the brain broke")
        return self.answers.get(turn.text, Answer(f"You said {turn.text}"))

    def idle(self, count: int) -> Answer:
        return Answer("Are you there?") if count == 1 else Answer("Goodbye then.", (Act.HANGUP,))

    def complete(self, text: str) -> bool | None:
        return self.judge(text)

    def retract(self) -> None:
        self.retracted += 1

    def save(self) -> dict[str, Any]:
        return {"turns": len(self.turns)} if self.turns else {}

    def resume(self, slots: Mapping[str, Any]) -> Answer:
        return Answer(f"We had {slots['turns']} turns.") if "turns" in slots else self.greet()


@dataclass
class Stage:
    """One call. `play` runs a coroutine beside the conversation."""

    loop: VirtualLoop
    leg: FakeLeg
    speech: CodedSpeech = field(default_factory=CodedSpeech)
    script: Parrot = field(default_factory=Parrot)
    tts: ScriptedTts = field(default_factory=ScriptedTts)
    vad: LevelVad = field(default_factory=LevelVad)
    brain: Brain = field(default_factory=lambda: RulesBrain(Config()))
    turn: TurnModel | None = None
    events: list[DialogueEvent] = field(default_factory=list)
    cfg: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    control: FakeControl = field(default_factory=FakeControl)
    context: Context = field(default_factory=Context)
    call: Call | None = None
    talk: Conversation | None = None
    finished: bool = False  # the bot hung up by itself

    def __post_init__(self) -> None:
        self.stt = ScriptedStt(self.speech)

    def play(self, scene: Coroutine[Any, Any, None], limit_s: float = 300.0) -> None:
        self.loop.run_until_complete(asyncio.wait_for(self._play(scene), limit_s))

    async def _play(self, scene: Coroutine[Any, Any, None]) -> None:
        call, self.control = fake_call(self.leg)
        self.call = call
        self.notes, call.context = call.notes, self.context
        engines = await fake_engines(self.stt, self.brain, self.tts, self.vad)
        engines.turn = self.turn
        self.tts.said.clear()
        session = engines.brain.session(self.script, call.context)
        talk = Conversation(call, engines, session, Dialogue(**{**WAITS, **self.cfg}), self.events.append, self.loop.clock_us)
        self.talk = talk
        self.leg.start()
        running = asyncio.create_task(talk.run())
        try:
            await scene
        finally:
            self.finished = running.done()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self.leg.close()
        if self.finished:
            running.result()

    async def quiet(self, seconds: float = 0.5) -> None:
        """Until both sides have been silent for so long."""
        still = 0.0
        while still < seconds:
            await asyncio.sleep(0.02)
            still = 0.0 if self.leg.pending or self.leg.saying else still + 0.02

    async def bot_speaks(self) -> None:
        """Until the bot's sound is on the wire."""
        while True:
            await asyncio.sleep(0.02)
            if self.leg.bot_is_sounding():
                return

    def hold(self, held: bool) -> None:
        """The caller's telephone puts us on hold, or takes us back."""
        assert self.call is not None
        self.leg.held = held
        self.call.hold_changed(held)

    def say(self, text: str, seconds: float = 1.0) -> None:
        self.leg.hear(self.speech.say(text, seconds, self.leg.rate))

    def silence(self, seconds: float) -> None:
        self.leg.hear(bytes(2 * int(seconds * self.leg.rate)))

    def lines(self, who: str) -> list[str]:
        return [line["text"] for line in self.notes["transcript"] if line["who"] == who]

    @property
    def ledger(self) -> list[dict[str, Any]]:
        return list(self.notes["ledger"])


@pytest.fixture
def stage() -> Iterator[Stage]:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    yield Stage(loop, FakeLeg(clock=loop.clock_us))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    asyncio.set_event_loop(None)
