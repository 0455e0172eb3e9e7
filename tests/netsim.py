# SPDX-License-Identifier: GPL-3.0-or-later
"""A bad network: what is sent at one moment comes out at another, twice or never. Same seed, same network. It has no clock of
its own: tests drive it in virtual time, tests/relay.py in real time between real programs.

    sent -> outage? loss? -> queue that a radio link drains -> fixed delay + its steps + jitter -> order -> arrives, maybe twice
"""

from __future__ import annotations

import heapq
import itertools
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MS = 1000  # microseconds


@dataclass(frozen=True, slots=True)
class Opportunities:
    """When a link may deliver, as cellular traces record it: each moment takes `packets` waiting packets (1,500 bytes hold
    seven of 20 ms G.711). Repeats after `period_us`."""

    times_us: tuple[int, ...]  # ascending, all below period_us; one may stand there several times
    period_us: int
    packets: int = 7

    def at(self, n: int) -> int:
        lap, i = divmod(n, len(self.times_us))
        return lap * self.period_us + self.times_us[i]

    def first(self, now_us: int) -> int:
        """Number of the first opportunity at or after now."""
        lap, rest = divmod(now_us, self.period_us)
        return lap * len(self.times_us) + bisect_left(self.times_us, rest)


@dataclass(frozen=True, slots=True)
class Conditions:
    """One direction of a path. Probabilities are per packet, times in microseconds."""

    delay_us: int = 20 * MS
    jitter_us: int = 0  # uniform on top of delay_us; more than a packet time reorders, unless in_order
    gauss_us: int = 0  # standard deviation of a normal jitter around delay_us, cut off where no delay would be left
    pareto_us: int = 0  # scale of a Pareto (Lomax) jitter: its median is about 0.6 times this at shape 1.5 ...
    pareto_shape: float = 1.5  # ... and the tail is the heavier, the smaller the shape
    in_order: bool = False
    link: Opportunities | None = None
    link_start_us: int = 0  # where in the trace time 0 lies
    steps: tuple[tuple[int, int], ...] = ()  # (from, more delay): the route changes
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
        self._turn = self._taken = 0  # the link's present opportunity, and how many packets it took
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

    def _through_link(self, link: Opportunities, now_us: int) -> int:
        """When the packet leaves the queue."""
        start = self.conditions.link_start_us
        first = link.first(now_us + start)
        if first > self._turn:
            self._turn, self._taken = first, 0
        elif self._taken == link.packets:
            self._turn, self._taken = self._turn + 1, 0
        self._taken += 1
        return link.at(self._turn) - start

    def _delay_us(self, now_us: int) -> int:
        c = self.conditions
        delay = c.delay_us + next((more for since, more in reversed(c.steps) if since <= now_us), 0)
        if c.jitter_us:
            delay += self._random.randrange(c.jitter_us + 1)
        if c.gauss_us:
            delay = max(0, delay + round(self._random.gauss(0, c.gauss_us)))
        if c.pareto_us:
            delay += round(c.pareto_us * (self._random.paretovariate(c.pareto_shape) - 1))
        return delay

    def _launch(self, pkt: bytes, now_us: int) -> None:
        c = self.conditions
        at = (self._through_link(c.link, now_us) if c.link else now_us) + self._delay_us(now_us)
        if self._random.random() < c.reorder:
            at += c.reorder_us
        elif c.in_order:
            at = self._latest = max(at, self._latest)
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
