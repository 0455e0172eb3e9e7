# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems under test of `frame-latency` and `g711`: each sends back what it hears.

    python -m tests.bench.echo_systems SYSTEM CALLS PORT

leg-python  our core; each frame comes to Python as PCM, Python swaps its halves and writes it back
leg-swap    the same, without taking the time of each frame
leg-null    our core alone: the same sockets, decoder, rings, encoder and clock, no Python in the path
leg-turns   leg-swap or leg-null, whatever the last line of standard input said (tests.bench.turns)
uvloop-udp  asyncio.DatagramProtocol on uvloop, one socket a call; the datagram's payload is swapped, nothing decoded, no clock
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, cast

import numpy as np

import mediacore
from tests.bench.systems import LOOPBACK, Legs, input_ends, input_lines, run, say

HEADER = 12
HALF_BYTES = 160  # half of a 20 ms frame of PCM at 8 kHz
HALF_PAYLOAD = 80


def swapping(leg: mediacore.Leg, took_us: list[int]) -> Callable[[bytes, int, int, bool], None]:
    """The handler of one leg. `took_us`: from the packet's arrival in the worker to the sample ring having it back."""
    clock, write, note = mediacore.clock_us, leg.write, took_us.append

    def on_audio(pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        write(pcm[HALF_BYTES:] + pcm[:HALF_BYTES])
        note(clock() - arrival_us)

    return on_audio


def plainly_swapping(leg: mediacore.Leg) -> Callable[[bytes, int, int, bool], None]:
    """The same, and nothing else."""
    write = leg.write

    def on_audio(pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        write(pcm[HALF_BYTES:] + pcm[:HALF_BYTES])

    return on_audio


async def leg_echo(n: int, port: int, how: str) -> dict[str, Any]:
    legs = Legs(n, port)
    took_us: list[int] = []
    for leg in legs.legs:
        if how == "leg-null":
            leg.echo_native(True)
        elif how == "leg-swap":
            leg.on_audio = plainly_swapping(leg)
        else:
            leg.on_audio = swapping(leg, took_us)
    say(" ".join(map(str, legs.start())))
    await input_ends()
    result: dict[str, Any] = legs.close()
    if took_us:
        result["inside_us"] = {f"p{q:g}": float(np.percentile(took_us, q)) for q in (50, 99)}
    return result


def turn(legs: list[mediacore.Leg], how: str) -> None:
    """Every leg becomes `how`. What was under way gets lost, or stays in the output ring and delays what follows by a frame."""
    for leg in legs:
        if how == "leg-null":
            leg.echo_native(True)
            leg.on_audio = None
        else:
            leg.on_audio = plainly_swapping(leg)
            leg.echo_native(False)


async def leg_turns(n: int, port: int) -> dict[str, Any]:
    legs = Legs(n, port)
    say(" ".join(map(str, legs.start())))
    async for how in input_lines():
        turn(legs.legs, how)
        say(how)
    return legs.close()


class UdpEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is one in all but name

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        middle = HEADER + HALF_PAYLOAD
        self.transport.sendto(data[:HEADER] + data[middle:] + data[HEADER:middle], addr)


async def udp_echo(n: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    ends = [await loop.create_datagram_endpoint(UdpEcho, local_addr=(LOOPBACK, 0)) for _ in range(n)]
    say(" ".join(str(t.get_extra_info("sockname")[1]) for t, _ in ends))
    await input_ends()
    for transport, _ in ends:
        transport.close()
    return {}


async def main() -> dict[str, Any]:
    system, n, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if system == "leg-turns":
        return await leg_turns(n, port)
    return await (udp_echo(n) if system == "uvloop-udp" else leg_echo(n, port, system))


if __name__ == "__main__":
    run(main)
