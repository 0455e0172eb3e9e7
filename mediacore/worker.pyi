# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable
from typing import Any, TypedDict

class WorkerStats(TypedDict):
    legs: int  # that exist, started or not
    ticks: int  # visits of phase buckets that had legs
    late_max_us: int  # of those visits, behind the grid
    late_sum_us: int
    overruns: int  # visits more than 20 ms late
    rx_packets: int
    tx_packets: int
    rx_dropped: int
    tx_dropped: int
    wakeups: int  # of the thread
    signals: int  # times that it made fileno() readable: one for all that came in a 2 ms bucket, when there is much
    fifo: bool  # SCHED_FIFO was granted
    cpu: int
    last_tick_us: int  # last turn of the loop; at most 100 ms old while it lives and gets CPU

def live() -> dict[str, int]:
    """Native objects that exist now, {"legs", "socks", "workers", "sinks", "recordings"}: all zero when all was closed."""

def clock_us() -> int:
    """CLOCK_MONOTONIC in microseconds: the clock of every time in this package."""

def report(leg: object, exc: BaseException) -> None:
    """Default of Worker.on_error: sys.unraisablehook."""

class Worker:
    """One media worker thread: polls the RTP sockets, runs the 20 ms clock. Never takes the GIL."""

    on_error: Callable[[Any, Exception], object]
    """(leg, exception): a handler of a leg raised. The other legs are served all the same."""

    def __init__(self, *, cpu: int = -1, fifo: bool = True, max_legs: int = 4096) -> None:
        """cpu: processor to be pinned to, -1 = anywhere. fifo: ask for SCHED_FIFO; stats()["fifo"] says if it was
        granted."""
    @property
    def cpu(self) -> int: ...
    def start(self) -> None:
        """StateError when it ran before."""
    def stop(self) -> None:
        """Joins the thread; legs go silent. Safe to call twice."""
    def close(self) -> None:
        """Stops and lets go. Safe to call twice."""
    def fileno(self) -> int:
        """An eventfd, readable when legs have something: loop.add_reader(worker.fileno(), worker.drain)."""
    def drain(self) -> int:
        """Delivers everything pending to the legs' handlers; returns the number of items. Main thread."""
    def stats(self) -> WorkerStats: ...
    def install_seam(self, *, suppress_silence: bool = False, opus_max_bitrate: int = 0, opus_cbr: bool = False) -> None:
        """The signalling stack's legs run on this worker from now on. suppress_silence: they may rest in pauses, so SDP offers
        comfort noise (RFC 3389) and Opus DTX and takes them when offered. opus_*: what peers' encoders are asked for, average
        bit/s (0 = nothing) and a constant rate (RFC 7587 section 6.1)."""
    def uninstall_seam(self) -> None: ...
