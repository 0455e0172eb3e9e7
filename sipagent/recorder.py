# SPDX-License-Identifier: GPL-3.0-or-later
"""Stereo recording of a call: WAV, 16 bit, left = caller, right = bot, both at their time on the wire (see stereo.py).

The event loop only appends a tap block to a queue. A thread aligns and writes, and renews the header after each write, so the
file is a valid WAV at any moment and a killed process loses less than a second. A disk that is full or slow costs the
recording, never the call.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from pathlib import Path

from sipagent.log import get_logger
from sipagent.stereo import StereoAligner

log = get_logger(__name__)

HEADER_BYTES = 44
FLUSH_S = 0.25
QUEUE_BLOCKS = 1500  # 30 s of 20 ms blocks may wait for a slow disk; later ones are dropped and leave silence
MAX_DATA = 0xFFFFFFFF - HEADER_BYTES  # RIFF sizes are 32 bits


def wav_header(rate: int, channels: int, data_bytes: int) -> bytes:
    """The 44 bytes before 16-bit PCM (RIFF WAVE, format 1)."""
    frame = 2 * channels
    size = min(data_bytes, MAX_DATA)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", size + HEADER_BYTES - 8, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * frame, frame, 16, b"data", size),
    )


class Recorder:
    """One call's recording. `write` has the signature of Leg.on_tap and never blocks; `close` does, so call it off the loop."""

    def __init__(self, path: Path, rate: int) -> None:
        self.path = path
        self.dropped = 0  # blocks that the queue had no room for
        self.failed = False  # the disk refused; the file holds what was written before
        self._aligner = StereoAligner(rate)
        self._queue: deque[tuple[bytes, int, int]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"record-{path.stem}", daemon=True)
        self._thread.start()

    @property
    def start_us(self) -> int | None:
        """Monotonic time of the file's first sample; None before the first block was written."""
        return self._aligner.start_us

    def write(self, stereo_pcm: bytes, t_us: int, left_delay_us: int) -> None:
        """Queues one tap block."""
        if len(self._queue) >= QUEUE_BLOCKS:
            self.dropped += 1
        elif not self._stop.is_set() and not self.failed:
            self._queue.append((bytes(stereo_pcm), t_us, left_delay_us))

    def close(self) -> None:
        """Writes what is queued and ends the thread. Twice is harmless."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._record()
        except OSError as e:
            self.failed = True
            self._queue.clear()
            log.error("recording stopped", path=str(self.path), error=str(e))
        if self.dropped:
            log.warning("recording has holes: the disk was too slow", path=str(self.path), blocks=self.dropped)

    def _record(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        rate = self._aligner.rate
        with self.path.open("wb") as file:
            file.write(wav_header(rate, 2, 0))
            file.flush()
            size = 0
            stopped = False
            while not stopped:
                stopped = self._stop.wait(FLUSH_S)
                pcm = self._aligned()
                if stopped:
                    pcm += self._aligner.finish()
                if pcm:
                    file.seek(HEADER_BYTES + size)
                    size += file.write(pcm)
                    file.flush()  # samples first: the header never promises what is not there
                    file.seek(0)
                    file.write(wav_header(rate, 2, size))
                    file.flush()

    def _aligned(self) -> bytes:
        parts = []
        while self._queue:
            parts.append(self._aligner.feed(*self._queue.popleft()))
        return b"".join(parts)
