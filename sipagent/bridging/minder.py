# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a call: an agent, a bridge, a room, a parking slot. Exactly one task holds each call at a time; a call that is handed
over gets another, and one that nobody holds any more is hung up. So no call hangs, whoever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from sipagent.call import Call
from sipagent.callbook import CallBook
from sipagent.log import call_context, get_logger
from sipagent.waiting import first

log = get_logger(__name__)

STOP_S = 5.0  # for all calls to close their records when the switch stops


class Minder:
    """One task for each call, from its beginning to its record. Holders end soon after their call has ended."""

    def __init__(self, book: CallBook) -> None:
        self._book = book
        self._holders: dict[str, asyncio.Task[None]] = {}
        self._minds: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, call: Call, work: Coroutine[Any, Any, None] | None = None) -> None:
        """A call begins: `work` holds it first; None: the task that runs now, which made the call."""
        self._book.add(call)
        if work is None:
            current = asyncio.current_task()
            assert current is not None
            self._hold(call, current)
        else:
            self.hand(work, call)
        mind = asyncio.create_task(self._mind(call), name=f"call-{call.id}")
        self._minds.add(mind)
        mind.add_done_callback(self._minds.discard)

    def hand(self, work: Coroutine[Any, Any, None], *calls: Call) -> asyncio.Task[None]:
        """`work` holds these calls from now on. Who held them before is not told: it must let go by itself."""
        task = asyncio.create_task(self._guard(work, calls), name=f"holds-{calls[0].id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        for call in calls:
            self._hold(call, task)
        return task

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs beside the calls, and holds none. Its errors are logged."""
        task = asyncio.create_task(self._guard(work, ()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def keep(self, call: Call) -> None:
        """The task that runs now holds the call from now on."""
        current = asyncio.current_task()
        assert current is not None
        self._hold(call, current)

    async def stop(self) -> None:
        """Waits for the records of calls that were hung up, for a while."""
        if self._minds:
            await asyncio.wait(self._minds, timeout=STOP_S)
        for task in (*self._tasks, *self._minds):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._minds, return_exceptions=True)

    def _hold(self, call: Call, task: asyncio.Task[Any]) -> None:
        if not call.ended.is_set():  # else its mind may be over, and nobody would take it out again
            self._holders[call.id] = task

    @staticmethod
    async def _guard(work: Coroutine[Any, Any, None], calls: tuple[Call, ...]) -> None:
        with call_context(calls[0].id if calls else ""):
            try:
                await work
            except Exception:
                log.exception("call failed", calls=[call.id for call in calls])
                for call in calls:
                    await call.hangup(500, "internal error")

    async def _mind(self, call: Call) -> None:
        with call_context(call.id):
            try:
                while not call.ended.is_set() and (holder := self._holders.get(call.id)) is not None:
                    await first(holder, call.ended)
                    if holder.done() and self._holders.get(call.id) is holder:
                        del self._holders[call.id]
                if not call.ended.is_set():
                    await call.hangup()
                await call.ended.wait()
                await self._settle(call)
            finally:
                self._holders.pop(call.id, None)
            await self._book.finish(call)

    async def _settle(self, call: Call) -> None:
        """Lets the holder write down what it knows, if the call is all that it has."""
        holder = self._holders.pop(call.id, None)
        if holder is not None and holder not in self._holders.values():
            await first(holder, timeout_s=STOP_S)
