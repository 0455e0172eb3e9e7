# SPDX-License-Identifier: GPL-3.0-or-later
"""Playout truth of whole conversations: what counts as heard, in transcript, context and to the brain, is what was on the wire.
A caller speaks, coughs, says "mhm", interrupts, is put on hold; voices fail. Every spoken word has a sound of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipagent.engines.base import Answer, EngineError, Voiced, WordEnd
from sipagent.testing import FakeLeg, ScriptedTts, VirtualLoop
from tests.dialogue.conftest import Stage

CHAR_S = 0.05
QUIETEST, STEP = 4000, 6  # of words: level QUIETEST + STEP * number
FADE = 80  # samples at 16 kHz


class WordTts(ScriptedTts):
    """Speaks each word at its own level and tells when it ends. A text with "breaks" in it fails behind its third word."""

    def __init__(self, piece_s: float = 0.01) -> None:
        super().__init__(piece_s=piece_s)
        self.words: list[tuple[str, int]] = []  # that were made: the word, its samples

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(self.first_s)
        at = 0
        for number, match in enumerate(re.finditer(r"\S+", text)):
            if "breaks" in text and number == 3:
                raise EngineError("scripted failure")
            n = int((len(match[0]) + 1) * CHAR_S * rate)
            at += n
            level = QUIETEST + STEP * len(self.words)
            self.words.append((match[0], n))
            yield Voiced(np.full(n, level, "<i2").tobytes(), [WordEnd(match.end(), at)])
            await asyncio.sleep(self.piece_s)


def heard_on_wire(stage: Stage, tts: WordTts) -> tuple[list[str], set[int]]:
    """Words that left to their last sample, in order; and the places in this list of those that fading leaves open."""
    levels = np.frombuffer(bytes(stage.leg.bot), "<i2").astype(int) - QUIETEST
    numbers = levels[(levels >= 0) & (levels % STEP == 0) & (levels < STEP * len(tts.words))] // STEP
    runs: list[list[int]] = []  # [word, samples]; what fades passes other words' levels on its way, for a few samples each
    for run in np.split(numbers, np.flatnonzero(np.diff(numbers)) + 1):
        if len(run) > FADE // 2 and runs and runs[-1][0] == run[0]:
            runs[-1][1] += len(run)
        elif len(run) > FADE // 2:
            runs.append([int(run[0]), len(run)])
    words, open_ones = [], set()
    for number, samples in runs:
        word, n = tts.words[number]
        times, rest = divmod(samples, n)
        if rest > n - 4 * FADE:
            open_ones.add(len(words) + times)
            times += 1
        words += [word] * times
    return words, open_ones


def matches(said: list[str], wire: list[str], open_ones: set[int]) -> bool:
    """Whether `said` is `wire`, with or without the words at `open_ones`."""
    at = 0
    for place, word in enumerate(wire):
        if at < len(said) and said[at] == word:
            at += 1
        elif place not in open_ones:
            return False
    return at == len(said)


caller = st.one_of(
    st.tuples(st.just("say"), st.floats(0.3, 2.0)),
    st.tuples(st.just("mhm"), st.floats(0.2, 0.5)),
    st.tuples(st.just("cough"), st.floats(0.01, 0.6)),
    st.tuples(st.just("wait"), st.floats(0.05, 4.0)),
    st.tuples(st.just("hold"), st.floats(0.1, 2.0)),
    st.tuples(st.just("lose"), st.floats(0.02, 0.3)),
    st.tuples(st.just("key"), st.floats(0.1, 1.0)),
)
ANSWERS = [
    "Alpha beta gamma delta, epsilon zeta. Eta theta iota kappa lambda mu nu. Xi omicron pi rho sigma tau upsilon.",
    "Short one.",
    "This is fine so far. But then my voice breaks in the middle of it. Nobody will hear of that.",
]


def play(stage: Stage, script: list[tuple[str, float]], tts: WordTts) -> None:
    stage.tts = tts

    async def scene() -> None:
        await asyncio.sleep(1.0)
        for number, (what, seconds) in enumerate(script):
            if what == "say":
                text = f"question {number}."
                stage.script.answers[text] = Answer(ANSWERS[number % len(ANSWERS)])
                stage.say(text, seconds)
            elif what == "mhm":
                stage.say("mhm", seconds)
            elif what == "cough":
                stage.say("", seconds)
            elif what == "hold":
                stage.hold(True)
                await asyncio.sleep(seconds)
                stage.hold(False)
            elif what == "key":
                assert stage.call is not None
                stage.call.dtmf("5", 100)
            elif what == "lose":
                stage.leg.lose += int(seconds / 0.02)
            await asyncio.sleep(seconds if what not in ("hold", "lose") else 0)
        await stage.quiet(3.0)

    stage.play(scene())


def check(stage: Stage, tts: WordTts) -> None:
    wire, open_ones = heard_on_wire(stage, tts)
    lines = [line for line in stage.notes["transcript"] if line["who"] == "agent"]
    heard = " ".join(line["heard"] for line in lines).split()
    assert matches(heard, wire, open_ones), f"counts as heard: {heard}; was: {wire}, doubtful: {sorted(open_ones)}"
    assert stage.call is not None
    context = " ".join(turn.agent for turn in stage.call.context.turns).split()
    assert matches(context, wire, open_ones), f"context: {context}; was: {wire}, doubtful: {sorted(open_ones)}"


@given(script=st.lists(caller, max_size=8), piece_s=st.sampled_from([0.001, 0.1, 0.4]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_unheard_word_counts_and_no_heard_word_is_missing(script: list[tuple[str, float]], piece_s: float) -> None:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        stage, tts = Stage(loop, FakeLeg(clock=loop.clock_us)), WordTts(piece_s)
        stage.cfg = {"remember_turns": 1000}
        play(stage, script, tts)
        check(stage, tts)
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def test_what_was_made_before_the_voice_failed_is_heard_and_counts(stage: Any) -> None:
    tts = WordTts(0.001)
    play(stage, [("wait", 3.0), ("wait", 0.1), ("say", 0.5), ("wait", 10.0)], tts)
    (turn,) = stage.ledger
    assert turn["agent_heard"] == "This is fine so far. But then my"
    assert stage.lines("agent")[-1].startswith("I am sorry, I have a problem with my voice.")
    check(stage, tts)


@pytest.mark.parametrize("words", range(1, 8))
def test_an_interruption_leaves_exactly_the_words_that_were_heard(stage: Any, words: int) -> None:
    tts = WordTts()
    play(stage, [("wait", 3.0), ("wait", 0.01), ("wait", 0.01), ("say", 0.4), ("wait", 1.0 + 0.3 * words), ("say", 1.0)], tts)
    check(stage, tts)
    assert stage.ledger[0]["interrupted"]
    assert stage.script.turns[-1].heard == stage.ledger[0]["agent_heard"]
