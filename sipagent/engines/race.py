# SPDX-License-Identifier: GPL-3.0-or-later
"""The same question to several, one after the other: the next is asked when one fails, or beside it when it is late. The first
usable answer is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sipagent.engines.base import EngineBusy, EngineError
from sipagent.engines.health import Health

T = TypeVar("T")

UNDO_S = 1.0  # whoever gives up waits so long until the attempts have ended and are undone, for what he asks next


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """`ask` gives an answer or raises; `undo` takes back what an attempt did whose answer is not used."""

    health: Health
    ask: Callable[[], Awaitable[T]]
    undo: Callable[[asyncio.Future[T]], None] = lambda ended: None


async def race(attempts: Sequence[Attempt[T]], late_s: float) -> tuple[int, T]:
    """(place of the winner, its answer); of two at the same time the earlier one. Every other attempt that began is cancelled
    and, once it has ended, undone: when there is no winner, before this returns. Raises what failed last."""
    running: dict[int, asyncio.Future[T]] = {}
    ahead = list(enumerate(attempts))
    error: BaseException = EngineError("there is nobody to ask")
    winner: int | None = None
    try:
        while ahead or running:
            if ahead:
                place, attempt = ahead.pop(0)
                running[place] = asyncio.ensure_future(attempt.ask())
            late = late_s if ahead else None
            done, _ = await asyncio.wait(running.values(), timeout=late, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                attempts[max(running)].health.outcome("late")
            for place in sorted(place for place, work in running.items() if work in done):
                work = running[place]
                failure = EngineError("it was cancelled") if work.cancelled() else work.exception()
                if failure is None:
                    attempts[place].health.outcome("answered")
                    winner = place
                    return place, running.pop(place).result()
                error = failure
                attempts[place].health.outcome("refused" if isinstance(failure, EngineBusy) else "failed", failure)
                attempts[place].undo(running.pop(place))
        raise error
    finally:
        for place, work in running.items():
            if winner is not None and place < winner:
                attempts[place].health.outcome("lost")
            work.cancel()
            work.add_done_callback(lambda ended, undo=attempts[place].undo: _over(ended, undo))  # type: ignore[misc]
        if winner is None and running:
            await asyncio.wait(running.values(), timeout=UNDO_S)


def _over(ended: asyncio.Future[T], undo: Callable[[asyncio.Future[T]], None]) -> None:
    if not ended.cancelled():
        ended.exception()  # nobody else wants it
    undo(ended)
