# SPDX-License-Identifier: GPL-3.0-or-later
"""A way that gets longer and shorter again, heard by a person: the human ear makes up, stretches and shortens what is said,
with every codec and packet length, and nothing clicks, gets lost or is left over."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest

from mediacore import VirtualLeg
from tests.media.rtp import samples
from tests.netsim import MS, Conditions, Network

START = 1_000_000
SECONDS = 14
LONGER = ((START + 4000 * MS, 60 * MS), (START + 9000 * MS, 0))  # from 4 s to 9 s
CODECS = {"PCMU": (8000, 0, 8000), "L16": (16000, 96, 16000), "G722": (8000, 9, 16000), "opus": (48000, 107, 16000)}


def hum(rate: int) -> np.ndarray:
    """A voice that sings: harmonics of a pitch that glides, never near silence."""
    t = np.arange(SECONDS * rate) / rate
    phase = 2 * np.pi * (130 * t + 4 * np.sin(2 * np.pi * 0.3 * t))
    voice = sum(np.sin(k * phase) / k for k in range(1, 9))
    return np.asarray(4000 * (1 + 0.3 * np.sin(2 * np.pi * 2.5 * t)) * voice, np.int16)


@dataclass
class Listened:
    line: np.ndarray  # what was played, tick by tick
    ages_ms: np.ndarray
    counters: dict[str, int]
    n_ticks: int


def listen(codec: str, ptime_ms: int, steps: tuple[tuple[int, int], ...]) -> Listened:
    clock, pt, rate = CODECS[codec]
    how = {"codec": codec, "clock": clock, "pt": pt, "rate": rate, "ptime_ms": ptime_ms}
    tick_us = 10 * MS if ptime_ms == 10 else 20 * MS
    network = Network(Conditions(delay_us=20 * MS, steps=steps, in_order=True))
    line, ages = [], []
    with closing(VirtualLeg(seed=1, tx_seconds=20.0, **how)) as a, closing(VirtualLeg(seed=2, **how)) as b:  # type: ignore[arg-type]
        a.write(hum(rate).tobytes())
        b.tap(True)
        n = SECONDS * 1_000_000 // tick_us
        for k in range(n):
            now = START + k * tick_us
            for pkt in a.on_tick(now):
                network.send(pkt, now)
            for at, pkt in network.receive(now + tick_us // 2):
                b.on_packet(pkt, at)
            b.on_tick(now + tick_us // 2)
            b.frames()
            for block, _, age_us in b.taps():
                line.append(samples(block)[0::2])
                ages.append(age_us / MS)
        return Listened(np.concatenate(line), np.array(ages), b.counters(), n)


def roughness(line: np.ndarray, rate: int) -> float:
    """The sharpest corner against how sharp corners usually are: a click stands out."""
    corners = np.abs(np.diff(line.astype(float), 2))
    blocks = corners[: len(corners) // (rate // 50) * (rate // 50)].reshape(-1, rate // 50).max(axis=1)
    return float(blocks.max() / np.median(blocks))


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("codec", CODECS)
def test_a_longer_way_and_back(codec: str, ptime_ms: int) -> None:
    rate = CODECS[codec][2]
    heard, control = listen(codec, ptime_ms, LONGER), listen(codec, ptime_ms, ())
    tick = rate // 100 if ptime_ms == 10 else rate // 50
    assert len(heard.line) == len(heard.ages_ms) * tick == heard.n_ticks * tick, "each tick has its samples, whatever is scaled"
    assert heard.counters["rx_lost"] == 0
    shorter_ms, longer_ms = heard.counters["shortened_ms"], heard.counters["stretched_ms"]
    made_up_ms = heard.counters["concealed"] * ptime_ms
    if ptime_ms > 10:  # of 10 ms too little is known to find the period of a low voice: packets are cut, and the cuts joined
        assert 40 <= shorter_ms <= made_up_ms + longer_ms + 30, "what was made up is made good, no more"
    last_s = heard.ages_ms[-heard.n_ticks // SECONDS :]
    assert last_s.max() < np.median(control.ages_ms) + 20, "and the delay is what it was"
    assert roughness(heard.line[rate:], rate) < 2 * roughness(control.line[rate:], rate), "no click"
