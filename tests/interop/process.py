# SPDX-License-Identifier: GPL-3.0-or-later
"""A program started by a test: its output in a file, stopped by its own pid, its last words in every failure."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


class PeerError(Exception):
    """A program did not do what the test needs; the text ends with what it printed."""


def until(what: str, done: Callable[[], object], within_s: float, every_s: float = 0.05) -> None:
    """Waits for another program to reach a state that can only be polled."""
    end = time.monotonic() + within_s
    while not done():
        if time.monotonic() > end:
            raise PeerError(f"not within {within_s} s: {what}")
        time.sleep(every_s)


class Process:
    """One child process. Use as a context manager or call stop(). `ask`: it reads commands, see say()."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, ask: bool = False
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            self._child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE if ask else subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def say(self, line: str) -> None:
        """A line on its standard input."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{line}\n".encode())
        self._child.stdin.flush()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 30) -> str:
        return f"--- {self.name}, {self.log}:\n" + "\n".join(self.output().splitlines()[-lines:])

    def until(self, what: str, done: Callable[[], object], within_s: float = 10.0) -> None:
        """Waits until `done()`; PeerError with the program's output when it ends first or the time is over."""
        try:
            until(what, lambda: not self.running or done(), within_s)
        except PeerError as error:
            raise PeerError(f"{self.name}: {error}\n{self.tail()}") from None
        if not self.running and not done():
            raise PeerError(f"{self.name} ended with {self._child.returncode} before: {what}\n{self.tail()}")

    def wait(self, within_s: float) -> int:
        """Waits for the program's own end; returns its exit code."""
        try:
            return self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise PeerError(f"{self.name} still ran after {within_s} s\n{self.tail()}") from None

    def stop(self, within_s: float = 10.0) -> int:
        """SIGTERM, then SIGKILL; returns the exit code."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        if self.running:
            self._child.terminate()
            try:
                self._child.wait(within_s)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        return self._child.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
