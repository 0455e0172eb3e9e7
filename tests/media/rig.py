# SPDX-License-Identifier: GPL-3.0-or-later
"""Legs of a real worker on loopback and their peers, and waiting for what they do."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import numpy as np

from mediacore import EV_DTMF, Leg, Worker
from tests.media.rtp import samples

HOST = "127.0.0.1"
WAIT_S = 30.0  # for what certainly happens: a machine that is slow is not wrong
RATE = 16000
L16 = {"codec": "L16", "clock": RATE, "pt": 96}
PCMU, PCMA, OPUS, G722 = ("PCMU", 8000, 0), ("PCMA", 8000, 8), ("opus", 48000, 107), ("G722", 8000, 9)


def drain_until(worker: Worker, done: Callable[[], bool], also: Callable[[], object] | None = None) -> None:
    """What an event loop does with the worker's descriptor; `also` is done each time, at least every 50 ms."""
    end = time.monotonic() + WAIT_S
    with selectors.DefaultSelector() as selector:
        selector.register(worker.fileno(), selectors.EVENT_READ)
        while not done():
            assert time.monotonic() < end, "it did not happen in time"
            selector.select(0.05)
            worker.drain()
            if also is not None:
                also()


@contextmanager
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.settimeout(WAIT_S)
        yield sock


def free_port() -> int:
    with peer() as sock:
        return int(sock.getsockname()[1])


@contextmanager
def two_legs(worker: Worker, port: int = 0, **how: object) -> Iterator[tuple[Leg, Leg]]:
    """Two legs that send to each other; `port` is the second one's, 0 = any."""
    port = port or free_port()
    with closing(Leg(worker, rate=RATE, name="a")) as a, closing(Leg(worker, rate=RATE, name="b")) as b:
        at = a.start_udp(local=(HOST, 0), remote=(HOST, port), **how)  # type: ignore[arg-type]
        b.start_udp(local=(HOST, port), remote=at, **how)  # type: ignore[arg-type]
        yield a, b


class Phone:
    """A leg that plays the peer, and the leg of ours that it talks to."""

    def __init__(self, worker: Worker, room: ExitStack, codec: str, clock: int, pt: int, event_pt: int = 101) -> None:
        how = {"codec": codec, "clock": clock, "pt": pt, "event_pt": event_pt}
        port = free_port()
        self.heard: list[np.ndarray] = []
        self.digits: list[str] = []
        self.phone = room.enter_context(closing(Leg(worker, rate=RATE, tx_seconds=20)))
        self.leg = room.enter_context(closing(Leg(worker, rate=RATE)))
        at = self.phone.start_udp(local=(HOST, 0), remote=(HOST, port), **how)  # type: ignore[arg-type]
        self.leg.start_udp(local=(HOST, port), remote=at, **how)  # type: ignore[arg-type]
        self.phone.on_audio = lambda pcm, t, index, lost: self.heard.append(samples(pcm))
        self.phone.on_event = lambda kind, a, b, t: self.digits.append(chr(a)) if kind == EV_DTMF else None

    def say(self, pcm: np.ndarray) -> None:
        assert self.phone.write(pcm.tobytes()) == len(pcm)

    def line(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int16), *self.heard])
