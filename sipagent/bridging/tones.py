# SPDX-License-Identifier: GPL-3.0-or-later
"""What callers hear while they wait: ringing, and the music of hold and parking. Coded once for all calls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mediacore import Leg, MediaError, Prompt
from sipagent.media import MediaLeg
from sipagent.wavfile import read_wav

LEVEL = 3000  # of 32767: a tone at -21 dBFS
RING_HZ = 425.0  # ETSI TR 101 041-2: ringing of most of Europe
RING_ON_S, RING_PERIOD_S = 1.0, 5.0
WAIT_HZ = (523.25, 659.26, 783.99)  # a soft chord, now and then: still there
WAIT_PERIOD_S = 6.0


class Tones:
    """`music`: a WAV file; None = a chord every few seconds. WavError when it can't be read."""

    def __init__(self, rate: int, music: Path | None) -> None:
        self._ringing = Prompt(_ringing(rate), rate, loop=True)
        self._waiting = Prompt(read_wav(music, rate) if music else _chord(rate), rate, loop=True)

    @property
    def music(self) -> Prompt:
        """Of hold and parking."""
        return self._waiting

    @contextlib.contextmanager
    def ringing(self, leg: MediaLeg) -> Iterator[None]:
        """The leg hears ringing."""
        with _played(self._ringing, leg):
            yield

    @contextlib.contextmanager
    def waiting(self, leg: MediaLeg) -> Iterator[None]:
        """The leg hears music."""
        with _played(self._waiting, leg):
            yield

    async def prepare(self, leg: MediaLeg) -> None:
        """Codes them the way that this leg codes, in a thread."""
        if isinstance(leg, Leg):
            with contextlib.suppress(MediaError):
                await asyncio.to_thread(self._ringing.prepare, leg)
                await asyncio.to_thread(self._waiting.prepare, leg)

    def close(self) -> None:
        """Stops everywhere."""
        self._ringing.close()
        self._waiting.close()


@contextlib.contextmanager
def _played(prompt: Prompt, leg: MediaLeg) -> Iterator[None]:
    if not isinstance(leg, Leg):
        yield
        return
    with contextlib.suppress(MediaError):  # a leg that closed meanwhile
        prompt.start(leg)
    try:
        yield
    finally:
        with contextlib.suppress(MediaError):
            prompt.stop(leg)


def _ringing(rate: int) -> bytes:
    t = np.arange(int(RING_ON_S * rate)) / rate
    tone = LEVEL * np.sin(2 * np.pi * RING_HZ * t) * np.minimum(1, np.minimum(t, RING_ON_S - t) / 0.01)
    return np.concatenate([tone, np.zeros(int((RING_PERIOD_S - RING_ON_S) * rate))]).astype("<i2").tobytes()


def _chord(rate: int) -> bytes:
    t = np.arange(int(WAIT_PERIOD_S * rate)) / rate
    tone = sum(np.sin(2 * np.pi * hz * t) for hz in WAIT_HZ) / len(WAIT_HZ)
    return (LEVEL * tone * np.minimum(1, t / 0.02) * np.exp(-1.5 * t)).astype("<i2").tobytes()
