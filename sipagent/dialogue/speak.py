# SPDX-License-Identifier: GPL-3.0-or-later
"""Clauses become sound in the leg's ring. A few seconds are queued at most: enough for a stall of this process, little enough
that a long answer is not synthesised for a caller who interrupts it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from sipagent.dialogue.playout import Segment, Utterance
from sipagent.dialogue.think import pause_after_ms
from sipagent.engines.base import EngineError, EngineTimeout, Tts, Voiced
from sipagent.engines.deadline import due
from sipagent.engines.pcm import silence
from sipagent.media import MediaLeg

QUEUE_S = 2.0
RETRY_S = 0.02  # the ring took nothing


class Speaker:
    """Writes speech to one leg. Cancel the task that runs `say` to stop synthesis; flushing is the playout's."""

    def __init__(self, leg: MediaLeg, tts: Tts, timeout_s: float, queue_s: float = QUEUE_S) -> None:
        self._leg = leg
        self._tts = tts
        self._timeout_s = timeout_s
        self._limit = int(queue_s * leg.rate)

    async def say(
        self,
        utterance: Utterance,
        clause: str,
        on_first: Callable[[], None],
        speech: AsyncGenerator[bytes, None] | None = None,
    ) -> None:
        """Appends the clause that waits first in `utterance`; `speech`: its sound, if it is being made already. `on_first` runs
        when a sample exists. Raises EngineError."""
        segment: Segment | None = None
        with due(self._leg.pending / self._leg.rate):  # then he hears silence
            async with contextlib.aclosing(speech or self._tts.synthesize(clause, self._leg.rate)) as pieces:
                while (piece := await self._next(pieces)) is not None:
                    if segment is None:
                        on_first()
                        await self._rest(utterance)
                        segment = self._begin(utterance, clause)
                    if isinstance(piece, Voiced):
                        segment.words += piece.words
                    await self._write(segment, piece)
        if segment is not None:
            segment.whole = True
        else:
            _no_longer_waits(utterance, clause)  # it had no sound

    async def play(self, utterance: Utterance, text: str, pcm: bytes) -> None:
        """Appends ready-made sound."""
        await self._rest(utterance)
        segment = self._begin(utterance, text)
        await self._write(segment, pcm)
        segment.whole = True

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await anext(pieces, None)
        except TimeoutError:
            raise EngineTimeout(f"{self._tts.name}: no sound within {self._timeout_s:g} s") from None
        except EngineError:
            raise
        except Exception as e:
            raise EngineError(f"{self._tts.name}: {e!r}") from e

    def _begin(self, utterance: Utterance, text: str) -> Segment:
        segment = Segment(text, self._leg.written, self._leg.written)
        _no_longer_waits(utterance, text)
        utterance.segments.append(segment)
        return segment

    async def _rest(self, utterance: Utterance) -> None:
        """The pause between clauses belongs to the clause before it."""
        if utterance.segments:
            last = utterance.segments[-1]
            await self._write(None, silence(pause_after_ms(last.text), self._leg.rate))

    async def _write(self, segment: Segment | None, pcm: bytes) -> None:
        rest = memoryview(pcm)
        while rest:
            room = self._limit - self._leg.pending
            taken = self._leg.write(bytes(rest[: 2 * room])) if room > 0 else 0
            rest = rest[2 * taken :]
            if segment is not None and taken:
                segment.end = self._leg.written
            if rest and not taken:
                over = self._leg.pending - self._limit // 2
                await asyncio.sleep(max(RETRY_S, over / self._leg.rate))


def _no_longer_waits(utterance: Utterance, clause: str) -> None:
    if utterance.waiting and utterance.waiting[0] == clause:
        del utterance.waiting[0]
