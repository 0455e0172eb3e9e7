# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer of a silence in which it is nobody's turn to wait: neither the caller nor the bot says anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class IdleTimer:
    """Calls `on_idle` `after_s` seconds after `arm`, unless stopped. On hold nobody is late: it does not run then."""

    def __init__(self, after_s: float, on_idle: Callable[[], None]) -> None:
        self._after_s = after_s
        self._on_idle = on_idle
        self._held = False
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Starts anew."""
        self.stop()
        if not self._held:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._on_idle)

    def stop(self) -> None:
        """Until the next `arm`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hold(self, held: bool) -> None:
        """The call is held, or no longer; after it, whoever has nothing to say arms again."""
        self._held = held
        self.stop()
