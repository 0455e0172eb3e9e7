# SPDX-License-Identifier: GPL-3.0-or-later
"""How speech sounds after a line: mouth to ear by the sound itself, PESQ (ITU-T P.862, narrowband MOS-LQO), ViSQOL (speech
mode) and the words that our recogniser still hears.

PESQ and ViSQOL score windows of whole sentences, some seconds each. What they were made for is coding and loss; a delay that
changes in a pause they forgive, which is what a listener does too.
"""

from __future__ import annotations

import asyncio
import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from mediacore.dsp import Resampler
from sipagent import engines
from sipagent.config import Config
from sipagent.demo.words import word_error_rate
from tests.lab.audio import Audio
from tests.lab.line import WARM_UP, Line
from tests.lab.speech import FRAME, RATE, Pcm, Said, Talk
from tests.media.rtp import best_lag
from tests.netsim import MS

LONGEST_LAG_S = 1.5
WINDOW_S = 6.0
MARGIN_S = 0.25
UNFOUND = 0.35  # correlation below which a sentence is not recognised by its sound
WIDE = 16000


@dataclass(frozen=True)
class Quality:
    """Means over one line."""

    mouth_to_ear_ms: float  # less the line's fastest transit; median over the sentences
    swing_ms: float  # range of the middle 80 % of the sentences
    found: float  # share of the sentences whose sound was found
    pesq: float
    visqol: float | None  # None: not asked for
    word_errors: float


@dataclass(frozen=True)
class Placed:
    """A sentence and where it was heard: microseconds on the line's clock of its first sample."""

    said: Said
    heard_us: float
    found: bool


def sent_us(line: Line, sample: int) -> float:
    """When the sample left the sender."""
    return sample / FRAME * float(line.sent_us[-1]) / (line.n - 1)


def place(line: Line, talk: Talk, audio: Audio) -> list[Placed]:
    """Finds each judged sentence by its sound; one that can't be found is taken to lie where the others do."""
    lags: list[float] = []
    out: list[tuple[Said, float, float | None]] = []
    for said in (s for s in talk.said if s.start >= WARM_UP * FRAME):
        at = sent_us(line, said.start) + line.base_us
        most = round(LONGEST_LAG_S * RATE)
        heard = audio.at(at, said.end - said.start + most)
        lag, score = best_lag(talk.pcm[said.start : said.end], heard, most)
        found = lag / RATE * 1e6 if score >= UNFOUND else None
        lags += [found] if found is not None else []
        out.append((said, at, found))
    usual = float(np.median(lags)) if lags else 0.0
    return [Placed(said, at + (found if found is not None else usual), found is not None) for said, at, found in out]


def misplaced_ms(line: Line, talk: Talk, recorded: Audio) -> float:
    """How far a recording's sentences lie from when their packets came; median over those whose sound was found."""
    off = []
    for p in place(line, talk, recorded):
        transit = line.transit_us[p.said.start // FRAME : -(-p.said.end // FRAME)]
        came_us = sent_us(line, p.said.start) + float(np.median(transit[transit >= 0]))
        off += [abs(p.heard_us - came_us) / MS] if p.found else []
    return float(np.median(off)) if off else float("nan")


def windows(placed: Sequence[Placed]) -> list[list[Placed]]:
    """Sentences in a row, at least WINDOW_S together."""
    out: list[list[Placed]] = []
    row: list[Placed] = []
    for one in placed:
        row.append(one)
        if (one.said.end - row[0].said.start) / RATE >= WINDOW_S:
            out.append(row)
            row = []
    return out or ([row] if row else [])


def cut(talk: Talk, audio: Audio, window: list[Placed]) -> tuple[Pcm, Pcm]:
    """Reference and what was heard, of one length."""
    margin = round(MARGIN_S * RATE)
    first, last = window[0].said.start - margin, window[-1].said.end + margin
    heard = audio.at(window[0].heard_us - MARGIN_S * 1e6, last - first)
    return talk.pcm[max(0, first) : last], heard[max(0, -first) :]


@cache
def _pesq() -> Callable[[Pcm, Pcm], float]:
    pesq = importlib.import_module("pesq")  # scripts/lab installs it; only who scores speech needs it

    def score(reference: Pcm, heard: Pcm) -> float:
        try:
            return float(pesq.pesq(RATE, reference, heard, "nb"))
        except pesq.NoUtterancesError:  # nothing but silence came through
            return 1.0

    return score


@cache
def _visqol() -> Callable[[Pcm, Pcm], float]:
    api = importlib.import_module("visqol").VisqolApi()
    api.create(mode="speech", use_lattice_model=True)

    def wide(pcm: Pcm) -> np.ndarray:
        return np.frombuffer(Resampler(RATE, WIDE).run(pcm.tobytes()), np.int16) / 32768

    def score(reference: Pcm, heard: Pcm) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(api.measure_from_arrays(wide(reference), wide(heard), WIDE).moslqo)

    return score


async def _transcribe(clips: Sequence[Pcm]) -> list[str]:
    stt = engines.create_stt("moonshine", Config())
    await stt.load()
    try:
        return [await stt.transcribe(clip.tobytes(), RATE) for clip in clips]
    finally:
        await stt.close()


def word_errors(heard: Sequence[tuple[Audio, Sequence[Placed]]]) -> list[float]:
    """Word error rate of each line's sentences, every sentence given to the recogniser by itself."""
    margin = round(MARGIN_S * RATE)
    clips = [
        audio.at(p.heard_us - MARGIN_S * 1e6, p.said.end - p.said.start + 3 * margin) for audio, placed in heard for p in placed
    ]
    texts = iter(asyncio.run(_transcribe(clips)))
    return [word_error_rate([(p.said.text, next(texts)) for p in placed]) for _, placed in heard]


def judge(line: Line, talk: Talk, audio: Audio, placed: Sequence[Placed], wer: float, n_visqol: int) -> Quality:
    """`n_visqol`: windows that ViSQOL scores, it is slow; 0 = none."""
    late = [(p.heard_us - sent_us(line, p.said.start) - line.base_us) / MS for p in placed if p.found] or [float("nan")]
    pairs = [cut(talk, audio, window) for window in windows(placed)]
    return Quality(
        mouth_to_ear_ms=float(np.median(late)),
        swing_ms=float(np.quantile(late, 0.9) - np.quantile(late, 0.1)),
        found=float(np.mean([p.found for p in placed])),
        pesq=float(np.mean([_pesq()(*pair) for pair in pairs])),
        visqol=float(np.mean([_visqol()(*pair) for pair in pairs[:n_visqol]])) if n_visqol else None,
        word_errors=wer,
    )
