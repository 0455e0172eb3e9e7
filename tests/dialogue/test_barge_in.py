# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller interrupts: how fast the bot falls silent, and that nothing unheard counts as heard."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.dialogue.playout import Playout, Segment, Utterance
from sipagent.engines.base import Act, Answer
from sipagent.testing import FakeLeg

Stage = Any  # conftest.Stage
LONG = "This is the first sentence of a long answer. Here is the second one. And now the third one follows. The end."


def interrupt(stage: Stage, after_s: float, text: str = "stop it.") -> None:
    stage.script.answers["go on."] = Answer(LONG)

    async def scene() -> None:
        await stage.quiet()
        stage.say("go on.")
        await stage.bot_speaks()
        await asyncio.sleep(after_s)
        stage.say(text)
        await stage.quiet(2.0)

    stage.play(scene())


@pytest.mark.parametrize("after_s", [0.5, 1.0, 2.31, 4.0])
def test_the_bot_falls_silent_within_the_budget(stage: Stage, after_s: float) -> None:
    interrupt(stage, after_s)
    (event,) = [e for e in stage.events if e.kind == "barge_in"]
    assert 0 < event.data["latency_ms"] <= 45  # a packet in, a packet out
    assert stage.ledger[1]["barge_in"] == event.data


def test_what_was_heard_is_known_and_told_to_the_brain(stage: Stage) -> None:
    interrupt(stage, 4.0)
    heard = stage.ledger[0]["agent_heard"]
    assert LONG.startswith(heard)
    assert "first sentence" in heard
    assert "third" not in heard
    assert stage.ledger[0]["interrupted"]
    assert stage.script.turns[-1].heard == heard
    assert stage.tts.said[-1] == "You said stop it."


def test_synthesis_stops_with_the_sound(stage: Stage) -> None:
    stage.tts.piece_s = 0.09  # hardly faster than it is spoken
    interrupt(stage, 1.0)
    assert stage.tts.cancelled == 1
    assert not any("third" in said for said in stage.tts.said)


def test_noise_during_a_goodbye_still_hangs_up(stage: Stage) -> None:
    stage.script.answers["bye."] = Answer("Goodbye and thank you for calling us today.", (Act.HANGUP,))

    async def scene() -> None:
        await stage.quiet()
        stage.say("bye.")
        await stage.bot_speaks()
        await asyncio.sleep(0.8)
        stage.say("", 0.4)
        await asyncio.sleep(20)

    stage.play(scene())
    assert stage.finished


def test_a_click_costs_a_moment_and_not_a_sample(stage: Stage) -> None:
    """It is silent while it is not known what that was, goes on where it stopped, and says it only once."""
    stage.script.answers["go on."] = Answer(LONG)

    async def scene() -> None:
        await stage.quiet()
        stage.say("go on.")
        await stage.bot_speaks()
        await asyncio.sleep(1.0)
        stage.leg.hear(stage.speech.say("", 0.005))
        await stage.quiet(2.0)

    stage.play(scene())
    assert stage.ledger[0]["agent_heard"] == LONG
    assert not stage.ledger[0]["interrupted"]
    assert [e for e in stage.events if e.kind == "barge_in"] == []
    assert stage.tts.said.count("Here is the second one.") == 1
    sent = stage.leg.sent
    assert all(a[1] == b[0] for a, b in itertools.pairwise(sent))
    assert sent[-1][1] == stage.leg.written
    level = np.abs(np.frombuffer(bytes(stage.leg.bot), "<i2").astype(int)).reshape(-1, 320).max(axis=1)
    speaking = np.flatnonzero(level)
    gaps = np.diff(speaking[speaking > len(level) * 0.3]) - 1
    assert 0.1 <= gaps.max() * 0.02 <= 0.24


def test_without_barge_in_no_click_stops_the_bot(stage: Stage) -> None:
    stage.cfg["barge_in"] = False
    paused: list[int] = []
    stage.leg.pause = paused.append  # type: ignore[method-assign]

    async def scene() -> None:
        await stage.bot_speaks()
        stage.leg.hear(stage.speech.say("", 0.005))
        await stage.quiet(1.0)

    stage.play(scene())
    assert not any(paused)


def test_without_barge_in_the_bot_finishes(stage: Stage) -> None:
    stage.cfg["barge_in"] = False
    interrupt(stage, 2.0)
    assert stage.ledger[0]["agent_heard"] == LONG
    assert len(stage.script.turns) == 1


def truly_sent(leg: FakeLeg, start: int, end: int) -> int:
    return sum(max(0, min(end, b) - max(start, a)) for a, b in leg.sent)


steps = st.one_of(
    st.tuples(st.just("pause"), st.integers(0, 200)),
    st.tuples(st.just("write"), st.integers(1, 3000)),
    st.tuples(st.just("tick"), st.integers(1, 8)),
    st.tuples(st.just("flush"), st.just(0)),
)


@given(st.lists(steps, max_size=60))
@settings(max_examples=300)
def test_no_unheard_sample_counts_as_heard(script: list[tuple[str, int]]) -> None:
    """At any moment, also between a flush and its report; and when all is reported, not one sample is missing either."""
    leg = FakeLeg(rate=8000)
    playout = Playout(leg)
    leg.on_event = playout.on_event
    segments: list[Segment] = []

    def check(exact: bool) -> None:
        for s in segments:
            heard, sent = playout.heard_samples(s.start, s.end), truly_sent(leg, s.start, s.end)
            assert heard == sent if exact else heard <= sent

    for what, n in script:
        if what == "write":
            segments.append(Segment("x", leg.written, leg.written + leg.write(bytes(2 * n)), True))
        elif what == "flush":
            playout.flush()
        elif what == "pause":
            leg.pause(n)
        else:
            for _ in range(n):
                leg.tick()
        check(exact=not playout.flushing)
    leg.tick()
    check(exact=True)


@given(st.integers(0, 40), st.integers(1, 5))
def test_the_time_of_a_sample_is_that_of_its_packet_and_place(silent_ticks: int, packet: int) -> None:
    now = 0
    leg = FakeLeg(rate=8000, clock=lambda: now)
    playout = Playout(leg)
    leg.on_event = playout.on_event
    for _ in range(silent_ticks):
        leg.tick()
        now += 20_000
    leg.write(bytes(2 * 160 * 6))
    assert playout.started_us(packet * 160) is None
    start = now
    for _ in range(6):
        leg.tick()
        now += 20_000
    assert playout.started_us(packet * 160 + 80) == start + packet * 20_000 + 10_000


def test_words_are_shared_out_by_letters() -> None:
    leg = FakeLeg(rate=8000)
    playout = Playout(leg)
    leg.write(bytes(2 * 16000))
    utterance = Utterance([Segment("one two three four", 0, 8000, True), Segment("five", 8000, 16000, True)], ["six"])
    assert playout.heard(utterance).text == ""
    for _ in range(27):  # 0.54 s of 1 s: "one two" takes 8/19
        leg.tick()
    assert playout.heard(utterance).text == "one two"
    assert playout.heard(utterance).rest == "one two three four five six"
    for _ in range(23):
        leg.tick()
    heard = playout.heard(utterance)
    assert (heard.text, heard.rest, heard.samples) == ("one two three four", "five six", 8000)
