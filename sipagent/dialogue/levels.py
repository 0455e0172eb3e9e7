# SPDX-License-Identifier: GPL-3.0-or-later
"""Where speech starts and ends in a piece of audio, by level. The one definition that the latency ledger and the measuring of
recordings share, so that both mean the same by "the caller's last word".

10 ms blocks are compared with a threshold relative to the piece itself: 30 dB under its loudest blocks, but at least 10 dB over
its noise floor. A block counts only beside another that does, so a click is not speech.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK_MS = 10
BELOW_PEAK_DB = 30.0
ABOVE_FLOOR_DB = 10.0
CLEAR_OF_PEAK_DB = 10.0  # however loud the noise, the loudest blocks are speech
SILENCE_DB = -60.0  # dBFS; a piece that never gets louder holds no speech


def block_levels(pcm: bytes, rate: int) -> NDArray[np.float32]:
    """dBFS (RMS, full-scale square = 0) of each whole 10 ms block of s16le mono."""
    block = rate * BLOCK_MS // 1000
    x = np.frombuffer(pcm, "<i2")
    n = len(x) // block
    power = np.square(x[: n * block].astype(np.float32) / 32768.0).reshape(n, block).mean(axis=1)
    levels: NDArray[np.float32] = 10.0 * np.log10(power + 1e-10)
    return levels


def speech_end(pcm: bytes, rate: int) -> int:
    """Index one past the last speech sample, to 10 ms; 0 when there is no speech."""
    loud = _loud(pcm, rate)
    return (int(loud[-1]) + 1) * (rate * BLOCK_MS // 1000) if len(loud) else 0


def speech_start(pcm: bytes, rate: int) -> int:
    """Index of the first speech sample, to 10 ms; the number of samples when there is no speech."""
    loud = _loud(pcm, rate)
    return int(loud[0]) * (rate * BLOCK_MS // 1000) if len(loud) else len(pcm) // 2


def _loud(pcm: bytes, rate: int) -> NDArray[np.intp]:
    """Numbers of the blocks that hold speech."""
    levels = block_levels(pcm, rate)
    if len(levels) < 2:
        return np.zeros(0, np.intp)
    ordered = np.sort(levels)
    peak = float(ordered[-min(3, len(ordered))])
    if peak < SILENCE_DB:
        return np.zeros(0, np.intp)
    floor = float(ordered[len(ordered) // 10])
    over = levels > max(peak - BELOW_PEAK_DB, min(floor + ABOVE_FLOOR_DB, peak - CLEAR_OF_PEAK_DB))
    beside = np.zeros_like(over)
    beside[1:] |= over[:-1]
    beside[:-1] |= over[1:]
    return np.flatnonzero(over & beside)
