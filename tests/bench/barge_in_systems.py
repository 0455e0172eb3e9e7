# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems under test of `barge-in`, decision to silence: each speaks with ten seconds queued, and now and then Python decides
that it must be silent.

    python -m tests.bench.barge_in_systems leg TRIALS CALLS        prints "ready", then reads a line of ports, one for each call
    python -m tests.bench.barge_in_systems asterisk TRIALS CALLS   prints "sip USER PORT" and a line for each call that comes

leg       the speech waits in the output ring, the decision is leg.flush()
asterisk  AudioSocket has no queue that a bot could flush: the bot itself keeps time, a frame each 20 ms, and stops

The result is [decided, over] of each trial by call, nanoseconds since the epoch as the generator's stamps are. pipecat, in a
Python of its own, does the same in tests/bench/peers/pipecat_bot.py.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mediacore
from tests.bench.peers.asterisk import Asterisk
from tests.bench.peers.audiosocket import FRAME_BYTES, AudioSocket
from tests.bench.systems import LAW, LOOPBACK, run, say

QUEUED_S = 10.0
SPEAK_S = (0.3, 0.5)
QUIET_S = 0.4  # after the decision; what sounds then was not stopped
FRAME_S = 0.02
RATE = 8000

Trials = list[tuple[int, int]]


def speech() -> bytes:
    """s16le, never silent."""
    return np.random.default_rng(1).integers(-8000, 8000, round(QUEUED_S * RATE), dtype=np.int16).tobytes()


async def trials(n: int, seed: int, speak: Callable[[], object], stop: Callable[[], object]) -> Trials:
    rng = random.Random(seed)
    out = []
    for _ in range(n):
        speak()
        await asyncio.sleep(rng.uniform(*SPEAK_S))
        decided = time.time_ns()
        stop()
        await asyncio.sleep(QUIET_S)
        out.append((decided, time.time_ns()))
    return out


async def legs(n: int) -> list[Trials]:
    say("ready")
    ports = [int(port) for port in sys.stdin.readline().split()]
    worker = mediacore.Worker()
    worker.start()
    asyncio.get_running_loop().add_reader(worker.fileno(), worker.drain)
    pcm = speech()
    mine = [mediacore.Leg(worker, rate=RATE, tx_seconds=QUEUED_S + 1, name=f"bench-{port}") for port in ports]

    async def one(leg: mediacore.Leg, port: int) -> Trials:
        leg.start_udp(local=(LOOPBACK, 0), remote=(LOOPBACK, port), **LAW)
        await asyncio.sleep(0.2)
        return await trials(n, port, lambda: leg.write(pcm), leg.flush)

    try:
        return await asyncio.gather(*map(one, mine, ports))
    finally:
        for leg in mine:
            leg.close()
        worker.close()


class Paced(AudioSocket):
    """A bot that sends a frame each 20 ms, planned from the first one: its speech, or silence, for Asterisk hangs up on a bot
    that sends nothing for 2 s."""

    def __init__(self, arrived: Callable[[Paced], object]) -> None:
        super().__init__()
        self._arrived = arrived
        self._pcm = memoryview(b"")
        self._at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._at = asyncio.get_running_loop().time()
        self._tick()
        self._arrived(self)

    def audio_received(self, pcm: bytes) -> None:
        """Nobody listens."""

    def speak(self, pcm: bytes) -> None:
        self._pcm = memoryview(pcm)

    def stop(self) -> None:
        self._pcm = memoryview(b"")

    def _tick(self) -> None:
        if not self.transport.is_closing():
            self.send_audio(bytes(self._pcm[:FRAME_BYTES]) or bytes(FRAME_BYTES))
            self._pcm = self._pcm[FRAME_BYTES:]
            self._at += FRAME_S
            asyncio.get_running_loop().call_at(self._at, self._tick)


async def asterisk(n: int, n_calls: int) -> list[Trials]:
    arrived: asyncio.Queue[Paced] = asyncio.Queue()
    server = await asyncio.get_running_loop().create_server(lambda: Paced(arrived.put_nowait), LOOPBACK, 0)
    pcm = speech()
    with tempfile.TemporaryDirectory() as room:
        pbx = Asterisk(Path(room), server.sockets[0].getsockname()[1], calls=n_calls)
        try:
            pbx.start()
            say(f"sip audiosocket {pbx.sip_port}")
            calls: list[Paced] = []
            while len(calls) < n_calls:
                calls.append(await arrived.get())
                say("call")
            return await asyncio.gather(
                *(trials(n, seed, lambda call=call: call.speak(pcm), call.stop) for seed, call in enumerate(calls))  # type: ignore[misc]
            )
        finally:
            pbx.stop()
            server.close()


async def main() -> dict[str, Any]:
    system, n, n_calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    return {"trials": await (legs(n) if system == "leg" else asterisk(n, n_calls))}


if __name__ == "__main__":
    run(main)
