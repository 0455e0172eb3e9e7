# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files of chosen calls, written while they run: SIP from what is kept of it anyway, RTP from the leg."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mediacore import Capture, Leg, MediaError, clock_us, pcap_head, siptrace_read
from sipagent.call import Call
from sipagent.config_seeing import Seeing
from sipagent.log import call_context, get_logger
from sipagent.routing.number import number_of
from sipagent.routing.pattern import Pattern
from sipagent.seeing.files import GrowingFile, Writer
from sipagent.seeing.pcap import merged, sip_packets
from sipagent.seeing.retention import sweep

log = get_logger(__name__)

TURN_S = 0.5
LATE_US = 2_000_000  # after the end: the answer to a BYE that is sent again
CLOSE_S = 2.0
SWEEP_S = 60.0  # between two looks at what is too old or too much
STUCK_US = 10_000_000  # a disk that takes so long for one write gets no further calls: each has memory of its own
DAY_S = 86400


class _Running:
    """One call's."""

    def __init__(self, call: Call, seeing: Seeing, path: Path) -> None:
        self.call, self.path = call, path
        self.rtp: Capture | None = None
        self.file = GrowingFile(path, pcap_head(), seeing.pcap_mb << 20)
        self.seen = 0  # number of the newest message in the file
        self.until_us = 0  # 0 = the call runs
        self.troubled = False
        self.told_full = False
        self.told_lost = 0
        if seeing.pcap_rtp != "none" and isinstance(call.leg, Leg):
            try:
                self.rtp = Capture(call.leg, whole=seeing.pcap_rtp == "packets")
            except MediaError as error:
                log.warning("no RTP in a capture", call=call.id, error=str(error))

    def packets(self) -> bytes:
        """Since the last time."""
        messages = siptrace_read(owner=self.call.id, after=self.seen)
        if messages:
            self.seen = messages[-1].number
        return merged(b"" if self.rtp is None else self.rtp.read(), sip_packets(messages))


class Captures:
    """On the event loop. Nothing here is ever a fault of a call's."""

    def __init__(self, seeing: Seeing) -> None:
        self._seeing = seeing
        self._wanted = [Pattern(text) for text in seeing.pcap_calls]
        self._running: dict[str, _Running] = {}
        self._task: asyncio.Task[None] | None = None
        self._writer: Writer | None = None
        self._asked_us = 0  # when the writer got what it is at; 0 = it is idle
        self._told_stuck = False
        self._swept_us = 0

    def open(self) -> None:
        """Old files go from now on, also while there is no call."""
        if self._seeing.pcap_dir is not None:
            self._start()

    @property
    def n_running(self) -> int:
        """Files that grow."""
        return len(self._running)

    def path_of(self, call_id: str) -> Path | None:
        """Where a call's file is, or would be; None: there are no files, or that is no id."""
        if self._seeing.pcap_dir is None or not call_id.isalnum():  # whoever asks may write anything
            return None
        return self._seeing.pcap_dir / f"{call_id}.pcap"

    def begin(self, call: Call) -> None:
        """A call began; it is captured if it was chosen. The file is named by our id, never by what a caller sent."""
        path = self.path_of(call.id)
        if path is None or not self._chosen(call):
            return
        if self._is_stuck():
            return
        self._running[call.id] = _Running(call, self._seeing, path)
        self._start()

    def end(self, call: Call) -> None:
        """It is over; what comes late is still taken."""
        if (running := self._running.get(call.id)) is not None:
            running.until_us = clock_us() + LATE_US

    async def close(self) -> None:
        """Writes what there is, unless the disk is too slow to wait for."""
        if self._task is None or self._writer is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        for running in self._running.values():
            running.until_us = 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._turn(self._writer), CLOSE_S)
        self._writer.stop()
        self._task = None

    def _start(self) -> None:
        if self._task is None:
            self._writer = Writer()
            no_call = contextvars.Context()  # it is not the first call's alone
            self._task = asyncio.get_running_loop().create_task(self._turns(self._writer), name="captures", context=no_call)

    def _is_stuck(self) -> bool:
        stuck = 0 < self._asked_us <= clock_us() - STUCK_US
        if stuck and not self._told_stuck:
            log.warning("capture files hang, new calls have none; see seeing.pcap_dir", path=str(self._seeing.pcap_dir))
        self._told_stuck = stuck
        return stuck

    def _chosen(self, call: Call) -> bool:
        names = [call.account, *(number_of(uri) for uri in (call.remote_uri, call.local_uri, call.request_uri) if uri)]
        return any(pattern.matches(name) for pattern in self._wanted for name in names)

    async def _turns(self, writer: Writer) -> None:
        while True:
            await self._sweep(writer)
            await asyncio.sleep(TURN_S)
            await self._turn(writer)

    async def _turn(self, writer: Writer) -> None:
        now_us = clock_us()
        for running in list(self._running.values()):
            over = 0 < running.until_us <= now_us
            if data := running.packets():
                self._tell(running, await self._run(writer, partial(_write, running.file, data)))
            if over:
                del self._running[running.call.id]
                await self._run(writer, partial(_close, running.file))

    async def _run(self, writer: Writer, work: Callable[[], OSError | None]) -> OSError | None:
        self._asked_us = clock_us()
        error = await writer.run(work)
        self._asked_us = 0
        return error

    async def _sweep(self, writer: Writer) -> None:
        folder, now_us = self._seeing.pcap_dir, clock_us()
        if folder is None or (self._swept_us and now_us - self._swept_us < SWEEP_S * 1e6):
            return
        self._swept_us = now_us
        days, growing = self._seeing.pcap_days, {running.path.name for running in self._running.values()}
        oldest_s = time.time() - days * DAY_S if days else 0.0

        def work() -> OSError | None:
            if removed := sweep(folder, growing, self._seeing.pcap_total_mb << 20, oldest_s):
                log.info("old capture files deleted", path=str(folder), files=removed)
            return None

        error = await self._run(writer, work)
        if error is not None and not isinstance(error, FileNotFoundError):  # it is made with the first file
            log.warning("old capture files can't be deleted; see seeing.pcap_dir", path=str(folder), error=str(error))

    @staticmethod
    def _tell(running: _Running, error: OSError | None) -> None:
        with call_context(running.call.id):
            if error is not None and not running.troubled:
                log.warning(
                    "capture can't be written, packets are lost; see seeing.pcap_dir", path=str(running.path), error=str(error)
                )
            running.troubled = error is not None
            if running.file.full and not running.told_full:
                running.told_full = True
                log.warning("capture is full, the rest of the call is not in it; see seeing.pcap_mb", path=str(running.path))
            lost = 0 if running.rtp is None else running.rtp.lost
            if lost and not running.told_lost:
                log.warning("capture has gaps: the disk was too slow", path=str(running.path), packets=lost)
            running.told_lost = lost


def _write(file: GrowingFile, data: bytes) -> OSError | None:
    file.write(data)
    return None


def _close(file: GrowingFile) -> OSError | None:
    file.close()
    return None
