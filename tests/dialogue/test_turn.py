# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpointing: rows of windows and texts in, events with their times out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.dialogue.rhythm import Completeness, Rhythm
from sipagent.dialogue.turn import (
    MIN_SPEECH_US,
    SPECULATE_US,
    EndOfTurn,
    Paused,
    Resumed,
    Speculate,
    SpeechStarted,
    TurnDetector,
    TurnEvent,
    looks_complete,
)

WINDOW = 32_000


class Run:
    """Feeds windows; remembers (time, event)."""

    def __init__(self) -> None:
        self.rhythm = Rhythm(300, 300, 800, adapts=True)
        self.d = TurnDetector(0.5, self.rhythm)
        self.now = 0
        self.seen: list[tuple[int, TurnEvent]] = []

    def windows(self, *probabilities: float) -> Run:
        for p in probabilities:
            start, self.now = self.now, self.now + WINDOW
            self.note(self.d.window(start, self.now, p))
        return self

    def note(self, events: list[TurnEvent]) -> None:
        self.seen += [(self.now, e) for e in events]

    def text(self, complete: bool) -> Run:
        judged = Completeness.LIKELY if complete else Completeness.UNFINISHED
        self.note(self.d.text(self.d.waiting_for, judged, self.now))
        return self

    def kinds(self) -> list[type[TurnEvent]]:
        return [type(e) for _, e in self.seen]

    def at(self, kind: type[TurnEvent]) -> int:
        return next(t for t, e in self.seen if isinstance(e, kind))


def test_two_windows_of_speech_start_a_turn() -> None:
    run = Run().windows(0.1, 0.9, 0.9)
    assert run.seen == [(96_000, SpeechStarted(32_000))]
    assert run.at(SpeechStarted) - 32_000 >= MIN_SPEECH_US


def test_one_window_of_noise_is_no_speech() -> None:
    assert Run().windows(0.1, 0.9, 0.1, 0.9, 0.2).seen == []


def test_a_complete_text_ends_the_turn_after_the_short_silence() -> None:
    run = Run().windows(*[0.9] * 10, *[0.0] * 7)
    assert run.kinds() == [SpeechStarted, Paused, Speculate]
    speech_end = 10 * WINDOW
    assert SPECULATE_US <= run.at(Speculate) - speech_end < SPECULATE_US + WINDOW
    run.text(True).windows(*[0.0] * 5)
    assert run.kinds()[-1] is EndOfTurn
    assert 300_000 <= run.at(EndOfTurn) - speech_end < 300_000 + WINDOW


def test_an_incomplete_text_waits_for_the_long_silence() -> None:
    run = Run().windows(*[0.9] * 10, *[0.0] * 7).text(False).windows(*[0.0] * 30)
    assert 800_000 <= run.at(EndOfTurn) - 10 * WINDOW < 800_000 + WINDOW


def test_no_text_at_all_waits_for_the_long_silence() -> None:
    run = Run().windows(*[0.9] * 10, *[0.0] * 40)
    assert 800_000 <= run.at(EndOfTurn) - 10 * WINDOW < 800_000 + WINDOW


def test_a_late_complete_text_ends_the_turn_at_once() -> None:
    run = Run().windows(*[0.9] * 10, *[0.0] * 15).text(True)
    assert run.at(EndOfTurn) == run.now


def test_speech_that_resumes_makes_the_text_worthless() -> None:
    run = Run().windows(*[0.9] * 10, *[0.0] * 7)
    number = run.d.waiting_for
    run.windows(0.9, 0.9)
    assert run.kinds()[-1] is Resumed
    run.windows(*[0.0] * 12)
    assert run.d.text(number, Completeness.LIKELY, run.now) == []
    assert EndOfTurn not in run.kinds()
    assert run.kinds().count(Speculate) == 2


def test_weak_speech_in_a_pause_does_not_resume_but_keeps_a_turn_going() -> None:
    assert Resumed not in Run().windows(*[0.9] * 5, 0.0, *[0.4] * 3).kinds()
    assert Paused not in Run().windows(*[0.9] * 5, *[0.4] * 30).kinds()


def test_the_level_may_tell_an_earlier_end_but_not_much_earlier() -> None:
    early = Run().windows(*[0.9] * 10, 0.0)
    early.d.silence_from(9 * WINDOW)
    early.windows(*[0.0] * 6).text(True).windows(*[0.0] * 5)
    assert early.at(EndOfTurn) - 9 * WINDOW < 300_000 + WINDOW
    far = Run().windows(*[0.9] * 20, 0.0)
    far.d.silence_from(0)
    assert EndOfTurn not in far.text(True).kinds()


def test_packets_that_stop_are_silence() -> None:
    run = Run().windows(*[0.9] * 10)
    deadline = run.d.deadline()
    assert deadline is not None
    run.now = deadline
    run.note(run.d.time(run.now))
    while run.d.speaking:
        deadline = run.d.deadline()
        assert deadline is not None
        assert deadline > run.now
        run.now = deadline
        run.note(run.d.time(run.now))
    assert run.kinds() == [SpeechStarted, Paused, Speculate, EndOfTurn]
    assert run.now == 10 * WINDOW + 800_000


def test_an_endless_talker_is_cut_off() -> None:
    run = Run().windows(*[0.9] * 1000)
    assert 30_000_000 <= run.at(EndOfTurn) < 30_000_000 + WINDOW


@given(st.lists(st.sampled_from([0.0, 0.3, 0.45, 0.6, 0.95]), max_size=300), st.sets(st.integers(0, 300)), st.booleans())
def test_events_always_come_in_a_sensible_order(probabilities: list[float], text_at: set[int], complete: bool) -> None:
    """Turns begin before they end, never twice; a turn ends only after at least the short silence (or at the limit)."""
    run, open_, silent_since = Run(), False, 0
    for i, p in enumerate(probabilities):
        before = len(run.seen)
        if p >= 0.5:
            silent_since = run.now + WINDOW
        run.windows(p)
        if i in text_at:
            run.text(complete)
        for t, event in run.seen[before:]:
            if isinstance(event, SpeechStarted):
                assert not open_
                open_ = True
            elif isinstance(event, EndOfTurn):
                assert open_
                open_ = False
                assert t - silent_since >= 300_000 - WINDOW
            else:
                assert open_
        deadline = run.d.deadline()
        assert deadline is None or open_


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        *[
            ("What are your opening hours?", True),
            ("Yes.", True),
            ("no thank you", True),
            ("I would like a room, please.", True),
        ],
        *[
            ("Goodbye", True),
            ("That is where I am.", True),
            ("Can you tell me the price of a room", True),
            ("Is it yours?", True),
        ],
        *[("I would like to", False), ("my name is", False), ("the room is for", False), ("and", False), ("um", False)],
        *[("", False), ("   ", False), ("Well,", False), ("I was thinking...", False), ("can I get a.", False), (".", False)],
    ],
)
def test_whether_a_text_looks_complete(text: str, complete: bool) -> None:
    assert looks_complete(text) is complete
