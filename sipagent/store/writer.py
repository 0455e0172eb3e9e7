# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints on their way to the file. Whoever makes one waits for nothing: of each conversation the newest state waits, and
whatever waits is written in one transaction, then what came meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sipagent.log import get_logger
from sipagent.store.rows import Key, Row

log = get_logger(__name__)

PENDING = 1000  # conversations that may wait; the states of more are lost, and counted
RETRY_S = 1.0  # after a write that failed
CLOSE_S = 5.0  # for what waits when the switch stops
END_S = 1.0  # for a driver to let go of its thread


@dataclass(slots=True)
class Counts:
    """Conversations' states, all since the start."""

    written: int = 0
    failed: int = 0  # not written at the first try: they wait for the next
    lost: int = 0  # for want of room


class Writer:
    """One for the file; the event loop's thread only."""

    def __init__(self, write: Callable[[Sequence[Row]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: dict[Key, Row] = {}
        self._writing: dict[Key, Row] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()  # nothing waits, nothing is written
        self._idle.set()
        self._busy = asyncio.Lock()  # held while the file is written
        self._task = asyncio.get_running_loop().create_task(self._run(), name="memory-writer")
        self._broken = False
        self.counts = Counts()

    @property
    def pending(self) -> int:
        """Conversations whose newest state is not in the file."""
        return len(self._waiting.keys() | self._writing.keys())

    def newest(self, key: Key) -> Row | None:
        """The state that is not in the file yet."""
        return self._waiting.get(key) or self._writing.get(key)

    def put(self, row: Row) -> None:
        """Takes the newest state of a conversation."""
        if row.key not in self._waiting and len(self._waiting) >= PENDING:
            if self.counts.lost == 0:
                log.error("conversations are not remembered: the store is too slow; see memory.file", waiting=PENDING)
            self.counts.lost += 1
            return
        self._waiting[row.key] = row
        self._idle.clear()
        self._wake.set()

    async def drop(self, caller: str) -> None:
        """What waits of a caller is not written, and when this returns nothing of his is on its way."""
        for rows in (self._waiting, self._writing):
            for key in [key for key in rows if key.caller == caller]:
                del rows[key]
        async with self._busy:
            pass

    async def written(self) -> None:
        """Until nothing waits."""
        await self._idle.wait()

    async def close(self) -> None:
        """Writes what waits, if that takes no longer than CLOSE_S."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.written()
        except TimeoutError:
            log.error("conversations are not remembered: they could not be written", count=self.pending)
        await end(self._task)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._writing, self._waiting = self._waiting, {}
            if self._writing:
                await self._write_once(list(self._writing.values()))
            if not self._waiting:
                self._idle.set()

    async def _write_once(self, rows: Sequence[Row]) -> None:
        try:
            async with self._busy:
                await self._write(rows)
        except Exception as error:  # whatever a driver raises, the next states are written
            await self._failed(error)
        else:
            self._broken = False
            self.counts.written += len(rows)
        self._writing = {}

    async def _failed(self, error: Exception) -> None:
        self.counts.failed += len(self._writing)
        if not self._broken:  # once, not each second
            self._broken = True
            log.error("conversations can't be written; it is tried again", error=str(error) or repr(error), retry_s=RETRY_S)
        await asyncio.sleep(RETRY_S)
        self._waiting = {**self._writing, **self._waiting}
        self._wake.set()


async def end(task: asyncio.Task[Any]) -> None:
    """Cancels it, and once more: at the first time the driver waits for its thread, which may hang in the disk; at the second
    it leaves the thread behind."""
    for _ in range(2):
        task.cancel()
        await asyncio.wait([task], timeout=END_S)
