# SPDX-License-Identifier: GPL-3.0-or-later
"""PJSIP's own log lines, through a pipe into ours. PJSIP logs from several threads, so it must not call Python to do it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re

from sipagent.log import call_context, get_logger

log = get_logger("pjsip")

PIPE_BYTES = 1 << 20  # room for a second of the chattiest level while the loop is busy
LOG_DECOR = 2048 | 128 | 64  # PJ_LOG_HAS_LEVEL_TEXT, _NEWLINE, _SENDER
_LINE = re.compile(r"^call=(?P<call>\S*)\s+(?P<level>FATAL|ERROR|WARN|INFO|DEBUG|TRACE):\s*(?P<text>.*)$")
_LEVELS = {"FATAL": logging.ERROR, "ERROR": logging.ERROR, "WARN": logging.WARNING, "INFO": logging.INFO}


class StackLog:
    """Give `path` to PJSIP as its log file, between `open` and `close`. Both on the loop's thread."""

    def __init__(self) -> None:
        self._read = -1
        self._write = -1
        self._rest = b""

    @property
    def path(self) -> str:
        """A name under which PJSIP can open the pipe."""
        return f"/proc/self/fd/{self._write}"

    def open(self) -> None:
        """Makes the pipe and reads it from now on."""
        self._read, self._write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read, False)
        with contextlib.suppress(OSError):  # the usual 64 KiB will do where more is not allowed
            fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        asyncio.get_running_loop().add_reader(self._read, self._pump)

    def close(self) -> None:
        """Logs what is left and lets the pipe go. PJSIP must have closed its end."""
        if self._read < 0:
            return
        asyncio.get_running_loop().remove_reader(self._read)
        self._pump()
        os.close(self._write)
        os.close(self._read)
        self._read = self._write = -1

    def _pump(self) -> None:
        try:
            data = os.read(self._read, 1 << 16)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            match = _LINE.match(text)  # what doesn't match was said before our own log function stood (csrc/pjsip/start.c)
            if match is not None:
                with call_context(match["call"]):
                    log.log(_LEVELS.get(match["level"], logging.DEBUG), "stack", line=match["text"])
            elif text:
                log.debug("stack", line=text)
