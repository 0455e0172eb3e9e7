# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that grow on a disk that may be full, slow or away, written by one thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path


class GrowingFile:
    """On the writer's thread. What can't be written is told and dropped; what is there stays whole."""

    def __init__(self, path: Path, head: bytes, most: int) -> None:
        self._path, self._head, self._most = path, head, most
        self._fd = -1
        self._size = 0
        self.full = False  # it has `most` bytes

    def write(self, data: bytes) -> None:
        """All of it, or OSError and nothing."""
        if self.full:
            return
        if self._fd < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        if self._size == 0:
            data = self._head + data
        if self._size + len(data) > self._most:
            self.full = True
            return
        done = 0
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], self._size + done)
        self._size += done

    def close(self) -> None:
        """Without the rest of what was not written whole."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            os.close(self._fd)
            self._fd = -1


class Writer:
    """One thread, which may hang on its disk: nobody waits for it but whoever asked, and the process ends without it."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._main, name="capture", daemon=True).start()

    def run(self, work: Callable[[], OSError | None]) -> asyncio.Future[OSError | None]:
        """Runs it there."""
        future: asyncio.Future[OSError | None] = self._loop.create_future()

        def job() -> None:
            try:
                error = work()
            except OSError as exc:
                error = exc
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits
                self._loop.call_soon_threadsafe(_settle, future, error)

        self._jobs.put(job)
        return future

    def stop(self) -> None:
        """After what is queued."""
        self._jobs.put(None)

    def _main(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _settle(future: asyncio.Future[OSError | None], error: OSError | None) -> None:
    if not future.done():
        future.set_result(error)
