# SPDX-License-Identifier: GPL-3.0-or-later
"""An event loop whose time is virtual: a minute of conversation takes milliseconds and always goes the same way."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable


class _VirtualSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the loop's time; while engines work on other threads it waits for real."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        super().__init__()
        self.now = 0.0
        self._busy = busy

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or self._busy():
            start = time.monotonic()
            ready = super().select(0.002 if timeout is None else min(timeout, 0.002))
            self.now += time.monotonic() - start
            return ready
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that never sleeps. `busy` tells whether real work is under way elsewhere; time is then real."""

    def __init__(self, busy: Callable[[], bool] = lambda: False) -> None:
        self._virtual = _VirtualSelector(busy)
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds."""
        return self._virtual.now

    def clock_us(self) -> int:
        """The same in microseconds, for what takes a clock."""
        return round(self._virtual.now * 1e6)
