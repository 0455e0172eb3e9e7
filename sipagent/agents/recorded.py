# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded sounds among spoken words: "[hello.wav] How can I help?" plays the file and speaks the rest. So a recording is
interrupted, measured and written down like any other words."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from sipagent.engines import EngineSet
from sipagent.engines.base import EngineError, Tts
from sipagent.wavfile import WavError, read_wav

_RECORDING = re.compile(r"\[([^\[\]]+\.wav)\]")
_PIECE_S = 0.2


def with_recordings(engines: EngineSet, folder: Path) -> EngineSet:
    """The same engines, whose voice plays files of `folder` too."""
    return dataclasses.replace(engines, tts=RecordedTts(engines.tts, folder))


def recordings(text: str) -> list[str]:
    """Names of the files in a text."""
    return _RECORDING.findall(text)


def named(path: Path) -> str:
    """The words that play a file."""
    return f"[{path}]"


class RecordedTts:
    """A voice whose texts may name WAV files; relative names are found in `folder`. The files stay in memory."""

    def __init__(self, tts: Tts, folder: Path) -> None:
        self.name = tts.name
        self._tts, self._folder = tts, folder
        self._sounds: dict[tuple[Path, int], bytes] = {}

    async def load(self) -> None:
        """The voice is loaded by whoever has it."""

    async def close(self) -> None:
        """The voice is closed by whoever has it."""

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Recordings are read, words are prepared as the voice does it."""
        words: list[str] = []
        for text in texts:
            for name in recordings(text):
                await self._sound(name, rate)
            words += [text] if not recordings(text) else []
        await self._tts.prime(words, rate)

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """EngineError: a file can't be played. Word times are those of texts without recordings."""
        if not recordings(text):
            async for piece in self._tts.synthesize(text, rate):
                yield piece
            return
        for place, part in enumerate(_RECORDING.split(text)):
            if place % 2:
                sound, step = await self._sound(part, rate), 2 * int(_PIECE_S * rate)
                for at in range(0, len(sound), step):
                    yield sound[at : at + step]
            elif any(c.isalnum() for c in part):
                async for piece in self._tts.synthesize(part.strip(), rate):
                    yield bytes(piece)

    async def _sound(self, name: str, rate: int) -> bytes:
        key = self._folder / name, rate
        if key not in self._sounds:
            try:
                self._sounds[key] = await asyncio.to_thread(read_wav, *key)
            except WavError as e:
                raise EngineError(str(e)) from e
        return self._sounds[key]
