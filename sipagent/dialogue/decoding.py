# SPDX-License-Identifier: GPL-3.0-or-later
"""The turn so far becomes text: one decoding at a time, the newest wins. The only place of the dialogue that asks an STT."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sipagent.dialogue.clock import Clock
from sipagent.engines.base import EngineError, EngineTimeout, Stt


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of it; `done_us`: when."""

    text: str
    done_us: int
    error: EngineError | None = None


class Decoder:
    """Of one caller. `timeout_s`: a recognition that takes longer is given up."""

    def __init__(self, stt: Stt, rate: int, timeout_s: float, clock: Clock) -> None:
        self._stt, self._rate, self._timeout_s, self._clock = stt, rate, timeout_s, clock
        self._task: asyncio.Task[Decoded] | None = None
        self._whole = False

    def start(self, pcm: bytes, on_done: Callable[[Decoded], None], *, whole: bool) -> None:
        """Decodes `pcm` instead of what was being decoded; `on_done` unless it is forgotten or taken before. `whole`: it may
        turn out to be the whole turn, else it is a look at what is still being said."""
        self.forget()
        self._whole = whole
        task = self._task = asyncio.get_running_loop().create_task(self._transcribe(pcm))

        def done(task: asyncio.Task[Decoded]) -> None:
            if task is self._task and not task.cancelled():
                on_done(task.result())

        task.add_done_callback(done)

    def forget(self) -> None:
        """Stops what is being decoded."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def take(self, pcm: Callable[[], bytes]) -> asyncio.Task[Decoded]:
        """The decoding of a whole turn that was started, whether done or not; else one of `pcm()`. It is the caller's now."""
        if not self._whole:
            self.forget()
        task, self._task = self._task, None
        return task if task is not None else asyncio.get_running_loop().create_task(self._transcribe(pcm()))

    async def _transcribe(self, pcm: bytes) -> Decoded:
        try:
            async with asyncio.timeout(self._timeout_s):
                text = await self._stt.transcribe(pcm, self._rate)
        except TimeoutError:
            error: EngineError = EngineTimeout(f"{self._stt.name}: no text within {self._timeout_s:g} s")
        except EngineError as e:
            error = e
        except Exception as e:
            error = EngineError(f"{self._stt.name}: {e!r}")
        else:
            return Decoded(text.strip(), self._clock())
        return Decoded("", self._clock(), error)
