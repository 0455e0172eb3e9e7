# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded sounds among spoken words: "[hello.wav] How can I help?" plays the file and speaks the rest. So a recording is
interrupted, measured and written down like any other words.

Callers and language models have words, too: of an agent file's sounds those are played that stand in the file, and of a name
that somebody made up the caller hears the name.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from pathlib import Path

from sipagent.engines import EngineSet
from sipagent.engines.base import EngineError, Tts
from sipagent.wavfile import WavError, read_wav

_RECORDING = re.compile(r"\[([^\[\]]+\.wav)\]")
_PIECE_S = 0.2
MAX_BYTES = 64 << 20  # of sound in memory, for each agent: what was not played for longest goes


def with_recordings(engines: EngineSet, folder: Path, names: Collection[str] | None) -> EngineSet:
    """The same engines, whose voice plays files too: relative names are found in `folder`. `names`: those that may be played;
    None = all that a text names."""
    return dataclasses.replace(engines, tts=RecordedTts(engines.tts, folder, names))


def recordings(text: str) -> list[str]:
    """Names of the files in a text."""
    return _RECORDING.findall(text)


def named_in(tree: object) -> set[str]:
    """Names of the files in all texts of a tree of settings."""
    if isinstance(tree, str):
        return set(recordings(tree))
    rows = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    return {name for row in rows for name in named_in(row)}


def named(path: Path) -> str:
    """The words that play a file."""
    return f"[{path}]"


class RecordedTts:
    """A voice whose texts may name WAV files: see `with_recordings`. Files stay in memory until they change."""

    def __init__(self, tts: Tts, folder: Path, names: Collection[str] | None = None) -> None:
        self.name = tts.name
        self._tts, self._folder, self._names = tts, folder, names
        self._sounds: dict[tuple[Path, int], _Sound] = {}  # the one that was played last is the last

    async def load(self) -> None:
        """The voice is loaded by whoever has it."""

    async def close(self) -> None:
        """The voice is closed by whoever has it."""

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Recordings are read, words are prepared as the voice does it."""
        words: list[str] = []
        for text in texts:
            names = [name for is_name, name in self._parts(text) if is_name]
            for name in names:
                await self._sound(name, rate)
            words += [text] if not names else []
        await self._tts.prime(words, rate)

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """EngineError: a file can't be played. Word times are those of texts without recordings."""
        parts = self._parts(text)
        if not any(is_name for is_name, _ in parts):
            async for piece in self._tts.synthesize(text, rate):
                yield piece
            return
        for is_name, part in parts:
            if is_name:
                sound, step = await self._sound(part, rate), 2 * int(_PIECE_S * rate)
                for at in range(0, len(sound), step):
                    yield sound[at : at + step]
            elif any(c.isalnum() for c in part):
                async for piece in self._tts.synthesize(part.strip(), rate):
                    yield bytes(piece)

    def _parts(self, text: str) -> list[tuple[bool, str]]:
        """(it is the name of a file, name or words), as they stand in the text."""
        out, at = list[tuple[bool, str]](), 0
        for found in _RECORDING.finditer(text):
            if self._names is None or found[1] in self._names:
                out += [(False, text[at : found.start()]), (True, found[1])]
                at = found.end()
        return [*out, (False, text[at:])]

    async def _sound(self, name: str, rate: int) -> bytes:
        key = self._folder / name, rate
        try:
            sound = await asyncio.to_thread(_read, *key, self._sounds.get(key))
        except WavError as e:
            raise EngineError(str(e)) from e
        self._sounds.pop(key, None)
        self._sounds[key] = sound
        size = sum(len(kept.pcm) for kept in self._sounds.values())
        while size > MAX_BYTES and len(self._sounds) > 1:
            size -= len(self._sounds.pop(next(iter(self._sounds))).pcm)
        return sound.pcm


@dataclasses.dataclass(frozen=True, slots=True)
class _Sound:
    """A file as it was: modified (ns), size in bytes."""

    stamp: tuple[int, int]
    pcm: bytes


def _read(path: Path, rate: int, known: _Sound | None) -> _Sound:
    """`known`, unless the file has changed; one that is gone has not. Blocks. WavError."""
    try:
        info = path.stat()
    except OSError:
        stamp = known.stamp if known is not None else (0, 0)
    else:
        stamp = info.st_mtime_ns, info.st_size
    return known if known is not None and known.stamp == stamp else _Sound(stamp, read_wav(path, rate))
