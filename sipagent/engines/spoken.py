# SPDX-License-Identifier: GPL-3.0-or-later
"""What was said before is said again at once: speech is kept by voice and text, the least recently used goes first.

Tts.synthesize <-- Spoken <-- the dialogue
                     \\-- SpeechCache, one for the process: (voice, text, rate) -> pieces as they were made
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence

from sipagent.engines.base import EngineError, Tts
from sipagent.engines.deadline import due
from sipagent.log import get_logger

log = get_logger(__name__)

PRIME_WAIT_S = 0.5  # between looks whether the voice has nothing to do
PRIME_DUE_S = 60.0  # whoever waits for anything goes first

Key = tuple[str, str, int]  # voice, text, rate


class SpeechCache:
    """At most `limit` bytes of sound."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = self.hits = self.misses = 0
        self._kept: OrderedDict[Key, list[bytes]] = OrderedDict()

    def get(self, key: Key) -> list[bytes] | None:
        """The pieces; None = never said, or long ago."""
        pieces = self._kept.get(key)
        if pieces is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return pieces

    def put(self, key: Key, pieces: list[bytes]) -> None:
        """Keeps them, and lets go of others for it. What is longer than all the room is not kept."""
        size = sum(map(len, pieces))
        if key in self._kept or not 0 < size <= self.limit:
            return
        self._kept[key] = pieces
        self.size += size
        while self.size > self.limit:
            _, old = self._kept.popitem(last=False)
            self.size -= sum(map(len, old))

    def __contains__(self, key: Key) -> bool:
        return key in self._kept


_shared = SpeechCache(0)


def shared(limit: int = 0) -> SpeechCache:
    """The process's cache; it has as much room as the most that anybody asked for."""
    _shared.limit = max(_shared.limit, limit)
    return _shared


class Spoken:
    """A voice with a memory. `voice` names everything that makes its sound what it is, besides the text."""

    def __init__(self, tts: Tts, voice: str, cache: SpeechCache) -> None:
        self.name = tts.name
        self.tts = tts
        self._voice = voice
        self._cache = cache

    async def load(self) -> None:
        """Loads the voice."""
        await self.tts.load()

    async def close(self) -> None:
        """Closes the voice; what it said stays."""
        await self.tts.close()

    @property
    def busy(self) -> int:
        """Clauses being spoken or waiting."""
        return int(getattr(self.tts, "busy", 0))

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """As the voice does. What was cut short or failed is not kept."""
        key = (self._voice, text, rate)
        known = self._cache.get(key)
        if known is not None:
            for piece in known:
                yield piece
            return
        pieces: list[bytes] = []
        speech = self.tts.synthesize(text, rate)
        try:
            async for piece in speech:
                pieces.append(piece)
                yield piece
        finally:
            await speech.aclose()
        self._cache.put(key, pieces)

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Of a voice that is slow to begin: says them to itself, one at a time, while nobody waits for it."""
        if not getattr(self.tts, "slow_start", False):
            await self.tts.prime(texts, rate)
            return
        for text in texts:
            if (self._voice, text, rate) in self._cache:
                continue
            await self._rest()
            try:
                with due(PRIME_DUE_S):
                    async for _ in self.synthesize(text, rate):
                        pass
            except EngineError as e:
                log.warning("a clause could not be prepared", engine=self.name, error=str(e))

    async def _rest(self) -> None:
        while True:
            if not self.busy:
                return
            await asyncio.sleep(PRIME_WAIT_S)
