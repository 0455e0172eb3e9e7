# SPDX-License-Identifier: GPL-3.0-or-later
"""Playout truth over the real core: any sequence of writing, flushes, pauses, late and lost reports. The wire is the judge."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mediacore import EV_FLUSHED, EV_PLAY_END, EV_PLAY_START, VirtualLeg
from sipagent.dialogue.playout import Playout, Segment, Utterance
from sipagent.engines.base import WordEnd
from tests.media.rtp import Rtp, from_l16

RATE = 16000
FADE = RATE // 200
STEP, LOUDEST = 32, 1000  # each word has a level of its own
TICK_US = 20_000

steps = st.one_of(
    st.tuples(st.just("speak"), st.lists(st.integers(40, 4000), min_size=1, max_size=5)),
    st.tuples(st.just("tick"), st.integers(1, 12)),
    st.tuples(st.just("flush"), st.just(0)),
    st.tuples(st.just("pause"), st.integers(0, 300)),
    st.tuples(st.just("report"), st.just(0)),
)


class Stage:
    """A bot that says words of known lengths, a wire that keeps them, reports that come when they are asked for."""

    def __init__(self, leg: VirtualLeg, lost: set[int]) -> None:
        self.leg, self.playout, self.lost = leg, Playout(leg), lost
        self.now = 1_000_000
        self.words: list[tuple[int, int]] = []  # of each word: its samples [start, end) in the ring
        self.spoken: list[Utterance] = []
        self.wire = np.zeros(0, np.int16)
        self.stops: list[int] = []  # samples at which it fell silent: sound fades out before them, and in again behind
        self.reports = 0
        self.early: set[int] = set()  # words that counted as heard at any moment

    def speak(self, lengths: list[int]) -> None:
        if len(self.words) + len(lengths) > LOUDEST:
            return
        start = end = self.leg.written
        texts, pcm, ends = [], [], []
        for n in lengths:
            texts.append(f"w{len(self.words)}")
            pcm.append(np.full(n, STEP * (len(self.words) + 1), "<i2"))
            self.words.append((end, end + n))
            end += n
            ends.append(WordEnd(len(" ".join(texts)), end - start))
        taken = self.leg.write(np.concatenate(pcm).tobytes())
        whole = taken == sum(lengths)
        self.spoken.append(Utterance([Segment(" ".join(texts), start, start + taken, whole, ends)]))

    def tick(self) -> None:
        for pkt in self.leg.on_tick(self.now):
            self.wire = np.append(self.wire, from_l16(Rtp.unpack(pkt).payload))
        self.now += TICK_US

    def report(self) -> None:
        for kind, a, b, t_us in self.leg.events():
            if self.reports not in self.lost:
                self.playout.on_event(kind, a, b, t_us)
            self.reports += 1
            if kind in (EV_FLUSHED, EV_PLAY_END):
                self.stops.append(a)

    def heard(self) -> set[int]:
        words = " ".join(self.playout.heard(u).text for u in self.spoken).split()
        assert len(words) == len(set(words)), "a word counts twice"
        return {int(w[1:]) for w in words}

    def on_wire(self, word: int) -> int:
        """Samples of a word that left at its full level."""
        return int((self.wire == STEP * (word + 1)).sum())

    def fading(self, word: int) -> int:
        """Samples of it that may have left at a lower one."""
        start, end = self.words[word]
        return sum(max(0, min(end, at + FADE) - max(start, at - FADE)) for at in set(self.stops))

    def length(self, word: int) -> int:
        return self.words[word][1] - self.words[word][0]


def play(script: list[tuple[str, object]], lost: set[int]) -> Stage:
    with closing(VirtualLeg(codec="L16", clock=RATE, pt=96, rate=RATE, tx_seconds=2)) as leg:
        stage = Stage(leg, lost)
        for what, n in script:
            if what == "speak":
                stage.speak(n)  # type: ignore[arg-type]
            elif what == "tick":
                for _ in range(int(n)):  # type: ignore[call-overload]
                    stage.tick()
            elif what == "flush":
                stage.playout.flush()
            elif what == "pause":
                leg.pause(int(n))  # type: ignore[call-overload]
            else:
                stage.report()
            stage.early |= stage.heard()
        leg.pause(0)
        for _ in range(60):
            stage.tick()
        stage.report()
        return stage


def check_no_unheard_word(stage: Stage) -> None:
    for word in stage.heard() | stage.early:
        assert stage.on_wire(word) >= stage.length(word) - stage.fading(word), f"w{word} was not heard"


@given(st.lists(steps, max_size=40))
@settings(max_examples=300, deadline=None)
def test_the_words_that_count_as_heard_are_those_on_the_wire(script: list[tuple[str, object]]) -> None:
    stage = play(script, set())
    check_no_unheard_word(stage)
    heard = stage.heard()
    for word in range(len(stage.words)):
        if stage.on_wire(word) == stage.length(word):
            assert word in heard, f"w{word} was heard"


@given(st.lists(steps, max_size=40), st.sets(st.integers(0, 12)))
@settings(max_examples=300, deadline=None)
def test_a_lost_report_never_makes_an_unheard_word_heard(script: list[tuple[str, object]], lost: set[int]) -> None:
    check_no_unheard_word(play(script, lost))


def test_a_flush_cuts_at_the_word_and_at_no_other() -> None:
    script: list[tuple[str, object]] = [("speak", [3200, 3200, 3200]), ("tick", 19), ("report", 0)]
    assert play([*script, ("tick", 1), ("flush", 0)], set()).heard() == {0, 1}
    assert play([*script, ("flush", 0)], set()).heard() == {0}
    assert play(script, set()).heard() == {0, 1, 2}


def test_a_second_flush_does_not_hide_that_the_first_report_was_lost() -> None:
    with closing(VirtualLeg(codec="L16", clock=RATE, pt=96, rate=RATE, tx_seconds=2)) as leg:
        stage = Stage(leg, set())
        for _ in range(2):
            stage.speak([8000])
            for _ in range(10):
                stage.tick()
            stage.playout.flush()
            stage.tick()
            if leg.written == 8000:
                assert any(kind == EV_FLUSHED for kind, *_ in leg.events())  # taken away unseen
        stage.report()
        assert not stage.playout.flushing
        assert stage.heard() == set()


def test_nobody_knows_when_a_sample_left_whose_start_was_not_reported() -> None:
    with closing(VirtualLeg(codec="L16", clock=RATE, pt=96, rate=RATE, tx_seconds=2)) as leg:
        stage = Stage(leg, set())
        for first, second in pairwise([0, 3200, 6400]):
            stage.speak([second - first])
            for _ in range(15):
                stage.tick()
            for kind, a, b, t_us in leg.events():
                if (kind, a) != (EV_PLAY_START, 3200):
                    stage.playout.on_event(kind, a, b, t_us)
        assert stage.playout.started_us(0) == 1_000_000
        assert stage.playout.started_us(3199) is not None
        assert stage.playout.started_us(3200) is None


def test_a_clause_that_is_still_being_made_is_measured_by_the_clauses_before_it() -> None:
    """All that there is of it was played, and yet its last words were not even made."""
    with closing(VirtualLeg(codec="L16", clock=RATE, pt=96, rate=RATE, tx_seconds=4)) as leg:
        playout = Playout(leg)
        leg.write(bytes(2 * 2 * RATE))
        unfinished = Segment("cccc dddd eeee", RATE, 2 * RATE)
        for tick in range(101):
            leg.on_tick(1_000_000 + tick * TICK_US)
        for event in leg.events():
            playout.on_event(*event)
        for before, heard in (("aaaa", ""), ("aaaa bbbb cccc", "cccc dddd")):  # 0.25 and 0.07 s a letter
            utterance = Utterance([Segment(before, 0, RATE, whole=True), unfinished])
            assert playout.heard(utterance).text == f"{before} {heard}".strip()
            assert playout.heard(utterance).rest == unfinished.text
