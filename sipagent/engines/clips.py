# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that must be heard when an engine fails: spoken once at start, with whichever voice works, and kept as PCM."""

from __future__ import annotations

import enum

import numpy as np

from sipagent.engines.base import EngineError, Tts
from sipagent.engines.pcm import resample
from sipagent.log import get_logger

log = get_logger(__name__)

CLIP_RATE = 16000
TONE_HZ = (913.8, 1370.6, 1776.7)  # special information tone, ITU-T E.180
TONE_S = 0.33


class Apology(enum.Enum):
    """Why the caller hears one."""

    VOICE = "I am sorry, I have a problem with my voice. Please say that again."
    HEARING = "I am sorry, I could not understand you just now. Please say that again."
    THINKING = "I am sorry, something went wrong. Please say that again."
    GIVE_UP = "I am sorry, I have a technical problem. Please call again later. Goodbye."


class Clips:
    """Apologies as s16le mono. What no voice could speak is the special information tone."""

    def __init__(self) -> None:
        self._pcm: dict[Apology, bytes] = {}
        self._at_rate: dict[tuple[Apology, int], bytes] = {}

    async def record(self, tts: Tts) -> bool:
        """Speaks every apology with a loaded voice; False when it can't."""
        try:
            for apology in Apology:
                self._pcm[apology] = b"".join([piece async for piece in tts.synthesize(apology.value, CLIP_RATE)])
        except EngineError as e:
            log.error("a voice can't speak the apologies", engine=tts.name, error=str(e))
            return False
        return True

    def get(self, apology: Apology, rate: int) -> bytes:
        """The clip at `rate`; made once for each rate."""
        key = (apology, rate)
        if key not in self._at_rate:
            self._at_rate[key] = resample(self._pcm.get(apology) or _tone(), CLIP_RATE, rate)
        return self._at_rate[key]


def _tone() -> bytes:
    t = np.arange(int(TONE_S * CLIP_RATE)) / CLIP_RATE
    return np.concatenate([8000 * np.sin(2 * np.pi * f * t) for f in TONE_HZ]).astype("<i2").tobytes()
