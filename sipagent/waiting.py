# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for one of several things."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable


class Flag(asyncio.Event):
    """An event that calls back too, so that waiting for it takes no task."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Callable[[], None]] = []

    def set(self) -> None:
        super().set()
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    def on_set(self, listener: Callable[[], None]) -> None:
        """Calls it once: now, if it is set, or when it will be."""
        if self.is_set():
            listener()
        else:
            self._listeners.append(listener)

    def off(self, listener: Callable[[], None]) -> None:
        """Calls it no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)


async def first(*things: Awaitable[object] | Flag, timeout_s: float | None = None) -> int | None:
    """Which of them was done first, None when the time was over before. Flags, tasks and futures are only watched; the others
    are run, cancelled when another was first, and an error of one that is done is raised."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[int | None] = loop.create_future()
    own: list[asyncio.Future[object]] = []
    undo: list[Callable[[], object]] = []
    try:
        for place, thing in enumerate(things):
            tell = functools.partial(_tell, over, place)
            if isinstance(thing, Flag):
                thing.on_set(tell)
                undo.append(functools.partial(thing.off, tell))
                continue
            if not isinstance(thing, asyncio.Future):
                thing = asyncio.ensure_future(thing)
                own.append(thing)
            thing.add_done_callback(tell)
            undo.append(functools.partial(thing.remove_done_callback, tell))
        if timeout_s is not None:
            undo.append(loop.call_later(timeout_s, _tell, over, None).cancel)
        place_of_first = await over
        for task in own:
            if task.done():
                task.result()
        return place_of_first
    finally:
        for step in undo:
            step()
        for task in own:
            task.cancel()
        if own:
            await asyncio.gather(*own, return_exceptions=True)


def _tell(over: asyncio.Future[int | None], place: int | None, _: object = None) -> None:
    if not over.done():
        over.set_result(place)
