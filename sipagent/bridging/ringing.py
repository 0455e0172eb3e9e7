# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge of a caller with a callee, from the first ring on: what the callee says before its answer reaches the caller, and
the caller is answered only when the callee is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from mediacore import MediaError
from sipagent.bridging.codes import Failure
from sipagent.bridging.desk import MEDIA_START_S, Desk
from sipagent.bridging.dial import Targets, dial
from sipagent.bridging.join import Join, Joins
from sipagent.call import Call
from sipagent.log import get_logger
from sipagent.waiting import first

log = get_logger(__name__)


async def bridge_caller(desk: Desk, joins: Joins, caller: Call, targets: Targets) -> None:
    """Rings the targets for a caller who is not answered yet, and joins the two until one hangs up."""
    if caller.max_forwards <= 1:
        await caller.hangup(483, "too many hops")
        return
    ringing = Ringing(desk, joins, caller)
    try:
        made = await dial(desk, targets, caller, ringing)
        await ringing.quiet()
        if isinstance(made, Failure):
            await desk.refuse(caller, made.code, made.reason, made.because)
        elif not await desk.answer(caller):
            await made.hangup(reason="caller hung up", because=caller.peer_reason)
        else:
            await ringing.join_of(made).run()
    finally:
        await ringing.close()


class Ringing:
    """A `dial.Progress`."""

    def __init__(self, desk: Desk, joins: Joins, caller: Call) -> None:
        self._desk = desk
        self._joins = joins
        self._caller = caller
        self._join: Join | None = None
        self._tone: contextlib.ExitStack | None = None
        self._rung = False
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, call: Call, code: int, early: bool) -> None:
        if early:
            self._spawn(self._open(call))
        elif not self._rung:
            self._rung = True
            self._spawn(self._caller.control.answer(180))
        elif self._caller.media_ready.is_set() and self._tone is None and not self._is_of(call):
            # The target before had sound of its own; a caller who hears sound takes no 180 for ringing.
            self._tone = contextlib.ExitStack()
            self._tone.enter_context(self._desk.tones.ringing(self._caller.leg))

    def join_of(self, call: Call) -> Join:
        """The two joined, now that both have sound. MediaError when one has ended meanwhile."""
        if self._join is not None and self._is_of(call):
            return self._join
        self._part()
        self._join = Join(self._desk, self._joins, self._caller, call)
        return self._join

    async def quiet(self) -> None:
        """No more is told of before the answer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """In any case, at the end."""
        await self.quiet()
        self._part()

    async def _open(self, call: Call) -> None:
        """183 to the caller, and its sound joined with the callee's (RFC 3960 section 3)."""
        self._rung = True
        if self._is_of(call):
            return
        await self._caller.control.answer(183)
        await first(self._caller.media_ready.wait(), self._caller.ended.wait(), call.ended.wait(), timeout_s=MEDIA_START_S)
        if self._caller.media_ready.is_set() and not self._caller.ended.is_set() and not call.ended.is_set():
            with contextlib.suppress(MediaError):
                self.join_of(call)

    def _is_of(self, call: Call) -> bool:
        return self._join is not None and call in self._join.calls

    def _part(self) -> None:
        if self._tone is not None:
            self._tone.close()
            self._tone = None
        if self._join is not None:
            self._join.close()
            self._join = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("ringing not passed on", error=str(error))
