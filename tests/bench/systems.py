# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks' systems under test share: a loop that ends with standard input, and a result as the last line."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvloop

import mediacore

LOOPBACK = "127.0.0.1"
LAW: dict[str, Any] = {"codec": "PCMU", "clock": 8000, "pt": 0}


def run(main: Callable[[], Any], loop: str = "uvloop") -> None:
    """Runs the coroutine function `main` and prints what it returns."""
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        result = runner.run(main())
    used = resource.getrusage(resource.RUSAGE_SELF)
    result["cpu_s"] = round(used.ru_utime + used.ru_stime, 3)
    print(json.dumps(result), flush=True)


def say(text: str) -> None:
    print(text, flush=True)


async def input_ends() -> None:
    """Until standard input is closed; what comes on it is ignored."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def readable() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            ended.set()

    loop.add_reader(sys.stdin.fileno(), readable)
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())


async def input_lines() -> AsyncIterator[str]:
    """Of standard input, until it is closed."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()


class Legs:
    """A worker with `n` plain UDP legs that send to `port`."""

    def __init__(self, n: int, port: int, rate: int = 8000, tx_seconds: float = 60.0) -> None:
        self.worker = mediacore.Worker()
        self.worker.start()
        self.legs = [mediacore.Leg(self.worker, rate=rate, tx_seconds=tx_seconds, name=f"bench-{i}") for i in range(n)]
        self._remote = (LOOPBACK, port)

    def start(self) -> list[int]:
        """Ports of the legs."""
        asyncio.get_running_loop().add_reader(self.worker.fileno(), self.worker.drain)
        return [leg.start_udp(local=(LOOPBACK, 0), remote=self._remote, **LAW)[1] for leg in self.legs]

    def close(self) -> dict[str, Any]:
        stats = dict(self.worker.stats())
        asyncio.get_running_loop().remove_reader(self.worker.fileno())
        for leg in self.legs:
            leg.stop()
            leg.close()
        self.worker.stop()
        return {"worker": stats}
