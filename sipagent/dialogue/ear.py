# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine ear's frames on one time line: audio by sample index, and when each sample was on the wire."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sipagent.engines.base import Vad, VadStream

PREROLL_MS = 600  # kept before the present while nobody speaks: the voice detector is late and onsets are soft
MAX_GAP_MS = 5000  # a longer hole in the samples is a new start


class Ear:
    """Takes Leg.on_audio. `on_window(start, end, probability)` gets each judged window, in samples of the leg."""

    def __init__(self, rate: int, vad: Vad, on_window: Callable[[int, int, float], None]) -> None:
        self.rate = rate
        self.end = 0  # index one past the newest sample
        self.last_arrival_us = 0
        self.keep: int | None = None  # first sample that must not be forgotten
        self._vad = vad
        self._on_window = on_window
        self._stream: VadStream | None = None
        self._origin = 0  # index of the first sample given to the voice detector
        self._judged = 0
        self._pcm = bytearray()
        self._packets: deque[tuple[int, int]] = deque()  # (index of first sample, arrival)

    def on_audio(self, pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        """One packet, or the stand-in for a lost one."""
        if self._stream is None or abs(index - self.end) > self.rate * MAX_GAP_MS // 1000:
            self._restart(index)
        stream = self._stream
        assert stream is not None
        if index < self.end:
            pcm = pcm[2 * (self.end - index) :]
        elif index > self.end:
            pcm = bytes(2 * (index - self.end)) + pcm
        self._packets.append((index, arrival_us))
        if not lost:
            self.last_arrival_us = arrival_us
        self._pcm += pcm
        self.end += len(pcm) // 2
        self._forget()
        stream.feed(pcm)

    def slice(self, start: int, end: int) -> bytes:
        """Samples [start, end) as far as they are held."""
        base = self.end - len(self._pcm) // 2
        return bytes(self._pcm[2 * max(0, start - base) : 2 * max(0, end - base)])

    def wire_us(self, index: int) -> int:
        """When sample `index` was on the wire: its packet's arrival plus its place in the packet."""
        for first, arrival in reversed(self._packets):
            if first <= index:
                return arrival + (index - first) * 1_000_000 // self.rate
        first, arrival = self._packets[0]
        return arrival - (first - index) * 1_000_000 // self.rate

    def close(self) -> None:
        """No window comes after this."""
        if self._stream is not None:
            self._stream.close()

    def _restart(self, index: int) -> None:
        self.close()
        self._stream = self._vad.stream(self.rate, self._window)
        self._origin = self._judged = self.end = index
        self.keep = None
        self._pcm.clear()
        self._packets.clear()

    def _window(self, fed: int, probability: float) -> None:
        start, self._judged = self._judged, self._origin + fed
        self._on_window(start, self._judged, probability)

    def _forget(self) -> None:
        preroll = self.rate * PREROLL_MS // 1000
        if len(self._pcm) < 4 * preroll:
            return
        limit = self.end - preroll if self.keep is None else min(self.keep, self.end - preroll)
        base = self.end - len(self._pcm) // 2
        if limit - base < preroll // 2:
            return
        del self._pcm[: 2 * (limit - base)]
        while len(self._packets) > 1 and self._packets[1][0] <= limit:
            self._packets.popleft()
