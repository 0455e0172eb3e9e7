# SPDX-License-Identifier: GPL-3.0-or-later
"""The bad network of tests/netsim.py between real programs, in real time.

Each path has two UDP ports, `near` and `far`. What comes to one leaves from the other, so each program takes the relay for its
peer. The first address that sends to a port is its peer for good: a WebRTC peer tries several of its own at once. RTP from near
to far passes the network; RTCP, STUN and DTLS (RFC 5761, RFC 7983) and everything from far to near pass untouched.

With `retime` the sender's own pacing does not count: a packet enters the network when its RTP timestamp says, on a clock that
begins LEAD_US after the first packet, so that two programs with the same seed meet the same network packet by packet.

    python -m tests.lab.relay [--retime CLOCK] NETWORK[:SEED] ...

names of tests/lab/networks.py; prints "NEAR FAR" (ports) for each, runs until its input ends, then prints what happened as
JSON. --retime takes the RTP clock, packets of 20 ms.

The schedule is kept by a loop that does nothing else; `late_us` says how well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.lab.networks import network
from tests.netsim import MS, Clock, Network

LEAD_US = 60 * MS  # covers the hiccups of a sender whose packets are timed anew
LONGEST_WAIT_S = 0.05
ANSWERS = 64  # packets taken from one socket before the others have their turn
RTP_HEADER = 12

Address = tuple[str, int]


def now_us() -> int:
    """CLOCK_MONOTONIC, as the media core and every other program of a test has it."""
    return time.monotonic_ns() // 1000


def is_rtp(pkt: bytes) -> bool:
    """RFC 7983 section 7 and RFC 5761 section 4."""
    return len(pkt) >= RTP_HEADER and 128 <= pkt[0] <= 191 and not 192 <= pkt[1] <= 223


@dataclass
class Retime:
    """Packet number n of the stream leaves at `clock.at(n)`."""

    clock: Clock
    step: int  # RTP clock units of a packet
    first_ts: int | None = None
    start_us: int = 0

    def number(self, pkt: bytes) -> int:
        ts = int.from_bytes(pkt[4:8], "big")
        if self.first_ts is None:
            self.first_ts = ts
            self.start_us = now_us() + LEAD_US
        return ((ts - self.first_ts + 2**31) % 2**32 - 2**31) // self.step


@dataclass
class Path:
    """One direction's network between two ports."""

    network: Network
    retime: Retime | None = None
    near: socket.socket = field(default_factory=lambda: port())
    far: socket.socket = field(default_factory=lambda: port())
    near_peer: Address | None = None
    far_peer: Address | None = None
    start_us: int | None = None  # network time 0
    late_us: list[int] = field(default_factory=list)  # of each packet that passed the network
    overdue: int = 0  # sent by its program after it should have arrived

    def from_near(self, pkt: bytes, peer: Address) -> None:
        self.near_peer = self.near_peer or peer
        if peer != self.near_peer:
            return
        if not is_rtp(pkt):
            self._give(pkt)
        elif self.retime:
            sent = self.retime.clock.at(max(0, self.retime.number(pkt)))
            self.start_us = self.retime.start_us
            self.overdue += self.start_us + sent < now_us() - LEAD_US // 2
            self.network.send(pkt, sent)
        else:
            self.start_us = self.start_us if self.start_us is not None else now_us()
            self.network.send(pkt, now_us() - self.start_us)

    def from_far(self, pkt: bytes, peer: Address) -> None:
        self.far_peer = self.far_peer or peer
        if self.near_peer and peer == self.far_peer:
            send(self.near, pkt, self.near_peer)

    def _give(self, pkt: bytes) -> None:
        if self.far_peer:
            send(self.far, pkt, self.far_peer)

    def deliver(self) -> None:
        if self.start_us is None:
            return
        for at, pkt in self.network.receive(now_us() - self.start_us):
            self._give(pkt)
            self.late_us.append(now_us() - self.start_us - at)

    def next_us(self) -> int | None:
        at = self.network.next_us()
        return None if at is None or self.start_us is None else self.start_us + at

    def report(self) -> dict[str, Any]:
        late = np.quantile(self.late_us, [0.5, 0.99, 1.0]) if self.late_us else [0.0, 0.0, 0.0]
        return {
            "start_us": self.start_us,
            "sent": self.network.sent,
            "lost": self.network.lost,
            "doubled": self.network.doubled,
            "delivered": len(self.late_us),
            "overdue": self.overdue,
            "late_us": {"p50": float(late[0]), "p99": float(late[1]), "max": float(late[2])},
        }


def port() -> socket.socket:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.setblocking(False)
    return s


def send(out: socket.socket, pkt: bytes, to: Address) -> None:
    """A peer that went away, or takes nothing now, is the network's business: the packet is gone."""
    with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
        out.sendto(pkt, to)


def read(source: socket.socket) -> tuple[bytes, Address] | None:
    """One packet; None: nothing there."""
    try:
        return source.recvfrom(2048)
    except (BlockingIOError, ConnectionRefusedError):  # the latter: an earlier packet of ours met a closed port
        return None


def run(paths: Sequence[Path], stop: threading.Event) -> None:
    """Until `stop` is set, and at most LONGEST_WAIT_S longer."""
    routes = {path.near: path.from_near for path in paths} | {path.far: path.from_far for path in paths}
    while not stop.is_set():
        due = min((at for at in (path.next_us() for path in paths) if at is not None), default=None)
        wait = LONGEST_WAIT_S if due is None else min(LONGEST_WAIT_S, max(0, due - now_us()) / 1e6)
        for source in select.select(list(routes), [], [], wait)[0]:
            for _ in range(ANSWERS):
                got = read(source)
                if got is None:
                    break
                routes[source](*got)
        for path in paths:
            path.deliver()
    for source in routes:
        source.close()


def first_in_line() -> None:
    """Real-time priority where it is granted, as the media worker asks for it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    except PermissionError:
        return


def path(spec: str, clock: int | None) -> Path:
    """From NETWORK[:SEED]."""
    name, _, seed = spec.partition(":")
    found = network(name)
    model = Network(found.conditions, int(seed or found.seed))
    return Path(model, Retime(found.clock(), clock // 50) if clock else None)


def until_input_ends(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.relay")
    parser.add_argument("--retime", type=int, metavar="CLOCK")
    parser.add_argument("networks", nargs="+", metavar="NETWORK[:SEED]")
    args = parser.parse_args()
    paths = [path(spec, args.retime) for spec in args.networks]
    first_in_line()
    for one in paths:
        print(one.near.getsockname()[1], one.far.getsockname()[1], flush=True)
    stop = threading.Event()
    threading.Thread(target=until_input_ends, args=(stop,), daemon=True).start()
    run(paths, stop)
    print(json.dumps([one.report() for one in paths]), flush=True)


if __name__ == "__main__":
    main()
