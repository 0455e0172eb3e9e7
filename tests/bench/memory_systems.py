# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems under test of `memory`: hold legs that talk, and say how much memory the process has.

    python -m tests.bench.memory_systems SYSTEM FEW MANY SECONDS
    python -m tests.bench.memory_systems open-close 0 TIMES 0

pcmu, opus   our core: legs in pairs that send to each other; each frame comes to Python and is written back
uvloop-udp   asyncio.DatagramProtocol on uvloop, one idle socket a call, no codec, clock or rings
open-close   legs opened, started, heard and closed one after another: what is left of each

Only anonymous memory is counted: what the process wrote, not the files that it has mapped."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import sys
from pathlib import Path
from typing import Any

import mediacore
from tests.bench.echo_systems import UdpEcho
from tests.bench.systems import LAW, LOOPBACK, run

OPUS = {"codec": "opus", "clock": 48000, "pt": 111}
RATE = 16000  # what the switch gives its engines
SPEECH_S = 0.2  # that wanders from leg to leg and back
WARM_UP = 0.1  # of the openings and closings


def anonymous(pid: int | None = None) -> int:
    """Bytes that a process, this one if it is not named, alone has written to."""
    gc.collect()
    found = re.search(r"Anonymous: +(\d+) kB", Path(f"/proc/{pid or 'self'}/smaps_rollup").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


def echoing(leg: mediacore.Leg) -> mediacore.Leg:
    write = leg.write

    def on_audio(pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        write(pcm)

    leg.on_audio = on_audio
    return leg


def noise(seconds: float) -> bytes:
    """Loud enough that no encoder takes it for silence."""
    state, out = 1, bytearray()
    for _ in range(int(seconds * RATE)):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out += (((state >> 16) & 0x1FFF) - 0x1000).to_bytes(2, "little", signed=True)
    return bytes(out)


class Pairs:
    """Legs that talk to each other two by two."""

    def __init__(self, codec: dict[str, Any]) -> None:
        self.worker = mediacore.Worker()
        self.worker.start()
        self._codec = codec
        self.legs: list[mediacore.Leg] = []
        asyncio.get_running_loop().add_reader(self.worker.fileno(), self.worker.drain)

    def grow_to(self, n: int) -> None:
        speech = noise(SPEECH_S)
        while len(self.legs) < n:
            a, b = (echoing(mediacore.Leg(self.worker, rate=RATE)) for _ in range(2))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as place:  # keeps the second leg's port free
                place.bind((LOOPBACK, 0))
                there = int(place.getsockname()[1])
                at = a.start_udp(local=(LOOPBACK, 0), remote=(LOOPBACK, there), **self._codec)
            b.start_udp(local=(LOOPBACK, there), remote=at, **self._codec)
            a.write(speech)
            self.legs += [a, b]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.worker.fileno())
        for leg in self.legs:
            leg.close()
        self.worker.close()


async def legs(codec: dict[str, Any], few: int, many: int, seconds: float) -> dict[str, Any]:
    pairs = Pairs(codec)
    used = []
    for n in (few, many):
        pairs.grow_to(n)
        await asyncio.sleep(seconds)
        used.append(anonymous())
    heard = [leg.counters()["ear_frames"] for leg in pairs.legs]
    pairs.close()
    return {"bytes_per_leg": (used[1] - used[0]) / (many - few), "least_frames_heard": min(heard)}


async def udp(few: int, many: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    ends: list[asyncio.BaseTransport] = []
    used = []
    for n in (few, many):
        while len(ends) < n:
            ends.append((await loop.create_datagram_endpoint(UdpEcho, local_addr=(LOOPBACK, 0)))[0])
        used.append(anonymous())
    for end in ends:
        end.close()
    return {"bytes_per_leg": (used[1] - used[0]) / (many - few)}


async def open_close(times: int) -> dict[str, Any]:
    worker = mediacore.Worker()
    worker.start()
    heard = 0

    def on_event(kind: int, a: int, b: int, t_us: int) -> None:
        nonlocal heard
        heard += 1

    marks = [int(times * WARM_UP), times]
    used = []
    for i in range(1, times + 1):
        leg = echoing(mediacore.Leg(worker, rate=RATE, name=f"leg-{i}"))
        leg.on_event = on_event
        leg.start_udp(local=(LOOPBACK, 0), remote=(LOOPBACK, 9), **LAW)
        leg.write(bytes(640))
        leg.stop()
        worker.drain()
        leg.close()
        if i in marks:
            used.append(anonymous())
    worker.close()
    if heard < times:
        raise RuntimeError(f"{heard} events of {times} legs")
    left = {name: n for name, n in mediacore.live().items() if n}
    return {"bytes_left_per_leg": (used[1] - used[0]) / (marks[1] - marks[0]), "objects_left": left}


async def main() -> dict[str, Any]:
    system, few, many, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    if system == "open-close":
        return await open_close(many)
    if system == "uvloop-udp":
        return await udp(few, many)
    return await legs({"pcmu": LAW, "opus": OPUS}[system], few, many, seconds)


if __name__ == "__main__":
    run(main)
