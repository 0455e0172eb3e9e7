# SPDX-License-Identifier: GPL-3.0-or-later
"""A caller's turn becomes text, while it lasts and at its pauses: one decoding at a time, the newest wins. The only place of
the dialogue that asks an STT."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sipagent.dialogue.clock import Clock
from sipagent.engines.answered import ANSWERED
from sipagent.engines.base import EngineBusy, EngineError, EngineTimeout, Stt, SttStream
from sipagent.engines.deadline import due
from sipagent.engines.streams import open_stream

# Seconds until a text is needed, and until it is of no use any more: then it is made when the turn is over, or never.
When = tuple[float, float | None]
NOW: When = (0.0, None)  # the caller waits
LOOK: When = (0.2, 1.0)  # the bot holds its tongue meanwhile, and there will be another look
PAUSE: When = (0.15, 0.6)  # he has just paused: the turn ends in so long if this is all, and at the latest soon after


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of it; `done_us`: when; `engine`: whose answer it is."""

    text: str
    done_us: int
    error: EngineError | None = None
    engine: str = ""


class Decoder:
    """Of one caller. `timeout_s`: a recognition that takes longer is given up. `on_partial(text)`: the turn so far, from
    engines that stream."""

    def __init__(self, stt: Stt, rate: int, timeout_s: float, clock: Clock, on_partial: Callable[[Decoded], None]) -> None:
        self._stt, self._rate, self._timeout_s, self._clock = stt, rate, timeout_s, clock
        self._on_partial = on_partial
        self._streams = hasattr(stt, "stream")
        self._turn: SttStream | None = None
        self._task: asyncio.Task[Decoded] | None = None
        self._whole = False  # the task decodes the turn, and not a look at it

    def begin(self) -> None:
        """A new turn."""
        self.end()
        self._turn = turn = open_stream(self._stt, self._rate, lambda text, stable: self._heard(turn, text))

    def feed(self, pcm: bytes) -> None:
        """What was said next."""
        if self._turn is not None:
            self._turn.feed(pcm)

    def look(self, pcm: bytes, on_done: Callable[[Decoded], None]) -> None:
        """Reads `pcm`, a part of what is still being said. An engine that streams tells it by itself."""
        if not self._streams:
            self._start(lambda: self._stt.transcribe(pcm, self._rate), on_done, LOOK, whole=False)

    def finish(self, on_done: Callable[[Decoded], None]) -> None:
        """The text of all that was fed, for the turn may be over; `on_done` unless it is forgotten or taken before, or the CPU
        has no time for guesses."""
        if self._turn is not None:
            self._start(self._turn.finish, on_done, PAUSE, whole=True)

    @property
    def finishing(self) -> bool:
        """A text of the whole turn exists or is being made."""
        return self._whole and self._task is not None

    def forget(self) -> None:
        """Stops what is being decoded; the turn goes on."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def take(self) -> asyncio.Task[Decoded]:
        """The turn is over: its newest `finish`, done or not, or a new one. The caller's to await."""
        if not self.finishing:
            self.forget()
        turn, self._turn = self._turn, None
        guess, self._task = self._task, None
        assert turn is not None, "taken before it began"
        task = asyncio.get_running_loop().create_task(self._last(turn, guess))
        task.add_done_callback(lambda _: turn.cancel())
        return task

    def end(self) -> None:
        """Lets go of the turn."""
        self.forget()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _heard(self, turn: SttStream, text: str) -> None:
        if turn is self._turn:
            self._on_partial(Decoded(text, self._clock()))

    def _start(
        self,
        work: Callable[[], Awaitable[str]],
        on_done: Callable[[Decoded], None],
        when: tuple[float, float | None],
        *,
        whole: bool,
    ) -> None:
        self.forget()
        self._whole = whole
        task = self._task = asyncio.get_running_loop().create_task(self._decode(work, when))

        def done(task: asyncio.Task[Decoded]) -> None:
            if task is not self._task or task.cancelled():
                return
            if isinstance(task.result().error, EngineBusy):
                self._task = None
            else:
                on_done(task.result())

        task.add_done_callback(done)

    async def _last(self, turn: SttStream, guess: asyncio.Task[Decoded] | None) -> Decoded:
        """A guess that still waits for the CPU may be refused yet; its turn is not."""
        if guess is not None and not isinstance((done := await guess).error, EngineBusy):
            return done
        return await self._decode(turn.finish, NOW)

    async def _decode(self, work: Callable[[], Awaitable[str]], when: When) -> Decoded:
        answered: dict[str, str] = {}
        ANSWERED.set(answered)
        try:
            with due(*when):
                async with asyncio.timeout(self._timeout_s):
                    text = await work()
        except TimeoutError:
            error: EngineError = EngineTimeout(f"{self._stt.name}: no text within {self._timeout_s:g} s")
        except EngineError as e:
            error = e
        except Exception as e:
            error = EngineError(f"{self._stt.name}: {e!r}")
        else:
            return Decoded(text.strip(), self._clock(), engine=answered.get("stt", self._stt.name))
        return Decoded("", self._clock(), error)
