# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognisers that hear a turn while it lasts: what they are given, what becomes of their partial texts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipagent.dialogue.decoding import Decoded, Decoder
from sipagent.engines.base import Answer, EngineError, PartialHandler
from sipagent.testing import CodedSpeech, ScriptedStt, VirtualLoop

Stage = Any  # conftest.Stage
LONG = "This is the first sentence of a long answer. Here is the second one. And now the third one follows. The end."


class Streamed(ScriptedStt):
    """Tells all it has heard so far with each half second fed."""

    def __init__(self, speech: CodedSpeech) -> None:
        super().__init__(speech)
        self.turns: list[Turn] = []

    def stream(self, rate: int, on_partial: PartialHandler) -> Turn:
        self.turns.append(Turn(self, rate, on_partial))
        return self.turns[-1]


class Turn:
    def __init__(self, stt: Streamed, rate: int, on_partial: PartialHandler) -> None:
        self.stt, self.rate, self.on_partial = stt, rate, on_partial
        self.pcm, self.told, self.finished, self.cancelled = bytearray(), 0, 0, False

    def feed(self, pcm: bytes) -> None:
        assert not self.cancelled
        self.pcm += pcm
        if len(self.pcm) - self.told >= self.rate:
            self.told = len(self.pcm)
            self.on_partial(self.stt.speech.read(bytes(self.pcm)), False)

    async def finish(self) -> str:
        self.finished += 1
        await asyncio.sleep(0.05)
        if self.finished in self.stt.fail:
            raise EngineError("the socket broke")
        return self.stt.speech.read(bytes(self.pcm))

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def streamed(stage: Stage) -> Streamed:
    stage.stt = Streamed(stage.speech)
    return stage.stt  # type: ignore[no-any-return]


def test_a_turn_is_heard_while_it_lasts_and_finished_at_each_pause(stage: Stage, streamed: Streamed) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("I would like to", 1.0)
        stage.silence(0.4)
        stage.say("book a room.", 1.0)
        await stage.quiet(2.0)

    stage.play(scene())
    assert stage.lines("caller") == ["I would like to book a room."]
    (turn,) = streamed.turns
    assert turn.finished == 2  # at the pause, at the end
    assert turn.cancelled
    assert 2.6 * 2 * 16000 < len(turn.pcm) < 3.1 * 2 * 16000  # lead, speech, pause, speech, the silence before the finish


def test_partial_words_make_the_bot_yield_before_a_pause(stage: Stage, streamed: Streamed) -> None:
    stage.script.answers["go on."] = Answer(LONG)

    async def scene() -> None:
        await stage.quiet()
        stage.say("go on.")
        await stage.bot_speaks()
        await asyncio.sleep(2.0)
        stage.say("no not that one.", 5.0)
        await stage.quiet(2.0)

    stage.play(scene())
    (event,) = [e for e in stage.events if e.kind == "barge_in"]
    assert event.t_us - event.data["onset_us"] < 600_000
    assert streamed.calls == 0  # nobody decoded the same sound a second time


def test_a_stream_that_breaks_costs_one_answer(stage: Stage, streamed: Streamed) -> None:
    streamed.fail = {1}

    async def scene() -> None:
        await stage.quiet()
        stage.say("one.", 1.0)
        await stage.quiet(4.0)

    stage.play(scene())
    assert len(stage.lines("agent")) == 2
    assert stage.script.retracted == len(stage.script.turns), "the brain was asked by guess at most"


def test_a_look_at_half_a_turn_is_not_taken_for_the_turn() -> None:
    loop = VirtualLoop()
    speech = CodedSpeech()
    decoder = Decoder(ScriptedStt(speech), 16000, 5.0, loop.clock_us, lambda done: None)
    looked: list[Decoded] = []

    async def scene() -> Decoded:
        decoder.begin()
        one, two = speech.say("one", 0.5), speech.say("two", 0.5)
        decoder.feed(one)
        decoder.look(one, looked.append)
        await asyncio.sleep(0.05)
        decoder.feed(two)
        return await decoder.take()

    assert loop.run_until_complete(scene()).text == "one two"
    assert looked == []
    loop.close()
