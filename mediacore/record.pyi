# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable
from os import PathLike
from typing import Any, Final, TypedDict

from mediacore.port import Port

RECORD_FORMATS: Final[tuple[str, ...]]

class RecordingStats(TypedDict):
    samples: int  # of each side, silence included
    lost: int  # of them, silence in the place of what the disk did not take in time
    bytes: int  # of the file
    errors: int  # writes that failed; each is tried again
    error: str | None  # why the last one did; None = all is well
    done: bool  # the file is complete, and closed

class Recorder:
    """The one C thread that writes all recordings of the process. Only it waits for disks."""

    on_error: Callable[[Any, Exception], object]
    """(recording, exception): an on_change raised."""

    def __init__(self) -> None: ...
    def fileno(self) -> int:
        """An eventfd, readable when a recording has news: loop.add_reader(recorder.fileno(), recorder.drain)."""
    def drain(self) -> int:
        """Calls on_change of those that have news; returns how many."""
    def close(self) -> None:
        """Stops the recordings that still run and waits until their files are complete, however slow the disk is. Safe to call
        twice."""

class Recording:
    """A leg's two sides in one file, each at its time on the wire: left = human ear, at its arrival; right = what was sent.
    Main thread.

    What is missing (before the first packet, between packets, paused, lost to a slow disk) is silence of its length. A killed
    process leaves a file that plays, and loses its last second at most."""

    on_change: Callable[[Recording], object] | None
    """From Recorder.drain, when samples were lost for the first time, when writing failed or works again, and when done."""

    def __init__(
        self,
        recorder: Recorder | None,
        leg: Port,
        path: str | PathLike[str],
        format: str = "wav",
        *,
        start_us: int | None = None,
    ) -> None:
        """Begins at once. Its directory exists; a file of that name is overwritten; a disk that refuses is tried again.
        format: one of RECORD_FORMATS: "wav" (16-bit PCM; RF64 beyond 4 GB) or "opus" (RFC 7845).
        A VirtualLeg's has no recorder (None): it begins at start_us of virtual time, and is written by turn().
        StateError: the leg is recorded already, or closed. ArgumentError: what can't be."""
    @property
    def path(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def rate(self) -> int:
        """Samples a second and side."""
    @property
    def start_us(self) -> int:
        """Monotonic time of the file's first sample."""
    @property
    def paused(self) -> bool: ...
    @property
    def done(self) -> bool: ...
    def pause(self) -> None:
        """Nothing that is heard or sent from the next tick on (20 ms) is stored; silence stands in its place."""
    def resume(self, *, now_us: int | None = None) -> None:
        """now_us: the virtual time, of a VirtualLeg's recording. What was on the wire before stays unheard."""
    def stop(self) -> None:
        """Nothing more is recorded; the file is complete when `done`. Does not wait for a disk."""
    def turn(self, now_us: int) -> None:
        """In virtual time: writes what came."""
    def stats(self) -> RecordingStats: ...
