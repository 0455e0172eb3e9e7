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
RATE = 8000
PACKET_SAMPLES = 160
WARM_UP = 150  # packets at the start that are not judged: everybody may settle
NEVER = -1

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
PLAYED = np.dtype([("us", "<i8"), ("len_us", "<i8")])
ARRIVAL = np.dtype([("us", "<u8"), ("n", "<u4"), ("pad", "<u4")])


@dataclass(frozen=True)
class Line:
    """One talker's packets over one network; microseconds from the first packet's sending."""

    net: Net
    sent_us: Ints
    arrivals: NDArray[np.void]  # ARRIVAL, by time, second copies included
    first_us: Ints  # arrival of each packet, NEVER when lost
    quiet: Bools
    pcm: NDArray[np.int16]  # what is said, PACKET_SAMPLES of each packet

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


def humming(quiet: Bools) -> NDArray[np.int16]:
    """A voice of 125 Hz that is silent where it is quiet."""
    wave = 3000 * np.sin(2 * np.pi * 125 * np.arange(len(quiet) * PACKET_SAMPLES) / RATE)
    return (wave * ~np.repeat(quiet, PACKET_SAMPLES)).astype(np.int16)


def make(net: Net, quiet: Bools, pcm: NDArray[np.int16] | None = None) -> Line:
    """`pcm`: what is said, when that matters."""
    clock, model = net.clock(), Network(net.conditions, net.seed)
    sent = np.array([clock.at(n) for n in range(len(quiet))], np.int64)
    for n, at in enumerate(sent):
        model.send(n.to_bytes(4, "big"), int(at))
    arrivals = np.array([(at, int.from_bytes(pkt, "big"), 0) for at, pkt in model.receive(2**62)], ARRIVAL)
    first = np.full(len(quiet), NEVER, np.int64)
    first[arrivals["n"][::-1]] = arrivals["us"][::-1]  # the earliest copy is written last
    return Line(net, sent, arrivals, first, quiet, humming(quiet) if pcm is None else pcm)


@dataclass(frozen=True)
class Score:
    """One playout of one line, or the mean of several."""

    held_ms: float
    added_ms: float
    concealed: float  # share of speech
    cut: float  # of it: came in time, was thrown away
    scaled: float  # added or taken away by time scaling, share of speech
    concealed_anywhere: float  # made-up sound in all sound, pauses included


def score(line: Line, played: NDArray[np.void]) -> Score:
    """`played`: PLAYED of each packet; between the end of one and the beginning of the next, sound was made up."""
    speech = line.speech
    numbers = np.flatnonzero(played["us"] != NEVER)
    at, end = played["us"][numbers], (played["us"] + played["len_us"])[numbers]
    made_up_us = at[1:] - end[:-1]
    if len(numbers) < 2 or np.any(made_up_us < -1):  # whole samples, rounded to microseconds
        raise ValueError("a playout must go forward through the packets")
    if np.any(at < line.first_us[numbers]):
        raise ValueError("a packet was played before it came")
    made_up = float(PACKET_US * (speech[: numbers[0]].sum() + speech[numbers[-1] + 1 :].sum()))
    cut = 0.0
    for i in np.flatnonzero((np.diff(numbers) > 1) | (made_up_us > 1)):
        a, b, left = int(numbers[i]), int(numbers[i + 1]), float(made_up_us[i])
        for n in range(a + 1, b):  # stood in the place of these packets; those without anything in their place are cut
            filled = min(left, PACKET_US)
            left -= filled
            if speech[n]:
                made_up += filled
                cut += PACKET_US - filled
        if speech[b] and speech[b - 1]:
            made_up += left  # put in between two packets of one talkspurt
    judged = speech[numbers]
    inside = int((numbers >= WARM_UP).argmax())
    n_speech_us = int(speech.sum()) * PACKET_US
    return Score(
        held_ms=float((at - line.first_us[numbers])[judged].mean() / MS),
        added_ms=float((at - line.sent_us[numbers] - line.base_us)[judged].mean() / MS),
        concealed=(made_up + cut) / n_speech_us,
        cut=cut / n_speech_us,
        scaled=float(np.abs((end - at)[judged] - PACKET_US).sum()) / n_speech_us,
        concealed_anywhere=float(made_up_us[inside:].sum() / (end[-1] - at[inside])),
    )


def mean(scores: list[Score]) -> Score:
    return Score(*(float(np.mean([getattr(s, f) for s in scores])) for f in Score.__dataclass_fields__))
