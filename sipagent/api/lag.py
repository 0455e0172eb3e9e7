# SPDX-License-Identifier: GPL-3.0-or-later
"""How late the event loop runs: a timer that compares when it should have fired with when it did."""

from __future__ import annotations

import asyncio
from collections import deque

PERIOD_S = 0.1
WINDOW_S = 10.0


class LoopLag:
    """Watches the running loop between `start` and `stop`."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque([0.0], maxlen=int(WINDOW_S / PERIOD_S))
        self._handle: asyncio.TimerHandle | None = None

    @property
    def worst_s(self) -> float:
        """The worst lateness of the last ten seconds."""
        return max(self._lags)

    def observe(self, lag_s: float) -> None:
        """Takes one measurement."""
        self._lags.append(max(0.0, lag_s))

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(PERIOD_S, self._tick, loop, loop.time() + PERIOD_S)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self.observe(loop.time() - due)
        self._handle = loop.call_later(PERIOD_S, self._tick, loop, loop.time() + PERIOD_S)
