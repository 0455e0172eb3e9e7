# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of calls on the event loop. The work is done by one native thread (csrc/record.h): here a recording begins, tells
what went wrong, and is waited for. A disk that is full or slow costs the recording, never the call."""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from pathlib import Path
from typing import Any

import mediacore
from sipagent.log import get_logger
from sipagent.media import MediaLeg

log = get_logger(__name__)

CLOSE_S = 10.0  # a disk that has not taken the rest by then is not waited for


class Recording:
    """One call's: left = caller, right = bot, both at their time on the wire."""

    def __init__(self, native: mediacore.Recording) -> None:
        self.path = Path(native.path)
        self.start_us = native.start_us  # monotonic time of the file's first sample
        self._native = native
        self._done = asyncio.Event()
        self._error: str | None = None
        self._lossy = False
        self._context = contextvars.copy_context()  # whose recording it is, for the log
        native.on_change = lambda native: self._context.run(self._changed, native)

    @property
    def done(self) -> bool:
        """The file is complete."""
        return self._done.is_set()

    def pause(self) -> None:
        """Nothing is stored from the next 20 ms on, and silence stands in its place."""
        self._native.pause()

    def resume(self) -> None:
        self._native.resume()

    def stop(self) -> None:
        """Records nothing more; `close` waits for the file."""
        self._native.stop()

    async def close(self) -> None:
        """Returns when the file is complete, or the disk too slow to wait for."""
        self._native.stop()
        try:
            await asyncio.wait_for(self._done.wait(), CLOSE_S)
        except TimeoutError:
            log.error("recording is not complete yet: the disk is too slow", path=str(self.path), waited_s=CLOSE_S)

    @property
    def lost_ms(self) -> int:
        """Silence so far in the place of what the disk did not take in time."""
        return round(self._native.stats()["lost"] * 1000 / self._native.rate)

    def notes(self) -> dict[str, Any]:
        """What the record of the call says about it."""
        stats = self._native.stats()
        return {
            "recording": str(self.path),
            "recording_start_us": self.start_us,
            "recording_lost_ms": self.lost_ms,
            "recording_error": stats["error"] if stats["done"] else "not complete",
        }

    def _changed(self, native: mediacore.Recording) -> None:
        stats = native.stats()
        if stats["error"] != self._error:
            self._error = stats["error"]
            if self._error is None:
                log.info("recording can be written again", path=str(self.path))
            else:
                log.error("recording can't be written; it is tried again", path=str(self.path), error=self._error)
        if stats["lost"] and not self._lossy:
            self._lossy = True
            log.warning("recording has holes: the disk was too slow or full", path=str(self.path))
        if stats["done"]:
            self._done.set()


class Recorder:
    """All recordings of the process. Made on the event loop, and closed there."""

    def __init__(self) -> None:
        self._native = mediacore.Recorder()
        self._recordings: weakref.WeakSet[Recording] = weakref.WeakSet()  # the native one keeps those that run
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._native.fileno(), self._native.drain)

    def start(self, leg: MediaLeg, path: Path, file_format: str) -> Recording:
        """Begins a recording of a native leg. A path that can't be written shows in log and notes, and is tried again."""
        if not isinstance(leg, mediacore.Leg):
            raise TypeError(f"only a mediacore.Leg can be recorded, not {type(leg).__name__}")
        recording = Recording(mediacore.Recording(self._native, leg, path, file_format))
        self._recordings.add(recording)
        return recording

    async def close(self) -> None:
        """Ends what still runs. Files that a disk does not take are left to the native thread."""
        running = [r for r in self._recordings if not r.done]
        await asyncio.gather(*(recording.close() for recording in running))
        self._loop.remove_reader(self._native.fileno())
        if all(recording.done for recording in running):
            self._native.close()
