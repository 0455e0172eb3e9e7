# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callers of `turn` say: recorded sentences of a human voice, most of them with a pause for thought inside, and the
judgement of what came back. No clock and no socket here."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sipagent.dialogue.levels import speech_end, speech_start
from tests.bench.human import RATE, Pcm

FRAME, FRAME_NS = 160, 20_000_000
PAUSED = 2 / 3  # of the turns have a pause inside
PAUSE_S = (0.25, 0.6)  # whole, the quiet place between the words included
INSIDE = (0.3, 0.7)  # of the sentence: where a pause may be
GAP_BLOCKS = 5  # 10 ms each: a place between words is at least so long
GAP_DB = 35.0  # under the loudest block
SOUND = 100  # of 32,767: a packet with a louder sample (-50 dBFS) has sound in it
WAIT_NS = 6_000_000_000  # no answer within so long: missed


@dataclass(frozen=True)
class Said:
    """One turn: `pcm` in whole packets; in packet `first` its first voiced sample, in packet `last` its last one."""

    pcm: Pcm
    first: int
    last: int
    pause_s: float


def between_words(pcm: Pcm) -> tuple[int, float] | None:
    """The middle of the longest quiet place inside, a sample, and its seconds; None = it is spoken in one breath."""
    n = len(pcm) // 80
    level = 10 * np.log10(np.square(pcm[: n * 80]).reshape(n, 80).mean(axis=1) + 1e-3)
    quiet = level < level.max() - GAP_DB
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8))).reshape(-1, 2)
    inside = [(b - a, (a + b) // 2) for a, b in edges if b - a >= GAP_BLOCKS and INSIDE[0] * n < (a + b) / 2 < INSIDE[1] * n]
    if not inside:
        return None
    blocks, middle = max(inside)
    return int(middle) * 80, int(blocks) / 100


def turn(pcm: Pcm, rng: random.Random) -> Said:
    """A sentence as it is said this time."""
    gap, pause_s = between_words(pcm), 0.0
    if gap is not None and rng.random() < PAUSED:
        place, natural_s = gap
        pause_s = max(natural_s, rng.uniform(*PAUSE_S))
        pcm = np.concatenate([pcm[:place], np.zeros(round((pause_s - natural_s) * RATE)), pcm[place:]])
    pcm = np.concatenate([np.zeros(rng.randrange(FRAME)), pcm])  # a turn begins anywhere in a packet
    pcm = np.concatenate([pcm, np.zeros(-len(pcm) % FRAME)])
    raw = pcm.astype(np.int16).tobytes()
    return Said(pcm, speech_start(raw, RATE) // FRAME, (speech_end(raw, RATE) - 1) // FRAME, pause_s)


@dataclass(frozen=True)
class Outcome:
    """Of one turn. `gap_ms`: from the sending of the packet with the last voiced sample to the bot's first packet with sound;
    nan when it was cut off or missed."""

    gap_ms: float
    cut_off: bool  # the bot spoke before the caller had finished
    missed: bool  # it did not answer


def judge(first_ns: int, last_ns: int, over_ns: int, sounding: NDArray[np.int64]) -> Outcome:
    """`sounding`: times of the bot's packets with sound; `over_ns`: when the caller stopped waiting."""
    if ((sounding > first_ns) & (sounding <= last_ns)).any():
        return Outcome(math.nan, True, False)
    after = sounding[(sounding > last_ns) & (sounding <= over_ns)]
    return Outcome(float(after[0] - last_ns) / 1e6, False, False) if len(after) else Outcome(math.nan, False, True)


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Of many turns: percentiles of the gap, shares of the whole."""
    gaps = [one.gap_ms for one in outcomes if not math.isnan(one.gap_ms)]
    percentiles = {f"p{q}_ms": float(np.percentile(gaps, q)) if gaps else math.nan for q in (50, 95)}
    n = len(outcomes)
    return percentiles | {
        "worst_ms": max(gaps, default=math.nan),
        "turns": n,
        "cut_off": sum(one.cut_off for one in outcomes) / n if n else math.nan,
        "missed": sum(one.missed for one in outcomes) / n if n else math.nan,
    }
