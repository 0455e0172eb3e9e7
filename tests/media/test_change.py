# SPDX-License-Identifier: GPL-3.0-or-later
"""Codec and packet time change in the middle of a call (RFC 3264 section 8.3.2): both legs in virtual time."""

from __future__ import annotations

import itertools
from collections import deque
from contextlib import closing

import numpy as np
import pytest

from mediacore import VirtualLeg
from mediacore.port import EV_STOPPED
from tests.media.rtp import Rtp, samples
from tests.netsim import MS

RATE = 8000
START = 1_000_000
MOST_MS = 60  # no gap may be longer
LOUD = 1000
CODECS: dict[str, tuple[int, int]] = {"PCMU": (8000, 0), "PCMA": (8000, 8), "G722": (8000, 9), "opus": (48000, 96)}
STEPS = [("PCMA", 20), ("G722", 20), ("opus", 20), ("opus", 40), ("PCMU", 10), ("PCMA", 40), ("PCMU", 20)]


class End:
    """One side: says a tone all the time, and keeps what it hears."""

    def __init__(self, hz: float, seed: int) -> None:
        self.leg = VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=RATE, seed=seed, tx_seconds=4)
        self.leg.tap(True)
        self.hz, self.said = hz, 0
        self.ptime_ms = 20
        self.sent_ms = 0
        self.came: deque[tuple[int, bytes]] = deque()  # when it is there, what
        self.ear = np.zeros(0, np.int16)
        self.played = np.zeros(0, np.int16)
        self.kinds: list[int] = []

    def change(self, codec: str, ptime_ms: int) -> None:
        clock, pt = CODECS[codec]
        self.leg.start(codec=codec, clock=clock, pt=pt, ptime_ms=ptime_ms)
        self.ptime_ms = ptime_ms

    def turn(self, now: int, other: End, way_us: int) -> None:
        """One millisecond of its life."""
        while self.came and self.came[0][0] <= now:
            self.leg.on_packet(self.came.popleft()[1], now)
        if self.leg.pending < RATE // 5:
            t = (self.said + np.arange(RATE // 5)) / RATE
            self.leg.write((8000 * np.sin(2 * np.pi * self.hz * t)).astype("<i2").tobytes())
            self.said += RATE // 5
        for pkt in self.leg.on_tick(now):
            self.sent_ms += self.ptime_ms
            other.came.append((now + way_us, pkt))
        for pcm, _, _, _ in self.leg.frames():
            self.ear = np.append(self.ear, samples(pcm))
        for block in self.leg.taps():
            self.played = np.append(self.played, samples(block[0])[0::2])
        self.kinds += [event[0] for event in self.leg.events()]


def silence_ms(line: np.ndarray) -> int:
    """The longest stretch, in steps of 5 ms, in which the tone is not to be heard."""
    steps = np.abs(line[: len(line) // 40 * 40].astype(np.int32)).reshape(-1, 40).max(axis=1) < LOUD
    return 5 * max((len(list(run)) for quiet, run in itertools.groupby(steps) if quiet), default=0)


def live(ends: list[End], now: int, ms: int, way_us: int) -> int:
    for _ in range(ms):
        now += MS
        for end, other in (ends, ends[::-1]):
            end.turn(now, other, way_us)
    return now


@pytest.mark.parametrize("way_ms", [1, 25])
def test_no_change_of_codec_or_packet_time_makes_a_gap(way_ms: int) -> None:
    """Who answers changes over at once, who offers when the answer is there."""
    ends = [End(440, 1), End(620, 2)]
    way_us = way_ms * MS
    with closing(ends[0].leg), closing(ends[1].leg):
        now = live(ends, START, 1000, way_us)
        first = [(len(end.ear), len(end.played)) for end in ends]
        sent = [end.sent_ms for end in ends]
        begun = now
        for codec, ptime_ms in STEPS:
            ends[1].change(codec, ptime_ms)
            now = live(ends, now, way_ms, way_us)
            ends[0].change(codec, ptime_ms)
            now = live(ends, now, 1000 - way_ms, way_us)
        for end, (n_ear, n_played), sent_ms in zip(ends, first, sent, strict=True):
            assert silence_ms(end.ear[n_ear:]) <= MOST_MS
            assert silence_ms(end.played[n_played:]) <= MOST_MS
            assert abs(len(end.ear) - n_ear - (now - begun) * RATE // 1_000_000) <= MOST_MS * RATE // 1000 * len(STEPS)
            assert abs(end.sent_ms - sent_ms - (now - begun) // MS) <= MOST_MS
            assert end.leg.stats()["tx_skipped"] == 0
            assert EV_STOPPED not in end.kinds


def test_a_change_that_is_none_is_not_heard_at_all() -> None:
    """A session refresh, a hold that is taken back: codec, jitter buffer and numbering go on."""
    ends = [End(440, 1), End(620, 2)]
    with closing(ends[0].leg), closing(ends[1].leg):
        now = live(ends, START, 1000, MS)
        first = [(len(end.ear), len(end.played)) for end in ends]
        ssrc = Rtp.unpack(ends[0].came[-1][1]).ssrc if ends[0].came else None
        for _ in range(5):
            for end in ends:
                end.change("PCMU", 20)
            now = live(ends, now, 200, MS)
        for end, (n_ear, n_played) in zip(ends, first, strict=True):
            assert silence_ms(end.ear[n_ear:]) == silence_ms(end.played[n_played:]) == 0
            assert end.leg.stats()["rx_lost"] == 0
        assert ssrc is None or Rtp.unpack(ends[0].came[-1][1]).ssrc == ssrc
