# SPDX-License-Identifier: GPL-3.0-or-later
"""Two calls joined: a back-to-back user agent (RFC 7092). Sound goes by the native bridge and never visits Python; hold,
digits by INFO and hang-up go from one to the other here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from mediacore import Bridge, Leg, MediaError, bridge
from sipagent.bridging.desk import Desk
from sipagent.call import Call
from sipagent.log import get_logger
from sipagent.waiting import first

log = get_logger(__name__)

SETTLE_S = 2.0


class Joins:
    """Who talks with whom."""

    def __init__(self) -> None:
        self._of: dict[str, Join] = {}
        self._added = asyncio.Event()

    def of(self, call: Call) -> Join | None:
        """The join that a call is in."""
        return self._of.get(call.id)

    def add(self, join: Join) -> None:
        """Both are joined from now on."""
        for call in join.calls:
            self._of[call.id] = join
        self._added.set()
        self._added = asyncio.Event()

    async def soon(self, call: Call) -> Join | None:
        """The join that a call is in, or comes into now: a peer that heard our 200 may be quicker than we are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while call.id not in self._of:
                    await first(self._added.wait(), call.ended)
                    if call.ended.is_set():
                        break
        return self._of.get(call.id)

    def drop(self, join: Join) -> None:
        """And no more."""
        for call in join.calls:
            if self._of.get(call.id) is join:
                del self._of[call.id]


class Join:
    """Made when both have sound, also before the answer; `run` when both are answered; `close` in any case. On the loop."""

    def __init__(self, desk: Desk, joins: Joins, a: Call, b: Call) -> None:
        """MediaError when a leg has closed meanwhile."""
        self.a, self.b = a, b
        self._desk = desk
        self._joins = joins
        self._closed = False
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        assert isinstance(a.leg, Leg)
        assert isinstance(b.leg, Leg)
        self._bridge: Bridge = bridge(a.leg, b.leg)
        a.meets(b)
        for call, other in ((a, b), (b, a)):
            call.on_info_digit = self._digits_to(other)

    @property
    def calls(self) -> tuple[Call, Call]:
        """Both."""
        return self.a, self.b

    def other(self, call: Call) -> Call:
        """The one that `call` talks with."""
        return self.b if call is self.a else self.a

    async def run(self, stays: Call | None = None) -> bool:
        """Until one of them hangs up, and then the other, unless it `stays`; or until they are `release`d: False."""
        self._joins.add(self)
        for call, other in ((self.a, self.b), (self.b, self.a)):
            call.on_hold = self._hold_of(call, other)
            if call.held:
                call.on_hold(True)
        limit = self._desk.cfg.dialogue.max_duration_s
        which = await first(self._released.wait(), self.a.ended.wait(), self.b.ended.wait(), timeout_s=limit)
        self.close()
        if which == 0:
            return False
        for call, other in ((self.a, self.b), (self.b, self.a)):
            if call is stays and which is not None:
                continue
            because = other.peer_reason if other.ended.is_set() else None
            await call.hangup(reason="maximum duration reached" if which is None else "the other side hung up", because=because)
        return True

    def release(self) -> None:
        """They are to be joined with others: whoever runs this lets go of both."""
        self._released.set()
        self.close()

    def close(self) -> None:
        """Takes them apart. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._joins.drop(self)
        for call in self.calls:
            call.on_hold = call.on_info_digit = None
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(MediaError):
            self._bridge.close()

    def _digits_to(self, other: Call) -> Callable[[str, int], None]:
        def send(digit: str, ms: int) -> None:
            self._spawn(other.send_dtmf(digit, ms))

        return send

    def _hold_of(self, call: Call, other: Call) -> Callable[[bool], None]:
        def held(on: bool) -> None:
            if self._desk.cfg.bridge.on_hold == "music":
                self._spawn(self._music(call, other))
            else:
                log.info("hold goes on to the other side", on=on, of=call.id, to=other.id)
                self._spawn(other.control.hold(on))

        return held

    async def _music(self, call: Call, other: Call) -> None:
        """`other` hears music while `call`'s peer holds, whatever that one sends meanwhile, and is told nothing."""
        await self._desk.tones.prepare(other.leg)
        assert isinstance(call.leg, Leg)
        if call.held:
            self._bridge.hold(call.leg, self._desk.tones.music)
        else:
            self._bridge.resume(call.leg)
        log.info("music on hold", on=call.held, of=call.id, to=other.id)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _guard(work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:
            log.warning("not carried to the other side", error=str(error))
