# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems under test of `pacing`: each sends 20 ms packets of speech that is ready beforehand.

    python -m tests.bench.pacing_systems SYSTEM CONDITION CALLS PORT SECONDS

leg      our core; the speech waits in the output ring, the media worker paces it
uvloop   one timer a call on an absolute grid and a sendto, the usual way to pace in asyncio, on uvloop
asyncio  the same on asyncio's own loop
asterisk-playback  Asterisk, a child of this process on the same core, plays the speech from a file to each that calls

quiet    nothing else runs
hog      a Python thread computes without end
held     every second a call holds the GIL for 500 ms, as a C extension that does not release it would
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np

from tests.bench.peers.asterisk import Asterisk
from tests.bench.systems import LOOPBACK, Legs, input_ends, run, say

HELD_US = 500_000
EVERY_S = 1.0
FRAME_S = 0.02
MARGIN_S = 8.0  # speech beyond the measured time


def disturb(condition: str, stop: threading.Event) -> None:
    """The body of a thread."""
    if condition == "hog":
        x = 0
        while not stop.is_set():
            for _ in range(10_000):
                x += 1
    elif condition == "held":
        held = ctypes.PyDLL(None).usleep  # PyDLL: calls with the GIL held
        while not stop.wait(EVERY_S):
            held(HELD_US)


def speech(seconds: float) -> bytes:
    """s16le at 8 kHz, never silent."""
    return np.random.default_rng(1).integers(-8000, 8000, int(seconds * 8000), dtype=np.int16).tobytes()


class TickSender(asyncio.DatagramProtocol):
    """Sends a packet every 20 ms, planned from the first one so that lateness does not add up."""

    def __init__(self, index: int, port: int) -> None:
        self._to = (LOOPBACK, port)
        self._loop = asyncio.get_running_loop()
        self._ssrc = index.to_bytes(4, "big")
        self._n = 0
        self._payload = bytes(range(160))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is one in all but name
        self._start = self._loop.time() + FRAME_S
        self._loop.call_at(self._start, self._tick)

    def _tick(self) -> None:
        if self.transport.is_closing():
            return
        n = self._n
        header = b"\x80\x00" + (n & 0xFFFF).to_bytes(2, "big") + (n * 160 & 0xFFFFFFFF).to_bytes(4, "big") + self._ssrc
        self.transport.sendto(header + self._payload, self._to)
        self._n += 1
        self._loop.call_at(self._start + self._n * FRAME_S, self._tick)


async def tick_senders(n: int, port: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    ends = []
    for i in range(n):
        ends.append(await loop.create_datagram_endpoint(lambda i=i: TickSender(i, port), local_addr=(LOOPBACK, 0)))  # type: ignore[misc]
        await asyncio.sleep(FRAME_S / n)
    say("sending")
    await input_ends()
    for transport, _ in ends:
        transport.abort()
    return {}


async def legs_sending(n: int, port: int, seconds: float) -> dict[str, Any]:
    legs = Legs(n, port, tx_seconds=seconds + MARGIN_S)
    pcm = speech(seconds + MARGIN_S)
    for leg in legs.legs:
        if leg.write(pcm) * 2 != len(pcm):
            raise RuntimeError("the output ring did not take the speech")
    legs.start()
    say("sending")
    await input_ends()
    return legs.close()


async def asterisk_playing(n: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as room:
        peer = Asterisk(Path(room), speech=speech(seconds + MARGIN_S), calls=n)
        try:
            peer.start()
            say(str(peer.sip_port))
            await input_ends()
        finally:
            peer.stop()
    return {}


async def main() -> dict[str, Any]:
    system, condition, n, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    stop = threading.Event()
    thread = threading.Thread(target=disturb, args=(condition, stop), daemon=True)
    thread.start()
    try:
        if system == "asterisk-playback":
            return await asterisk_playing(n, seconds)
        return await (legs_sending(n, port, seconds) if system == "leg" else tick_senders(n, port))
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    run(main, loop="asyncio" if sys.argv[1] == "asyncio" else "uvloop")
