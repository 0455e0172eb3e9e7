# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of the ears tells packets apart, counts what is missed, and runs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import ear, ear_ends
from tests.lab import line as lines
from tests.lab.networks import network


def pcm(*pieces: tuple[int, int]) -> bytes:
    """(value, samples)"""
    return np.concatenate([np.full(n, value, np.int16) for value, n in pieces]).tobytes()


def test_a_packet_is_seen_with_the_first_call_that_brings_it() -> None:
    at = ear_ends.FIRST
    heard = [(100, pcm((at, 320))), (120, pcm((at, 200), (at + 2, 120))), (140, pcm((at + 2, 320)))]
    assert ear_ends.first_seen(heard, 4).tolist() == [100, -1, 120, -1]


def test_a_fade_and_a_join_are_no_packets() -> None:
    """What fades passes through the numbers of others, at most RUN - 1 samples each."""
    fade = np.repeat(np.arange(ear_ends.FIRST + 9, ear_ends.FIRST, -1), ear_ends.RUN - 1).astype(np.int16).tobytes()
    assert ear_ends.first_seen([(100, fade), (120, pcm((0, 320)))], 10).tolist() == [-1] * 10


def test_missed_packets_are_counted_and_ages_are_of_those_that_both_ears_brought() -> None:
    n = lines.WARM_UP + 4
    judged = lines.make(network("lan"), np.zeros(n, np.bool_))
    sent = np.arange(n) * 20_000
    seen = {"ear_us": sent + 1000, "playout_us": sent + 30_000}
    seen["playout_us"][-1] = -1
    sent[-2] = -1  # the network's loss is nobody's
    found, missed = ear.ages({"sent_us": [sent]} | {key: [at] for key, at in seen.items()}, judged, 0)
    assert found["ear"].tolist() == [1.0, 1.0]
    assert found["playout"].tolist() == [30.0, 30.0]
    assert missed == {"ear": 0.0, "playout": pytest.approx(1 / 3)}


def test_seen_before_it_was_sent_is_an_error() -> None:
    n = lines.WARM_UP + 1
    judged = lines.make(network("lan"), np.zeros(n, np.bool_))
    sent = np.arange(n) * 20_000
    with pytest.raises(RuntimeError, match="lan: a packet was seen before it was sent"):
        ear.ages({"sent_us": [sent], "ear_us": [sent - 1], "playout_us": [sent]}, judged, 0)


def test_the_benchmark_runs() -> None:
    """Real legs: on a network that keeps its order the machine ear brings every packet that came."""
    n = lines.WARM_UP + 50
    names = ["lan", "burst-loss"]
    quiet = np.zeros(n, np.bool_)
    found = ear.measure(names, quiet, n / 50)
    judged = [lines.make(network(name), quiet) for name in names]
    networks, ratios = ear.summary([found], judged)
    assert [networks[name]["ear"]["missed"] for name in names] == [0.0, 0.0]
    assert 0 < networks["burst-loss"]["lost"] < 0.5
    assert all(entry["playout"]["p95_ms"] > entry["ear"]["p50_ms"] for entry in networks.values())
    assert len(ratios) == 1
    assert all(len(ear.cells(name, entry)) == 13 for name, entry in networks.items())
