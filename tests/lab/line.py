# SPDX-License-Identifier: GPL-3.0-or-later
"""A line: what a network does to the packets of one talker, known beforehand, and how a playout of it is scored.

Delay is counted in two ways. `held`: from a packet's arrival until it is played, what a buffer adds and what WebRTC's
jitterBufferDelay counts. `added`: from the time the fastest packet would have come, so the network's own queueing is in it.
Both over the speech packets that were played.

Concealed is the share of speech for which the player had to make up sound, plus speech that came in time and was cut out. What
happens in pauses is free: there a delay changes unheard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.lab.networks import Net
from tests.netsim import MS, Network

PACKET_US = 20 * MS
WARM_UP = 150  # packets at the start that are not judged: everybody may settle
NEVER = -1

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ARRIVAL = np.dtype([("us", "<u8"), ("n", "<u4"), ("pad", "<u4")])


@dataclass(frozen=True)
class Line:
    """One talker's packets over one network; microseconds from the first packet's sending."""

    net: Net
    sent_us: Ints
    arrivals: NDArray[np.void]  # ARRIVAL, by time, second copies included
    first_us: Ints  # arrival of each packet, NEVER when lost
    quiet: Bools

    @property
    def n(self) -> int:
        return len(self.sent_us)

    @property
    def speech(self) -> Bools:
        """Judged packets."""
        return ~self.quiet & (np.arange(self.n) >= WARM_UP)

    @property
    def transit_us(self) -> Ints:
        """Of each packet; NEVER when lost."""
        return np.where(self.first_us >= 0, self.first_us - self.sent_us, NEVER)

    @property
    def base_us(self) -> int:
        transit = self.transit_us
        return int(transit[transit >= 0].min())

    @property
    def lost(self) -> float:
        """Share of speech that the network lost."""
        return float((self.first_us[self.speech] < 0).mean())


def make(net: Net, quiet: Bools) -> Line:
    clock, model = net.clock(), Network(net.conditions, net.seed)
    sent = np.array([clock.at(n) for n in range(len(quiet))], np.int64)
    for n, at in enumerate(sent):
        model.send(n.to_bytes(4, "big"), int(at))
    arrivals = np.array([(at, int.from_bytes(pkt, "big"), 0) for at, pkt in model.receive(2**62)], ARRIVAL)
    first = np.full(len(quiet), NEVER, np.int64)
    first[arrivals["n"][::-1]] = arrivals["us"][::-1]  # the earliest copy is written last
    return Line(net, sent, arrivals, first, quiet)


@dataclass(frozen=True)
class Score:
    """One playout of one line, or the mean of several."""

    held_ms: float
    added_ms: float
    concealed: float  # share of speech
    cut: float  # of it: came in time, was thrown away
    concealed_anywhere: float  # made-up ticks in all ticks, pauses included


def score(line: Line, played: NDArray[np.int32], first_tick_us: int) -> Score:
    """`played`: the packet number of each tick, -1 for made-up sound."""
    speech = line.speech
    ticks = np.flatnonzero(played >= 0)
    numbers = played[ticks].astype(np.int64)
    at = first_tick_us + ticks * PACKET_US
    if len(ticks) < 2 or np.any(np.diff(numbers) <= 0):
        raise ValueError("a playout must go forward through the packets")
    if np.any(at < line.first_us[numbers]):
        raise ValueError("a packet was played before it came")
    made_up = int(speech[: numbers[0]].sum() + speech[numbers[-1] + 1 :].sum())
    cut = 0
    for i in np.flatnonzero((np.diff(numbers) > 1) | (np.diff(ticks) > 1)):
        a, b = int(numbers[i]), int(numbers[i + 1])
        silent, missing = int(ticks[i + 1] - ticks[i]) - 1, b - a - 1
        made_up += int(speech[a + 1 : a + 1 + min(silent, missing)].sum())  # stood in the place of these packets
        if silent > missing and speech[b] and speech[b - 1]:
            made_up += silent - missing  # put in between two packets of one talkspurt
        cut += int(speech[a + 1 + silent : b].sum())  # left out without anything in their place
    judged = speech[numbers]
    inside = (numbers >= WARM_UP).argmax()
    return Score(
        held_ms=float((at - line.first_us[numbers])[judged].mean() / MS),
        added_ms=float((at - line.sent_us[numbers] - line.base_us)[judged].mean() / MS),
        concealed=(made_up + cut) / int(speech.sum()),
        cut=cut / int(speech.sum()),
        concealed_anywhere=float(1 - (len(ticks) - inside) / (ticks[-1] - ticks[inside] + 1)),
    )


def mean(scores: list[Score]) -> Score:
    return Score(*(float(np.mean([getattr(s, f) for s in scores])) for f in Score.__dataclass_fields__))
