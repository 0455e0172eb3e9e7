# SPDX-License-Identifier: GPL-3.0-or-later
"""How long to wait in a pause: by what is known of the turn so far, and by how this caller speaks. Without clock; microseconds.

What only seems complete by its words is a whole sentence, and half of the callers' pauses stand behind one. So it is waited for
longer than what is surely complete, until the caller has shown that he does not pause inside his turns.
"""

from __future__ import annotations

import enum

PAUSE_US = 200_000  # inside a turn; a shorter one is breath
WELL = 3  # turns without a pause in them; from then on the wait falls
STEP_US = 60_000


class Completeness(enum.Enum):
    """Of a turn so far."""

    SURE = "sure"  # the agent knows: a slot is filled
    LIKELY = "likely"  # by the form of its words, and by its sound if that was asked
    UNFINISHED = "unfinished"


class Rhythm:
    """Of one caller. `sure_ms` <= `likely_ms` <= `unfinished_ms`: silence that ends what is so complete; less than the
    one before it is taken for as much."""

    def __init__(self, sure_ms: int, likely_ms: int, unfinished_ms: int, *, adapts: bool) -> None:
        self._adapts = adapts
        self._sure_us = sure_ms * 1000
        self._most_us = max(self._sure_us, likely_ms * 1000)
        self._unfinished_us = max(self._most_us, unfinished_ms * 1000)
        self._likely_us = self._most_us
        self._well = 0

    def wait_us(self, judged: Completeness | None) -> int:
        """Silence that ends the turn. None: nothing is known yet."""
        if judged is Completeness.SURE:
            return self._sure_us
        return self._likely_us if judged is Completeness.LIKELY else self._unfinished_us

    def went_on(self, pause_us: int) -> None:
        """He paused and spoke on, in time or after he had been cut off."""
        if pause_us >= PAUSE_US:
            self._likely_us, self._well = self._most_us, -1  # the turn that this pause is in does not count

    def ended(self) -> None:
        """A turn was over, and nothing says that it was not."""
        self._well += 1
        if self._adapts and self._well >= WELL:
            self._likely_us = max(self._sure_us, self._likely_us - STEP_US)
