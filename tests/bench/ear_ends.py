# SPDX-License-Identifier: GPL-3.0-or-later
"""The two programs of `ear`. Every sample of packet n is the number FIRST + n, so what Python gets says which packet it is.

    python -m tests.bench.ear_ends send SECONDS QUIET_FILE NETWORK ...    prints "port P", reads the far ends' ports
    python -m tests.bench.ear_ends hear PORT NETWORKS PACKETS             prints its ports, ends with its input

`send` puts each packet on the wire when the network's model lets it arrive and writes down the time just before. `hear` has one
leg for each network, and its machine ear and its human ear (the recording tap, behind the jitter buffer) both go to Python:
each packet's time is that of the handler's call in which its number is first found. The jitter buffer stretches, fades and
makes up sound, so a number counts when RUN samples in a row have it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mediacore
from tests.bench.systems import LOOPBACK, input_ends, run, say
from tests.lab import line as lines
from tests.lab.networks import network
from tests.lab.relay import first_in_line, now_us
from tests.media.rtp import Rtp, l16

RATE, PT = 16000, 96
SIZE = RATE // 50
FIRST = 1000  # loud enough to be taken for speech
RUN = 32
START_S = 1.0

Heard = list[tuple[int, bytes]]  # (handler's call, s16 samples)


def packet(n: int, quiet: bool) -> bytes:
    return Rtp(n, n * SIZE, l16(np.full(SIZE, 0 if quiet else FIRST + n, np.int16)), PT).pack()


def sleep_until(at_us: int) -> None:
    while (left := at_us - now_us()) > 0:
        time.sleep(left / 1e6)


def send(seconds: float, quiet_file: Path, names: list[str]) -> dict[str, Any]:
    """Times of sending by network and packet, -1 for what the network lost; how late the schedule was kept."""
    quiet = np.load(quiet_file)[: round(seconds * 1e6 / lines.PACKET_US)]
    made = [lines.make(network(name), quiet) for name in names]
    packets = [packet(n, bool(q)) for n, q in enumerate(quiet)]
    schedule = sorted((int(a["us"]), i, int(a["n"])) for i, one in enumerate(made) for a in one.arrivals)
    sent = np.full((len(made), len(quiet)), -1, np.int64)
    late = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((LOOPBACK, 0))
        say(f"port {out.getsockname()[1]}")
        to = [(LOOPBACK, int(port)) for port in sys.stdin.readline().split()]
        first_in_line()
        start = now_us() + round(START_S * 1e6)
        for at, i, n in schedule:
            sleep_until(start + at)
            stamp = now_us()
            out.sendto(packets[n], to[i])
            late.append(stamp - start - at)
            if sent[i, n] < 0:
                sent[i, n] = stamp
    return {"sent_us": sent.tolist(), "late_p99_us": float(np.quantile(late, 0.99))}


def first_seen(heard: Heard, n: int) -> NDArray[np.int64]:
    """For each packet number below n the time of the first call that brought it; -1 = never. `heard` is in order of time."""
    seen = np.full(n, -1, np.int64)
    for at, pcm in heard:
        x = np.frombuffer(pcm, np.int16)
        edges = np.flatnonzero(np.diff(x)) + 1
        bounds = [0, *edges.tolist(), len(x)]
        for a, b in itertools.pairwise(bounds):
            number = int(x[a]) - FIRST
            if b - a >= RUN and 0 <= number < n and seen[number] < 0:
                seen[number] = at
    return seen


async def hear(port: int, n_networks: int, n: int) -> dict[str, Any]:
    """What both ears brought, by network and packet."""
    worker = mediacore.Worker()
    worker.start()
    ears: list[Heard] = [[] for _ in range(n_networks)]
    taps: list[Heard] = [[] for _ in range(n_networks)]

    def on_audio(to: Heard, pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        if not lost:
            to.append((now_us(), pcm))

    async def playout() -> None:
        """What was played, with the time of its tick: the hand-over is not counted."""
        while True:
            await asyncio.sleep(0.1)
            for to, leg in zip(taps, legs, strict=True):
                to += [(t_us, stereo) for stereo, t_us, _ in leg.taps()]

    legs = []
    for i in range(n_networks):
        leg = mediacore.Leg(worker, rate=RATE, name=f"ear-{i}")
        leg.on_audio = partial(on_audio, ears[i])
        leg.tap(True)
        legs.append(leg)
    asyncio.get_running_loop().add_reader(worker.fileno(), worker.drain)
    ends = [leg.start_udp(local=(LOOPBACK, 0), remote=(LOOPBACK, port), codec="L16", clock=RATE, pt=PT)[1] for leg in legs]
    say(" ".join(map(str, ends)))
    polling = asyncio.create_task(playout())
    await input_ends()
    polling.cancel()
    dropped = [leg.counters()["ear_dropped"] + leg.counters()["tap_dropped"] for leg in legs]
    for leg in legs:
        leg.close()
    worker.close()
    lefts = [[(at, np.frombuffer(pcm, np.int16)[0::2].tobytes()) for at, pcm in heard] for heard in taps]
    return {
        "ear_us": [first_seen(heard, n).tolist() for heard in ears],
        "playout_us": [first_seen(heard, n).tolist() for heard in lefts],
        "dropped": sum(dropped),
    }


if __name__ == "__main__":
    if sys.argv[1] == "send":
        print(json.dumps(send(float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])), flush=True)
    else:
        run(lambda: hear(*map(int, sys.argv[2:])))
