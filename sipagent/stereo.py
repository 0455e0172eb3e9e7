# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the two sides of a call on one time line: pure arithmetic over blocks and times, no files and no clock.

A tap block carries what the human ear played (left) and what was sent (right) at one tick. The right side left then; the left
side had come in `left_delay_us` earlier and waited in the jitter buffer. Laid side by side untouched, every pause between a
caller's last word and the answer would read shorter than it was. So each side stands at its time on the wire.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

TOLERANCE_MS = 20  # an error up to this is left alone: contiguous sound beats exact sound
QUIET_TOLERANCE_MS = 5  # in silence nothing is torn, so the error can be small
PATIENCE_MS = 300  # an error beyond it waits so long for silence before sound is cut
HOLE_MS = 200  # an error beyond this can't wait: blocks were lost
MAX_DELAY_US = 2_000_000  # of a jitter buffer; more is a wrong number
QUIET = 328  # peak that passes for silence: 1 % of full scale, -40 dBFS


class Track:
    """One side. Holds samples that are placed and not yet taken."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._tolerance = rate * TOLERANCE_MS // 1000
        self._quiet_tolerance = rate * QUIET_TOLERANCE_MS // 1000
        self._patience = rate * PATIENCE_MS // 1000
        self._hole = rate * HOLE_MS // 1000
        self._off = 0  # samples that came while the error was too large
        self._parts: list[Samples] = []
        self.held = 0
        self.position = 0  # samples ever placed

    def place(self, pcm: Samples, want: int) -> None:
        """Adds `pcm`, whose first sample belongs at index `want`."""
        error = want - self.position
        self._off = self._off + len(pcm) if abs(error) > self._tolerance else 0
        first = self.position == 0
        must = self._off > self._patience or abs(error) > self._hole
        if first or must or (abs(error) > self._quiet_tolerance and _is_quiet(pcm)):
            pcm = self._anchor(pcm, error)
        self._put(pcm)

    def _anchor(self, pcm: Samples, error: int) -> Samples:
        if error >= 0:
            self._put(np.zeros(error, np.int16))
            return pcm
        return pcm[min(-error, len(pcm)) :]

    def _put(self, pcm: Samples) -> None:
        if len(pcm):
            self._parts.append(pcm)
            self.held += len(pcm)
            self.position += len(pcm)

    def take(self, n: int) -> Samples:
        """The oldest `n` samples, silence behind the last one."""
        held = np.concatenate(self._parts) if self._parts else np.zeros(0, np.int16)
        if n > len(held):
            held = np.concatenate([held, np.zeros(n - len(held), np.int16)])
        rest = held[n:]
        self._parts = [rest] if len(rest) else []
        self.held = len(rest)
        return held[:n]


def _is_quiet(pcm: Samples) -> bool:
    return len(pcm) == 0 or int(np.abs(pcm.astype(np.int32)).max()) <= QUIET


class StereoAligner:
    """Tap blocks in, s16le stereo on one time line out. Sample 0 is the moment `start_us`."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.start_us: int | None = None
        self._left = Track(rate)
        self._right = Track(rate)

    def feed(self, block: bytes, t_us: int, left_delay_us: int) -> bytes:
        """`block`: s16le interleaved, left = caller as played at `t_us`, right = sent then. Returns what is complete."""
        stereo = np.frombuffer(block, np.int16).reshape(-1, 2)
        delay = min(max(left_delay_us, 0), MAX_DELAY_US)
        if self.start_us is None:
            self.start_us = t_us - delay
        self._left.place(stereo[:, 0], self._index(t_us - delay))
        self._right.place(stereo[:, 1], self._index(t_us))
        return self._take(min(self._left.held, self._right.held))

    def finish(self) -> bytes:
        """What is left; the shorter side ends in silence."""
        return self._take(max(self._left.held, self._right.held))

    def _index(self, t_us: int) -> int:
        assert self.start_us is not None
        return round((t_us - self.start_us) * self.rate / 1e6)

    def _take(self, n: int) -> bytes:
        if n == 0:
            return b""
        return np.stack([self._left.take(n), self._right.take(n)], axis=1).tobytes()
