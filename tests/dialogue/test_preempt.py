# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are begun while the caller may still go on: ready when he does not, and without any trace when he does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from sipagent.dialogue.ahead import Ahead, closing
from sipagent.dialogue.preempt import OUTCOMES, Preempt
from sipagent.engines.answered import ANSWERED, answered
from sipagent.engines.base import AtWork, EngineError, PartialHandler, SttStream, Token, UserTurn
from sipagent.engines.streams import WholeTurn
from sipagent.testing import ScriptedStt, ScriptedTts
from tests.dialogue.conftest import Stage

RATE = 16000


class Brain:
    """A BrainSession that takes down what is done to it. `tokens` makes its answer to a turn."""

    def __init__(self, tokens: Callable[[UserTurn], AsyncIterator[Token]]) -> None:
        self.log: list[str] = []
        self._tokens = tokens

    async def reply(self, turn: UserTurn) -> AsyncIterator[Token]:
        self.log.append(f"asked {turn.text}")
        try:
            async with closing(self._tokens(turn)) as tokens:
                async for token in tokens:
                    yield token
        finally:
            self.log.append(f"closed {turn.text}")

    def retract(self) -> None:
        self.log.append("retracted")


async def words(turn: UserTurn) -> AsyncIterator[Token]:
    for word in f"You said {turn.text}. Is that right?".split(" "):
        yield f"{word} "
        await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def early(brain: Any, tts: ScriptedTts | None = None) -> tuple[Preempt, ScriptedTts]:
    tts = tts or ScriptedTts(first_s=0, piece_s=0)
    OUTCOMES.clear()
    return Preempt(brain, tts, RATE, allowed=True), tts


async def test_the_same_words_take_over_what_was_begun() -> None:
    brain = Brain(words)
    preempt, tts = early(brain)
    preempt.begin(UserTurn("yes"))
    await settle()
    assert tts.said == ["You said yes."], "the first clause only"
    tokens, prepared = preempt.answer(UserTurn("yes"), {})
    assert "".join([str(t) async for t in tokens]) == "You said yes. Is that right? "
    assert prepared is not None
    assert prepared.clause == "You said yes."
    assert b"".join([p async for p in prepared.pieces.items()])
    await preempt.close()
    assert brain.log == ["asked yes", "closed yes"]
    assert OUTCOMES == {"used": 1}


async def test_other_words_are_asked_when_the_guess_has_left_no_trace() -> None:
    brain = Brain(words)
    preempt, _ = early(brain)
    preempt.begin(UserTurn("yes"))
    await settle()
    tokens, prepared = preempt.answer(UserTurn("yes but later"), {})
    assert prepared is None
    assert "".join([str(t) async for t in tokens]).startswith("You said yes but later.")
    assert brain.log == ["asked yes", "closed yes", "retracted", "asked yes but later", "closed yes but later"]
    await preempt.close()


async def test_what_he_had_heard_is_part_of_the_turn() -> None:
    brain = Brain(words)
    preempt, _ = early(brain)
    preempt.begin(UserTurn("yes", heard="Shall I"))
    await settle()
    tokens, _ = preempt.answer(UserTurn("yes", heard="Shall I book"), {})
    _ = [t async for t in tokens]
    assert brain.log[:4] == ["asked yes", "closed yes", "retracted", "asked yes"]
    await preempt.close()


async def test_each_guess_waits_until_the_one_before_is_gone() -> None:
    """A brain that takes its time to let go (a connection) is not asked twice at once. What was never asked is not retracted:
    that would be the answer before it."""
    open_now, most, may_go = 0, 0, asyncio.Event()

    async def slow(turn: UserTurn) -> AsyncIterator[Token]:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            yield "Well, "
            await asyncio.sleep(3600)
        finally:
            await may_go.wait()
            open_now -= 1

    brain = Brain(slow)
    preempt, _ = early(brain)
    for text in ("one", "two", "three"):
        preempt.begin(UserTurn(text))
        await settle()
    may_go.set()
    await settle()
    await preempt.close()
    assert most == 1
    assert open_now == 0
    assert brain.log == ["asked one", "closed one", "retracted", "asked three", "closed three", "retracted"]


async def test_no_tool_runs_on_a_guess() -> None:
    ran: list[str] = []

    async def with_tool(turn: UserTurn) -> AsyncIterator[Token]:
        yield "Let me see"
        yield AtWork("booking")
        ran.append("tool")  # a brain that does not wait for `sure`: it is not asked to go on, either
        yield " it is free."

    preempt, tts = early(Brain(with_tool))
    preempt.begin(UserTurn("book it"))
    await settle()
    assert ran == []
    assert tts.said == ["Let me see"]
    tokens, _ = preempt.answer(UserTurn("book it"), {})
    assert [t async for t in tokens] == ["Let me see", AtWork("booking"), " it is free."]
    assert ran == ["tool"]
    await preempt.close()


async def test_sure_is_set_when_the_turn_is_over_and_not_before() -> None:
    seen: list[UserTurn] = []

    async def careful(turn: UserTurn) -> AsyncIterator[Token]:
        seen.append(turn)
        yield "One moment. "
        assert turn.sure is not None
        await turn.sure.wait()
        yield "Done."

    preempt, _ = early(Brain(careful))
    preempt.begin(UserTurn("go"))
    await settle()
    assert seen[0].sure is not None
    assert not seen[0].sure.is_set()
    tokens, _ = preempt.answer(UserTurn("go"), {})
    assert [t async for t in tokens] == ["One moment. ", "Done."]
    await preempt.close()


async def test_who_answered_is_told_to_the_turn_that_takes_it() -> None:
    async def by_name(turn: UserTurn) -> AsyncIterator[Token]:
        answered("brain", "second")
        yield "Hello. "

    class Named(ScriptedTts):
        async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
            answered("tts", "other")
            async for piece in super().synthesize(text, rate):
                yield piece

    preempt, _ = early(Brain(by_name), Named(first_s=0, piece_s=0))
    preempt.begin(UserTurn("hi"))
    await settle()
    engines = {"brain": "first", "stt": "moonshine"}
    preempt.answer(UserTurn("hi"), engines)
    assert engines == {"brain": "second", "stt": "moonshine", "tts": "other"}
    await preempt.close()
    assert ANSWERED.get() is None


async def test_a_brain_that_fails_at_a_guess_is_asked_again() -> None:
    fails = [True]

    async def once(turn: UserTurn) -> AsyncIterator[Token]:
        if fails.pop() if fails else False:
            raise EngineError("not now")
        yield "Fine."

    brain = Brain(once)
    preempt, _ = early(brain)
    preempt.begin(UserTurn("hello"))
    await settle()
    tokens, _ = preempt.answer(UserTurn("hello"), {})
    assert [t async for t in tokens] == ["Fine."]
    assert OUTCOMES == {"failed": 1}
    await preempt.close()


async def test_an_answer_that_was_taken_and_never_read_is_closed() -> None:
    async def endless(turn: UserTurn) -> AsyncIterator[Token]:
        while True:
            yield "and "
            await asyncio.sleep(0)

    brain = Brain(endless)
    preempt, _ = early(brain)
    preempt.begin(UserTurn("talk"))
    await settle()
    preempt.answer(UserTurn("talk"), {})
    await preempt.close()
    assert brain.log == ["asked talk", "closed talk"]


@pytest.mark.parametrize(("allowed", "speculates"), [(False, True), (True, False)])
async def test_whoever_must_not_be_asked_early_is_not(allowed: bool, speculates: bool) -> None:
    brain = Brain(words)
    brain.speculates = speculates  # type: ignore[attr-defined]
    preempt = Preempt(brain, ScriptedTts(), RATE, allowed=allowed)  # type: ignore[arg-type]
    preempt.begin(UserTurn("yes"))
    await settle()
    assert brain.log == []
    await preempt.close()


# In a conversation.


@pytest.mark.parametrize(("preemptive", "tts_ms"), [(True, 0), (False, 300)])
def test_the_first_sound_does_not_wait_for_a_slow_voice(stage: Stage, preemptive: bool, tts_ms: int) -> None:
    stage.cfg |= {"preemptive": preemptive, "end_silence_ms": 700}
    stage.tts.first_s = 0.3

    async def scene() -> None:
        await stage.quiet()
        stage.say("I have a question.")
        await stage.quiet(2.0)

    stage.play(scene())
    (turn,) = stage.ledger
    assert turn["stages"]["tts_ms"] == pytest.approx(tts_ms, abs=20)
    assert turn["agent_heard"] == "You said I have a question."
    assert stage.tts.said.count("You said I have a question.") == 1
    assert stage.script.retracted == 0


def test_who_goes_on_hears_nothing_and_nothing_is_written_down(stage: Stage) -> None:
    stage.cfg |= {"end_silence_ms": 700}

    async def scene() -> None:
        await stage.quiet()
        stage.say("I have a question.")
        stage.silence(0.5)
        stage.say("It is about rooms.")
        await stage.quiet(2.0)

    stage.play(scene())
    assert stage.script.turns[0].text == "I have a question.", "it was begun"
    assert stage.script.retracted == len(stage.script.turns) - 1
    (turn,) = stage.ledger
    assert turn["caller_heard"] == "I have a question. It is about rooms."
    assert stage.lines("agent")[1:] == ["You said I have a question. It is about rooms."]
    assert "You said I have a question." in stage.tts.said
    assert [line["text"] for line in stage.notes["transcript"] if line["text"] == "You said I have a question."] == []


class LiveStt(ScriptedStt):
    """Knows the words while they are said; its last word on them takes a while."""

    def stream(self, rate: int, on_partial: PartialHandler) -> SttStream:
        turn = WholeTurn(self, rate)
        feed = turn.feed

        def heard(pcm: bytes) -> None:
            feed(pcm)
            if text := self.speech.read(bytes(turn._pcm)):
                on_partial(text, True)

        turn.feed = heard  # type: ignore[method-assign]
        return turn


def test_words_that_are_known_at_the_pause_are_not_waited_for(stage: Stage) -> None:
    """Brain and voice, a second each, have begun when the silence has: before the recogniser's last word."""
    stage.stt = LiveStt(stage.speech, latency_s=0.5)
    stage.cfg |= {"end_silence_ms": 700}
    asked_us: list[int] = []
    reply = stage.script.reply

    def noted(turn: UserTurn) -> Any:
        asked_us.append(stage.loop.clock_us())
        return reply(turn)

    stage.script.reply = noted  # type: ignore[method-assign]

    async def scene() -> None:
        await stage.quiet()
        stage.say("I have a question.")
        await stage.quiet(2.0)

    stage.play(scene())
    (turn,) = stage.ledger
    assert asked_us[0] < turn["times_us"]["stt_final"] - 400_000
    assert len(asked_us) == 1
    assert turn["caller_heard"] == "I have a question."


def test_the_agent_is_not_asked_about_the_same_words_behind_its_own_answer(stage: Stage) -> None:
    """A script that has gone on to its next question finds the answer to the last one unfinished."""
    stage.stt = LiveStt(stage.speech)
    stage.script.judge = lambda text: len(stage.script.turns) == stage.script.retracted  # only before it has answered

    async def scene() -> None:
        await stage.quiet()
        stage.say("It is the fourth of May.")
        await stage.quiet(2.0)

    stage.play(scene())
    (turn,) = stage.ledger
    assert turn["stages"]["endpoint_ms"] == pytest.approx(300, abs=40)


async def test_a_finished_guess_is_taken_back_at_once() -> None:
    """What the agent is asked next, it is asked as if nothing had been."""
    brain = Brain(words)
    preempt, _ = early(brain)
    preempt.begin(UserTurn("yes"))
    await settle()
    preempt.drop()
    assert brain.log[-1] == "retracted"
    await preempt.close()
    assert brain.log.count("retracted") == 1


async def test_who_is_stopped_while_he_closes_what_he_read_is_stopped() -> None:
    """Or a reply that the caller cuts just then would go on."""
    may_go = asyncio.Event()

    async def slow() -> AsyncIterator[str]:
        try:
            yield "Well, "
            await asyncio.sleep(3600)
        finally:
            await may_go.wait()

    ahead = Ahead(slow)
    await settle()
    reader = asyncio.create_task(ahead.close())
    await settle()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    may_go.set()
    await ahead.close()
