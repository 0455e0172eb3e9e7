# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in a call is dealt with in three lanes:

    urgent    the caller makes a sound, presses a key, holds; what plays has ended: dealt with where it arrives, before anything
    data      what the bot is about to say (tokens, clauses, sound): the reply's task; an interruption drops it whole
    control   what others are told (transcript, ledger, whoever listens to them): here; never dropped, never ahead of the others

Control events are dealt with one at a time, in order, and between two of them the event loop takes what has arrived: who is
slow to take a note delays no interruption.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from sipagent.log import get_logger

log = get_logger(__name__)

SLOW_S = 0.02  # one frame: whoever takes longer is named in the log, once


class Control:
    """The control lane of one call. What it calls may raise: that is theirs, and is logged."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()
        self._handle: asyncio.Handle | None = None
        self._told = False

    def __len__(self) -> int:
        return len(self._waiting)

    def post(self, call: Callable[[], object]) -> None:
        """`call` runs when nothing else waits for the event loop."""
        self._waiting.append(call)
        self._arm()

    def flush(self) -> None:
        """The call is over: all that waits runs now."""
        while self._waiting:
            self._one()

    def _arm(self) -> None:
        if self._handle is None and self._waiting:
            self._handle = asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._handle = None
        if self._waiting:
            self._one()
        self._arm()

    def _one(self) -> None:
        call = self._waiting.popleft()
        began = time.monotonic()
        try:
            call()
        except Exception:
            log.exception("a listener failed")
        took_s = time.monotonic() - began
        if took_s > SLOW_S and not self._told:
            self._told = True
            log.warning("a listener holds up the event loop", took_ms=round(1000 * took_s))
