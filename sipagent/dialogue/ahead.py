# SPDX-License-Identifier: GPL-3.0-or-later
"""What will probably be wanted is made before it is: an async generator is read ahead, by a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LET_GO_S = 5.0  # an engine that takes longer to stop is left alone with it


class Ahead(Generic[T]):
    """`make` is called at once. `watch` sees each item as it comes, and None at the end; while it returns True and nobody has
    asked for the `items`, no more are made."""

    def __init__(self, make: Callable[[], AsyncIterator[T]], watch: Callable[[T | None], bool] = lambda item: False) -> None:
        self.error: Exception | None = None
        self.over = False  # no more is made
        self._made: list[T] = []
        self._news = asyncio.Event()
        self._wanted = asyncio.Event()
        self._watch = watch
        self._task = asyncio.get_running_loop().create_task(self._read(make))

    async def items(self) -> AsyncGenerator[T, None]:
        """All of them from the first, once. Raises what the generator raised. Closing it closes the generator."""
        self._wanted.set()
        at = 0
        try:
            while True:
                self._news.clear()
                while at < len(self._made):
                    at += 1
                    yield self._made[at - 1]
                if self.over and at == len(self._made):
                    break
                await self._news.wait()
            if self.error is not None:
                raise self.error
        finally:
            await self.close()

    async def close(self) -> None:
        """The generator is closed when this returns."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _read(self, make: Callable[[], AsyncIterator[T]]) -> None:
        try:
            async with closing(make()) as source:
                async for item in source:
                    self._made.append(item)
                    self._news.set()
                    if self._watch(item):
                        await self._wanted.wait()
            self._watch(None)
        except Exception as e:
            self.error = e
        finally:
            self.over = True
            self._news.set()


async def stop(task: asyncio.Task[None]) -> None:
    """It has ended when this returns, unless that takes too long. Raises nothing of it."""
    task.cancel()
    await asyncio.wait([task], timeout=LET_GO_S)
    if task.done() and not task.cancelled():
        task.exception()


@contextlib.asynccontextmanager
async def closing(items: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Whoever makes the items is told that nobody wants more of them."""
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
