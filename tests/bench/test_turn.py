# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of answers: what counts as cut off, missed and answered, and how a pause gets into a sentence."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from tests.bench.human import RATE, sentence
from tests.bench.turn_caller import QUIET_NS, Caller
from tests.bench.turn_script import FRAME, FRAME_NS, WAIT_NS, between_words, judge, summary, turn

MS = 1_000_000
LOUD = np.where(np.arange(RATE) % 20 < 10, 6000.0, -6000.0)


def sounding(start_ms: int, end_ms: int) -> np.ndarray:
    return np.arange(start_ms, end_ms, 20) * MS


@pytest.mark.parametrize(
    ("packets", "gap_ms", "cut_off", "missed"),
    [
        (sounding(2400, 4000), 400.0, False, False),
        (np.append(sounding(0, 900), sounding(2400, 4000)), 400.0, False, False),  # the end of an earlier answer
        (np.append(sounding(1500, 1700), sounding(2400, 4000)), math.nan, True, False),
        (sounding(0, 900), math.nan, False, True),
        (sounding(9020, 9900), math.nan, False, True),  # after he stopped waiting
    ],
)
def test_what_a_turn_came_to(packets: np.ndarray, gap_ms: float, cut_off: bool, missed: bool) -> None:
    found = judge(1000 * MS, 2000 * MS, 9000 * MS, packets)
    assert (found.cut_off, found.missed) == (cut_off, missed)
    assert found.gap_ms == pytest.approx(gap_ms, nan_ok=True)


def test_shares_are_of_all_turns_and_percentiles_of_the_answered() -> None:
    outcomes = [judge(0, 10 * MS, 9000 * MS, sounding(10 + gap, 8000)) for gap in (100, 300)]
    outcomes += [judge(0, 100 * MS, 9000 * MS, sounding(20, 8000)), judge(0, 10 * MS, 9000 * MS, sounding(0, 0))]
    found = summary(outcomes)
    assert (found["p50_ms"], found["cut_off"], found["missed"], found["turns"]) == (200.0, 0.25, 0.25, 4)


def test_a_pause_comes_between_two_words_and_nothing_is_lost() -> None:
    words = np.concatenate([LOUD, np.zeros(800), LOUD])
    gap = between_words(words)
    assert gap is not None
    assert RATE <= gap[0] <= RATE + 800
    assert gap[1] == pytest.approx(0.1, abs=0.02)
    for seed in range(20):
        said = turn(words, random.Random(seed))
        assert np.count_nonzero(said.pcm) == 2 * RATE
        assert len(said.pcm) % FRAME == 0
        whole_ms = (said.last - said.first + 1) * FRAME / RATE * 1000
        assert whole_ms == pytest.approx(2000 + max(100, said.pause_s * 1000), abs=40)
    assert {turn(words, random.Random(seed)).pause_s > 0 for seed in range(20)} == {True, False}


def test_one_breath_gets_no_pause() -> None:
    assert between_words(np.concatenate([LOUD, LOUD])) is None


class Line:
    """A socket to nowhere."""

    def sendto(self, data: bytes, to: tuple[str, int]) -> None:
        pass


def test_a_caller_waits_for_the_bot_speaks_and_listens_to_the_end() -> None:
    caller = Caller(Line(), 9, random.Random(1), [LOUD], turns=2)  # type: ignore[arg-type]
    now, spoken_at = 1_000_000_000, []
    bot_until = now + 1000 * MS
    for _ in range(1500):
        if now < bot_until:
            caller.sounding.append(now)
        talking = caller._said is not None
        caller.tick(now)
        if caller._said is not None and not talking:
            spoken_at.append(now)
            assert now - caller.sounding[-1] > QUIET_NS  # never into the bot's words
        if len(spoken_at) == 1 and talking and now > caller._last_ns > caller._first_ns and bot_until < caller._last_ns:
            bot_until = now + 800 * MS  # answers once, the second turn is missed
        now += FRAME_NS
    assert len(caller.done) == 2
    outcomes = [judge(*one, np.array(caller.sounding)) for one in caller.done]
    assert [one.missed for one in outcomes] == [False, True]
    assert caller.done[1][2] - caller.done[1][1] > WAIT_NS


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Please enter the number.", True),
        ("...in the conference.", False),
        ("The number was successfully...", False),
        ("letters of your party's first name.", False),
        ("Goodbye.", False),
    ],
)
def test_callers_say_whole_sentences(text: str, want: bool) -> None:
    assert sentence(text) is want
