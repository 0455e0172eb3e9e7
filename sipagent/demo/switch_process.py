# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch as the demo starts it: `sipagent serve` as a process of its own, spoken to over its HTTP API."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

READY_S = 120.0  # models are loaded from a cold disk
STOP_S = 20.0


class SwitchFailed(RuntimeError):
    """The switch did not come up; the text has its last words."""


def configuration(*, host: str, sip_port: int, api_port: int, store: Path, voice: str) -> str:
    """TOML for the demo's switch."""
    return "\n".join(
        [
            "[[sip.listen]]",
            f'host = "{host}"',
            f"port = {sip_port}",
            "[api]",
            f"port = {api_port}",
            "[dialogue]",
            'agent = "reception"',
            "[engines]",
            f'tts = "{voice}"',
            "[store]",
            f"dir = {json.dumps(str(store))}",
            "record = true",
            "",
        ]
    )


class SwitchProcess:
    """Up from entering to leaving the context."""

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self._log = log
        self.sip = ""  # "127.0.0.1:5060"
        self.api = ""  # "http://127.0.0.1:8080"

    async def __aenter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sipagent", "serve", "-c", str(self._config)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(READY_S):
                while line := (await self._process.stdout.readline()).decode():
                    if found := re.match(r"ready: udp:([^,]+), (http://[^;]+);", line):
                        self.sip, self.api = found[1], found[2]
                        return self
                await self._process.wait()
        except TimeoutError:
            pass
        await self._stop()
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
        raise SwitchFailed(f"the switch did not come up; its last words ({self._log}):\n{tail}")

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        await self._stop()

    async def wait(self) -> int:
        """Until it ends by itself."""
        return await self._process.wait()

    async def get(self, path: str) -> Any:
        """JSON of a GET; None when there is no such thing."""
        return await asyncio.to_thread(_get, self.api + path)

    async def _stop(self) -> None:
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as e:
        if e.code == 404:
            return None
        raise
