# SPDX-License-Identifier: GPL-3.0-or-later
"""Recording tap: both sides of every tick of the clock, with what is needed to put them on one time line."""

from __future__ import annotations

import itertools
from contextlib import closing

import numpy as np
import pytest

from mediacore import VirtualLeg
from tests.media.rtp import Rtp, babble, best_lag, from_l16, l16, samples
from tests.netsim import MS, Clock, Conditions, Network

START = 1_000_000
RATE = 16000


def record(
    conditions: Conditions, seed: int, seconds: float, ptime_ms: int = 20, drift_ppm: float = 0.0
) -> tuple[np.ndarray, np.ndarray, list[tuple[bytes, int, int]], VirtualLeg, np.ndarray]:
    """A call in which both sides talk: (caller's speech, what was sent, blocks, leg, bot's speech)."""
    voice, answer = babble(seconds, RATE, 5), babble(seconds / 2, RATE, 6)
    network = Network(conditions, seed)
    size = 160 if ptime_ms == 10 else 320 if ptime_ms == 20 else 640
    clock = Clock(START, size * 1_000_000 // RATE, drift_ppm)
    leg = VirtualLeg(codec="L16", clock=RATE, pt=96, ptime_ms=ptime_ms)
    leg.tap(True)
    leg.write(answer.tobytes())
    sent, blocks, k = np.zeros(0, np.int16), [], 0
    for t in range(START, START + round(seconds * 1e6), 10 * MS):
        while (k + 1) * size <= len(voice) and clock.at(k) <= t:
            network.send(Rtp(k, k * size, l16(voice[k * size : (k + 1) * size]), 96).pack(), clock.at(k))
            k += 1
        for at, pkt in network.receive(t + 3 * MS):
            leg.on_packet(pkt, at)
        for pkt in leg.on_tick(t + 3 * MS):
            sent = np.append(sent, from_l16(Rtp.unpack(pkt).payload))
        blocks += leg.taps()
        leg.frames()
    return voice, sent, blocks, leg, answer


@pytest.mark.parametrize("ptime_ms", [10, 20, 40])
def test_blocks_on_a_clean_path(ptime_ms: int) -> None:
    voice, sent, blocks, leg, answer = record(Conditions(), 1, 3.0, ptime_ms)
    with closing(leg):
        tick = 10 if ptime_ms == 10 else 20
        assert {len(b[0]) for b in blocks} == {4 * 16 * tick}
        times = [b[1] for b in blocks]
        assert {b - a for a, b in itertools.pairwise(times)} == {tick * MS}
        left = np.concatenate([samples(b[0])[0::2] for b in blocks])
        right = np.concatenate([samples(b[0])[1::2] for b in blocks])
        assert np.array_equal(right[: len(answer)], answer)
        assert np.array_equal(right, sent[: len(right)])
        # The caller's first packet leaves at START and takes 20 ms; a block's left side is left_delay_us older than its stamp.
        # Its sample 0 therefore belongs to START + 20 ms.
        after = 20
        lag, score = best_lag(voice[:RATE], left, RATE // 2)
        assert score > 0.9
        told = np.median([b[2] for b in blocks[after:]])
        heard_at = times[0] + lag * 1_000_000 // RATE  # when the tap played sample 0
        assert abs(heard_at - told - (START + 20 * MS)) <= 5 * MS


def test_cadence_and_alignment_survive_loss_jitter_and_drift() -> None:
    conditions = Conditions(jitter_us=40 * MS, loss=0.03, burst_enter=0.005)
    voice, _, blocks, leg, _ = record(conditions, 7, 20.0, drift_ppm=300)
    with closing(leg):
        times = [b[1] for b in blocks]
        assert {b - a for a, b in itertools.pairwise(times)} == {20 * MS}
        assert len(blocks) >= 998
        assert leg.stats()["concealed"] > 0
        left = np.concatenate([samples(b[0])[0::2] for b in blocks])
        _lag, score = best_lag(voice[-5 * RATE : -3 * RATE], left[-5 * RATE :], RATE // 2)
        assert score > 0.6
        assert leg.stats()["jb_depth_ms"] < 400


def test_caller_gone_leaves_silence_and_the_tap_goes_on() -> None:
    conditions = Conditions(outages=((START + 1000 * MS, START + 10_000 * MS),))
    _, _, blocks, leg, _ = record(conditions, 1, 3.0)
    with closing(leg):
        left = np.concatenate([samples(b[0])[0::2] for b in blocks])
        assert len(blocks) == 150
        assert left[: RATE // 2].any()
        assert not left[-RATE:].any()


def test_off_and_on_again() -> None:
    with closing(VirtualLeg()) as leg:
        for k in range(5):
            leg.on_tick(START + k * 20 * MS)
        assert leg.taps() == []
        leg.tap(True)
        leg.on_tick(START + 100 * MS)
        leg.tap(False)
        leg.on_tick(START + 120 * MS)
        leg.tap(True)
        leg.on_tick(START + 140 * MS)
        assert [b[1] for b in leg.taps()] == [START + 100 * MS, START + 140 * MS]
        assert "tap" not in leg.describe()  # nothing was received: no human ear yet


def test_tap_drops_and_counts_when_nobody_comes() -> None:
    with closing(VirtualLeg()) as leg:
        leg.tap(True)
        for k in range(600):
            leg.on_tick(START + k * 20 * MS)
        assert len(leg.taps()) + leg.stats()["tap_dropped"] == 600
        assert leg.stats()["tap_dropped"] > 0
