# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps and interruptions measured in the stereo recording: what a person with a ruler would find, against what the ledger says.
Where the caller's speech begins and ends is defined in one place (dialogue/levels.py); the bot's side is digitally silent
when it does not speak, so its sound is what is above a whisper."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sipagent.dialogue.levels import speech_end, speech_start

BEFORE_MS = 300  # looked at before the utterance began and after it was sent: transport and codec take their time
SOUND = 300  # of 32768: -41 dBFS
SEARCH_MS = 15_000  # an answer that has not begun by then is none
BETWEEN_WORDS_MS = 40  # silent for longer: the bot was not in the middle of a sound


@dataclass(frozen=True)
class Interruption:
    """How the bot fell silent."""

    onset_us: int  # the caller's first speech
    between_words: bool  # the bot was silent at that moment: that it sounded no more is not to its credit
    sounded_ms: float  # from the onset to the bot's last sound; 0 = none came after it


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
        sound = _sounding(self.right[ended : self.index(end_us + SEARCH_MS * 1000)])
        return float(sound[0]) * 1000 / self.rate if len(sound) else None

    def interruption(self, start_us: int, end_us: int) -> Interruption | None:
        """Of the bot's speech by the utterance that the caller sent from `start_us` to `end_us`. None when the utterance is not
        there, or the bot did not speak before it."""
        first = self.index(start_us)
        begun = speech_start(self.left[first : self.index(end_us)].tobytes(), self.rate)
        onset = first + begun
        if onset >= self.index(end_us):
            return None
        before = _sounding(self.right[:onset])
        if not len(before):
            return None
        # What is heard until the caller has ended is not the answer to him.
        after = _sounding(self.right[onset : self.index(end_us)])
        silent_ms = (onset - 1 - float(before[-1])) * 1000 / self.rate
        return Interruption(
            onset_us=self.start_us + round(onset * 1e6 / self.rate),
            between_words=silent_ms > BETWEEN_WORDS_MS,
            sounded_ms=(float(after[-1]) + 1) * 1000 / self.rate if len(after) else 0.0,
        )

    def speech_s(self) -> tuple[float, float]:
        """Seconds of sound on each side."""
        return _sound_s(self.left, self.rate), _sound_s(self.right, self.rate)


def _sounding(side: NDArray[np.int16]) -> NDArray[np.intp]:
    """Samples that are sound."""
    return np.flatnonzero(np.abs(side.astype(np.int32)) > SOUND)


def _sound_s(side: NDArray[np.int16], rate: int) -> float:
    block = rate // 100
    n = len(side) // block
    peaks = np.abs(side[: n * block].astype(np.int32)).reshape(n, block).max(axis=1)
    return float((peaks > 1000).sum()) / 100
