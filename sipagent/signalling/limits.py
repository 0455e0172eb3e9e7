# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a call may ring and stay on hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sipagent.call import Call


class Limits:
    """One timer for each call. `end(call id, code, reason)` is called on the loop when the call's time is over."""

    def __init__(self, hold_s: float, end: Callable[[str, int, str], None]) -> None:
        self._hold_s = hold_s
        self._end = end
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def expect_answer(self, call: Call, ring_s: float) -> None:
        """A call that nobody answers must not ring for ever."""
        self._start(call.id, ring_s, 408 if call.direction == "out" else 480, f"not answered in {ring_s:g} s")

    def expect_resume(self, call: Call) -> None:
        """Nor wait for ever on hold."""
        self.forget(call.id)
        if call.held:
            self._start(call.id, self._hold_s, 408, f"on hold for {self._hold_s:g} s")

    def forget(self, key: str) -> None:
        """Takes the call's limit away."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    def _start(self, key: str, seconds: float, code: int, reason: str) -> None:
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._end, key, code, reason)
