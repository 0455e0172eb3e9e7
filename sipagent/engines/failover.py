# SPDX-License-Identifier: GPL-3.0-or-later
"""Several engines of one role as one: the first answers, the others take over inside the turn when it fails or is late.

Each attempt ends at its first usable answer (the text, the first piece of sound, the first token); after that nobody changes:
a caller never hears the half of one answer and the half of another.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from sipagent.engines.answered import answered
from sipagent.engines.base import Engine, EngineError, PartialHandler, Stt, SttStream, Tts
from sipagent.engines.health import Health
from sipagent.engines.race import Attempt, race
from sipagent.engines.streams import open_stream

E = TypeVar("E", bound=Engine)
T = TypeVar("T")


class Members(Generic[E]):
    """The engines of one role, in order. `clock` gives seconds."""

    def __init__(self, role: str, engines: Sequence[E], late_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.role, self.engines, self.late_s = role, list(engines), late_s
        self.name = "|".join(engine.name for engine in engines)
        self._health = [Health(role, engine.name, clock) for engine in engines]

    async def load(self) -> None:
        """All of them: who takes over must not load models first. Raises EngineMissing."""
        await asyncio.gather(*(engine.load() for engine in self.engines))

    async def close(self) -> None:
        """All of them."""
        await asyncio.gather(*(engine.close() for engine in self.engines))

    def order(self) -> Iterator[tuple[E, Health]]:
        """Those that are well first; who rests is still better than nobody."""
        both = list(zip(self.engines, self._health, strict=True))
        well = {health for _, health in both if health.usable()}
        yield from (pair for pair in both if pair[1] in well)
        yield from (pair for pair in both if pair[1] not in well)


class FailoverStt(Members[Stt]):
    """Speech to text, whole turns."""

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """The first text, the empty one, too."""
        order = list(self.order())
        attempts = [Attempt(health, partial(stt.transcribe, pcm, rate)) for stt, health in order]
        place, text = await race(attempts, self.late_s)
        answered(self.role, order[place][0].name)
        return text


class StreamingFailoverStt(FailoverStt):
    """The first that is well hears the caller while he speaks; the others get the whole turn when it fails or is late."""

    def stream(self, rate: int, on_partial: PartialHandler) -> SttStream:
        """A new turn."""
        return _Turn(list(self.order()), rate, on_partial, self.role, self.late_s)


class _Turn:
    def __init__(
        self, order: Sequence[tuple[Stt, Health]], rate: int, on_partial: PartialHandler, role: str, late_s: float
    ) -> None:
        self._order, self._rate, self._role, self._late_s = order, rate, role, late_s
        self._pcm = bytearray()
        self._first = open_stream(order[0][0], rate, on_partial)

    def feed(self, pcm: bytes) -> None:
        """Kept for those who may have to take over."""
        self._pcm += pcm
        self._first.feed(pcm)

    async def finish(self) -> str:
        """The first text."""
        pcm = bytes(self._pcm)
        attempts = [Attempt(self._order[0][1], self._first.finish)]
        attempts += [Attempt(health, partial(stt.transcribe, pcm, self._rate)) for stt, health in self._order[1:]]
        place, text = await race(attempts, self._late_s)
        answered(self._role, self._order[place][0].name)
        return text

    def cancel(self) -> None:
        """The end."""
        self._first.cancel()
        self._pcm.clear()


class FailoverTts(Members[Tts]):
    """Text to speech; each clause is one voice's."""

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Of the first voice that makes a sound."""
        order = list(self.order())
        streams: dict[int, AsyncGenerator[bytes, None]] = {}

        def attempt(place: int) -> Attempt[bytes]:
            async def first_piece() -> bytes:
                streams[place] = order[place][0].synthesize(text, rate)
                return await first_of(streams[place], order[place][0].name)

            return Attempt(order[place][1], first_piece, lambda _: let_go(streams.pop(place, None)))

        place, piece = await race([attempt(i) for i in range(len(order))], self.late_s)
        answered(self.role, order[place][0].name)
        async with contextlib.aclosing(streams[place]) as pieces:
            yield piece
            async for piece in pieces:
                yield piece

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Only the first: it is the one that is expected to speak."""
        await self.engines[0].prime(texts, rate)


async def first_of(stream: AsyncGenerator[T, None], name: str) -> T:
    """EngineError when there is none."""
    async for item in stream:
        return item
    raise EngineError(f"{name}: the answer was empty")


_closing: set[asyncio.Task[None]] = set()  # the loop holds tasks only weakly


def let_go(stream: AsyncGenerator[T, None] | None, then: Callable[[], object] = lambda: None) -> None:
    """Closes what nobody reads any more, soon, and calls `then`."""
    if stream is not None:
        task = asyncio.get_running_loop().create_task(_close(stream, then))
        _closing.add(task)
        task.add_done_callback(_closing.discard)


async def _close(stream: AsyncGenerator[T, None], then: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):  # it lost; how it ends is of no interest
        await stream.aclose()
    then()


def failover_stt(engines: Sequence[Stt], late_s: float) -> Stt:
    """Streams if one of them can."""
    streams = any(hasattr(engine, "stream") for engine in engines)
    make: Callable[[str, Sequence[Stt], float], Stt] = StreamingFailoverStt if streams else FailoverStt
    return make("stt", engines, late_s)
