# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that follow a script: speech that a fake can read, slowness and failure on demand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from sipagent.dialogue.levels import block_levels
from sipagent.engines import EngineSet
from sipagent.engines.base import Brain, EngineError, Stt, Tts, Vad, VadStream, WindowHandler
from sipagent.engines.clips import Clips


class CodedSpeech:
    """Speech that a fake can read: each text is a tone of its own loudness, and ScriptedStt knows which is which."""

    BASE, STEP = 3000, 8

    def __init__(self) -> None:
        self._texts: list[str] = []

    def say(self, text: str, seconds: float, rate: int = 16000) -> bytes:
        """Sound that is recognised as `text`; an empty text is a noise."""
        self._texts.append(text)
        value = self.BASE + self.STEP * (len(self._texts) - 1)
        wave = np.where(np.arange(int(seconds * rate)) % 16 < 8, value, -value)
        return wave.astype("<i2").tobytes()

    def read(self, pcm: bytes) -> str:
        """The texts in it, in order; one counts when at least 50 ms of it are there."""
        values, counts = np.unique(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)), return_counts=True)
        numbers = [
            (int(v) - self.BASE) // self.STEP for v, n in zip(values, counts, strict=True) if v >= self.BASE and n >= 400
        ]
        return " ".join(self._texts[n] for n in numbers if n < len(self._texts) and self._texts[n])


class LevelVad:
    """Speech is what is louder than -45 dBFS; windows of 32 ms, judged at once. `hangover`: so many windows after it count too,
    as real detectors do."""

    name = "level"

    def __init__(self, hangover: int = 0) -> None:
        self._hangover = hangover

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    def stream(self, rate: int, on_window: WindowHandler) -> VadStream:
        """One caller."""
        return _LevelStream(rate, on_window, self._hangover)


class _LevelStream:
    def __init__(self, rate: int, on_window: WindowHandler, hangover: int) -> None:
        self._rate = rate
        self._hangover = hangover
        self._left = 0
        self._size = rate * 32 // 1000
        self._on_window: WindowHandler | None = on_window
        self._held = b""
        self._done = 0

    def feed(self, pcm: bytes) -> None:
        self._held += pcm
        while len(self._held) >= 2 * self._size and self._on_window is not None:
            window, self._held = self._held[: 2 * self._size], self._held[2 * self._size :]
            self._done += self._size
            loud = float(block_levels(window, self._rate).max()) > -45.0
            self._left = self._hangover + 1 if loud else max(0, self._left - 1)
            self._on_window(self._done, 1.0 if self._left else 0.0)

    def close(self) -> None:
        self._on_window = None


class ScriptedStt:
    """Reads CodedSpeech after `latency_s`. `fail`: numbers of the calls (from 0) that raise; `hang`: that never return."""

    name = "scripted"

    def __init__(self, speech: CodedSpeech, latency_s: float = 0.1) -> None:
        self.speech, self.latency_s = speech, latency_s
        self.fail: set[int] = set()
        self.hang: set[int] = set()
        self.calls = 0

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """What CodedSpeech says it is."""
        number, self.calls = self.calls, self.calls + 1
        await asyncio.sleep(1e6 if number in self.hang else self.latency_s)
        if number in self.fail:
            raise EngineError("scripted failure")
        return self.speech.read(pcm)


class ScriptedTts:
    """Speaks a steady tone, 60 ms a character, in pieces of 100 ms. Texts that match `fail` raise, that match `hang` stop."""

    name = "scripted"
    CHAR_S = 0.06

    def __init__(self, first_s: float = 0.05, piece_s: float = 0.01) -> None:
        self.first_s, self.piece_s = first_s, piece_s
        self.fail: re.Pattern[str] | None = None
        self.hang: re.Pattern[str] | None = None
        self.said: list[str] = []
        self.primed: list[str] = []
        self.cancelled = 0

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Kept in `primed`."""
        await asyncio.sleep(0)
        self.primed += texts

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Tone."""
        self.said.append(text)
        try:
            await asyncio.sleep(self.first_s)
            if self.fail is not None and self.fail.search(text):
                raise EngineError("scripted failure")
            left = int(len(text) * self.CHAR_S * rate)
            while left > 0:
                if self.hang is not None and self.hang.search(text):
                    await asyncio.sleep(1e6)
                n = min(left, rate // 10)
                left -= n
                yield np.where(np.arange(n) % 20 < 10, 5000, -5000).astype("<i2").tobytes()
                await asyncio.sleep(self.piece_s)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise


async def fake_engines(stt: Stt, brain: Brain, tts: Tts | None = None, vad: Vad | None = None) -> EngineSet:
    """A set of fakes with the apologies recorded by `tts`."""
    voice = tts if tts is not None else ScriptedTts()
    clips = Clips()
    await clips.record(voice)
    return EngineSet(vad if vad is not None else LevelVad(), stt, voice, brain, clips)
