# SPDX-License-Identifier: GPL-3.0-or-later
"""Digits to a peer that takes no telephone-events: one SIP INFO each (application/dtmf-relay), one after the other. A peer that
answers 415 gets application/dtmf, the digit alone, from then on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"
MOST = 64  # that may wait

Send = Callable[[str, str], None]  # content type and body of an INFO; raises when it can't go


class InfoDigits:
    """The digits of one call. `send` sends a request, `final` tells what was answered. `send` is not kept: it belongs to
    the call that keeps this."""

    def __init__(self) -> None:
        self._kind = RELAY
        self._waiting: deque[tuple[str, int]] = deque()
        self._busy = False

    def queue(self, digits: str, ms: int, send: Send) -> bool:
        """False: too many wait already; none was taken."""
        if len(self._waiting) + len(digits) > MOST:
            return False
        self._waiting.extend((digit, ms) for digit in digits)
        self._next(send)
        return True

    def final(self, code: int, send: Send) -> None:
        """The final response to the request that was sent last. A digit that was refused is not repeated."""
        self._busy = False
        if code == 415 and self._kind == RELAY:
            self._kind = PLAIN
        elif self._waiting:
            self._waiting.popleft()
        self._next(send)

    def _next(self, send: Send) -> None:
        if self._busy or not self._waiting:
            return
        digit, ms = self._waiting[0]
        self._busy = True
        try:
            send(self._kind, f"Signal={digit}\r\nDuration={ms}\r\n" if self._kind == RELAY else digit)
        except Exception:
            self._busy = False
            self._waiting.clear()
            raise
