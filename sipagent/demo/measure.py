# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps measured in the stereo recording: what a person with a ruler would find, against what the ledger says. Where the
caller's speech ends is defined in one place (dialogue/levels.py); the bot's side is digitally silent before it speaks, so its
first sound is its first sample above a whisper."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sipagent.dialogue.levels import speech_end

BEFORE_MS = 300  # looked at before the utterance began and after it was sent: transport and codec take their time
SOUND = 300  # of 32768: -41 dBFS
SEARCH_MS = 15_000  # an answer that has not begun by then is none


@dataclass(frozen=True)
class StereoFile:
    """A recording, left = caller, right = bot, whose sample 0 is the moment `start_us`."""

    left: NDArray[np.int16]
    right: NDArray[np.int16]
    rate: int
    start_us: int

    @classmethod
    def read(cls, path: Path, start_us: int) -> StereoFile:
        """ValueError when it is not 16-bit stereo."""
        with wave.open(str(path)) as wav:
            if (wav.getnchannels(), wav.getsampwidth()) != (2, 2):
                raise ValueError(f"{path}: not a 16-bit stereo recording")
            pcm = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
            return cls(pcm[:, 0], pcm[:, 1], wav.getframerate(), start_us)

    def index(self, t_us: int) -> int:
        """Sample at a moment, within the file."""
        return min(max(0, round((t_us - self.start_us) * self.rate / 1e6)), len(self.left))

    def gap_ms(self, start_us: int, end_us: int) -> float | None:
        """From the last speech of the utterance that the caller sent from `start_us` to `end_us` to the bot's first sound after
        it; None when one of them is not there."""
        margin = BEFORE_MS * 1000
        first = self.index(start_us - margin)
        spoken = speech_end(self.left[first : self.index(end_us + margin)].tobytes(), self.rate)
        if spoken == 0:
            return None
        ended = first + spoken
        answer = self.right[ended : self.index(end_us + SEARCH_MS * 1000)].astype(np.int32)
        sound = np.flatnonzero(np.abs(answer) > SOUND)
        return float(sound[0]) * 1000 / self.rate if len(sound) else None

    def speech_s(self) -> tuple[float, float]:
        """Seconds of sound on each side."""
        return _sound_s(self.left, self.rate), _sound_s(self.right, self.rate)


def _sound_s(side: NDArray[np.int16], rate: int) -> float:
    block = rate // 100
    n = len(side) // block
    peaks = np.abs(side[: n * block].astype(np.int32)).reshape(n, block).max(axis=1)
    return float((peaks > 1000).sum()) / 100
