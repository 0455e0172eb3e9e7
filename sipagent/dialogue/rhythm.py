# SPDX-License-Identifier: GPL-3.0-or-later
"""How long this caller's pauses are inside what he says: whoever speaks with long ones is given time, whoever speaks briskly is
answered sooner. Without clock; microseconds.

Only pauses behind something that sounded complete are learned from: behind an unfinished sentence the longer wait holds
anyway. Bounded by LEAST of what is configured and by the wait for an unfinished sentence.
"""

from __future__ import annotations

LEAST = 0.8
MARGIN = 1.25  # over the pause that would have been taken for the end
FALL = 0.2  # of the way back with each turn that ended well
BRISK_TURNS = 3  # that ended well in a row; from then on a little less each time
BRISK_STEP = 0.05


class Rhythm:
    """Of one caller. `complete_ms`, `incomplete_ms`: silence that ends what sounds complete, and what does not."""

    def __init__(self, complete_ms: int, incomplete_ms: int, *, adapts: bool) -> None:
        self._adapts = adapts
        self._base = float(complete_ms * 1000)
        self.incomplete_us = max(complete_ms, incomplete_ms) * 1000
        self._now = self._base
        self._well = 0

    @property
    def complete_us(self) -> int:
        """Silence that ends what sounds complete."""
        return round(self._now)

    def went_on(self, pause_us: int) -> None:
        """He spoke on after a pause behind something complete, in time or after he had been cut off. A longer one than behind
        an unfinished sentence was no pause: he grew impatient."""
        want = min(MARGIN * pause_us, self.incomplete_us)
        if not self._adapts or want <= self._now or pause_us >= self.incomplete_us:
            return
        self._well = 0
        self._now = want  # at once: nobody wants to be cut off twice

    def ended(self) -> None:
        """A turn was over, and nothing says that it was not."""
        if not self._adapts:
            return
        self._well += 1
        if self._now > self._base:
            self._now -= FALL * (self._now - self._base)
        elif self._well > BRISK_TURNS:
            self._now = max(LEAST * self._base, self._now - BRISK_STEP * self._base)
