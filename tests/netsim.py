# SPDX-License-Identifier: GPL-3.0-or-later
"""A bad network in virtual time: what is sent at one moment comes out at another, twice or never. Same seed, same network."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MS = 1000  # microseconds


@dataclass(frozen=True, slots=True)
class Conditions:
    """One direction of a path. Probabilities are per packet, times in microseconds."""

    delay_us: int = 20 * MS
    jitter_us: int = 0  # uniform on top of delay_us; more than a packet time reorders, unless in_order
    in_order: bool = False
    loss: float = 0.0
    burst_enter: float = 0.0  # Gilbert-Elliott: good to bad, bad to good, and what is lost in the bad state
    burst_leave: float = 0.3
    burst_loss: float = 1.0
    reorder: float = 0.0  # held back by reorder_us
    reorder_us: int = 15 * MS
    duplicate: float = 0.0
    outages: tuple[tuple[int, int], ...] = ()  # (from, to): nothing that is sent then arrives


class Network:
    """Takes packets, gives them back in the order of their arrival. No clock of its own."""

    def __init__(self, conditions: Conditions, seed: int = 0) -> None:
        self.conditions = conditions
        self._random = random.Random(seed)
        self._bad = False
        self._order = itertools.count()
        self._latest = 0
        self._flying: list[tuple[int, int, bytes]] = []
        self.sent = self.lost = self.doubled = 0

    def _is_lost(self, now_us: int) -> bool:
        c = self.conditions
        if any(start <= now_us < end for start, end in c.outages):
            return True
        turn = c.burst_leave if self._bad else c.burst_enter
        if self._random.random() < turn:
            self._bad = not self._bad
        return self._random.random() < (c.burst_loss if self._bad else c.loss)

    def _launch(self, pkt: bytes, now_us: int) -> None:
        c = self.conditions
        at = now_us + c.delay_us + (self._random.randrange(c.jitter_us + 1) if c.jitter_us else 0)
        if self._random.random() < c.reorder:
            at += c.reorder_us
        elif c.in_order:
            at = max(at, self._latest)
        self._latest = max(self._latest, at)
        heapq.heappush(self._flying, (at, next(self._order), pkt))

    def send(self, pkt: bytes, now_us: int) -> None:
        self.sent += 1
        if self._is_lost(now_us):
            self.lost += 1
            return
        self._launch(pkt, now_us)
        if self._random.random() < self.conditions.duplicate:
            self.doubled += 1
            self._launch(pkt, now_us)

    def next_us(self) -> int | None:
        """When the next packet arrives."""
        return self._flying[0][0] if self._flying else None

    def receive(self, now_us: int) -> Iterator[tuple[int, bytes]]:
        """(arrival, packet) of everything that has arrived by now."""
        while self._flying and self._flying[0][0] <= now_us:
            at, _, pkt = heapq.heappop(self._flying)
            yield at, pkt


@dataclass(frozen=True, slots=True)
class Clock:
    """A sender's own idea of time: its n-th packet leaves when its crystal says so."""

    start_us: int
    period_us: int = 20 * MS
    drift_ppm: float = 0.0

    def at(self, n: int) -> int:
        return self.start_us + round(n * self.period_us * (1 + self.drift_ppm / 1e6))


def play(events: list[tuple[int, Callable[[int], object]]], network: Network, arrive: Callable[[bytes, int], object]) -> None:
    """Runs timed actions and the arrivals between them in the order of time; then what still flies."""
    for at, action in sorted(events, key=lambda e: e[0]):
        for arrival, pkt in network.receive(at):
            arrive(pkt, arrival)
        action(at)
    for arrival, pkt in network.receive(2**63):
        arrive(pkt, arrival)
