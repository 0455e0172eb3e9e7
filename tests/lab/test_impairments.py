# SPDX-License-Identifier: GPL-3.0-or-later
"""Every impairment of the laboratory, in the simulator and in the relay: each does what it is named for, and one seed gives the
same network in both."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.lab import relay
from tests.lab.networks import Net, recorded
from tests.lab.test_relay import all_from, rtp, running
from tests.media.rtp import Rtp
from tests.netsim import MS, Clock, Conditions, Network

N = 200
PERIOD_US = 2 * MS
C = Conditions(delay_us=10 * MS)
but = dataclasses.replace
TRACE = "".join(f"{ms}\n" for ms in (0, 1, 2, 3, 4, 60, 61, 62, 90))

IMPAIRED = {
    "gilbert-elliott": but(C, burst_enter=0.05, burst_leave=0.25),
    "loss": but(C, loss=0.1),
    "gauss": but(C, gauss_us=8 * MS),
    "pareto": but(C, pareto_us=8 * MS, pareto_shape=1.5),
    "uniform": but(C, jitter_us=30 * MS),
    "in order": but(C, jitter_us=30 * MS, in_order=True),
    "reorder": but(C, reorder=0.1, reorder_us=30 * MS),
    "duplicate": but(C, duplicate=0.1),
    "outage": but(C, outages=((100 * MS, 160 * MS),)),
    "steps": but(C, steps=((100 * MS, 60 * MS), (200 * MS, 0))),
}


def simulated(conditions: Conditions, clock: Clock, seed: int) -> list[tuple[int, int]]:
    """(arrival, packet number)"""
    model = Network(conditions, seed)
    for n in range(N):
        model.send(rtp(n), clock.at(n))
    return [(at, Rtp.unpack(pkt).seq) for at, pkt in model.receive(2**62)]


def relayed(conditions: Conditions, clock: Clock, seed: int, expected: int) -> tuple[list[tuple[int, int]], int]:
    """The same out of the relay, by the clock of the far end, and when packet 0 was sent by it. All is given to the relay at
    once: the timestamps say when each packet leaves."""
    path = relay.Path(Network(conditions, seed), relay.Retime(clock, 160))
    found = []
    with running(path) as (near, far):
        for n in range(N):
            near.send(rtp(n))
        for _ in range(expected):
            (pkt,) = all_from(far, 1)
            found.append((relay.now_us(), Rtp.unpack(pkt).seq))
    assert path.start_us is not None
    return found, path.start_us


@pytest.fixture
def trace(tmp_path: Path) -> Conditions:
    file = tmp_path / "x.up"
    file.write_text(TRACE)
    return Conditions(delay_us=10 * MS, link=recorded(file))


def both(conditions: Conditions, clock: Clock) -> None:
    want = simulated(conditions, clock, 7)
    found, start = relayed(conditions, clock, 7, len(want))
    assert [n for _, n in found] == [n for _, n in want]
    early = [at - start - due for (at, _), (due, _) in zip(found, want, strict=True)]
    assert min(early) >= 0  # never before its time; how late is the machine's business


@pytest.mark.parametrize("name", IMPAIRED)
def test_one_seed_is_one_network_in_both(name: str) -> None:
    both(IMPAIRED[name], Clock(0, PERIOD_US))


def test_a_recorded_trace_is_one_network_in_both(trace: Conditions) -> None:
    both(trace, Clock(0, PERIOD_US))


@pytest.mark.parametrize("ppm", [20_000, -20_000])
def test_drift_is_one_network_in_both(ppm: float) -> None:
    clock = Clock(0, PERIOD_US, drift_ppm=ppm)
    both(C, clock)
    last = simulated(C, clock, 7)[-1][0]
    assert last == round((N - 1) * PERIOD_US * (1 + ppm / 1e6)) + C.delay_us
    assert Net("drift", C, "", drift_ppm=ppm).clock().drift_ppm == ppm


def test_another_seed_is_another_network() -> None:
    for name in ("gilbert-elliott", "gauss", "pareto", "reorder", "duplicate"):
        assert simulated(IMPAIRED[name], Clock(0, PERIOD_US), 7) != simulated(IMPAIRED[name], Clock(0, PERIOD_US), 8)


def transit_ms(name: str, seed: int = 7) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for at, n in simulated(IMPAIRED[name], Clock(0, PERIOD_US), seed):
        found.setdefault(n, []).append((at - n * PERIOD_US) / MS)
    return found


def test_each_does_what_it_is_named_for() -> None:
    """In short; tests/lab/test_netsim.py has the distributions."""
    assert 0 < N - len(transit_ms("gilbert-elliott")) < N / 2
    assert 0 < N - len(transit_ms("loss")) < N / 2
    gauss = np.array([t[0] for t in transit_ms("gauss").values()])
    assert 4 < gauss.std() < 9
    pareto = np.array([t[0] for t in transit_ms("pareto").values()])
    assert pareto.min() >= 10
    assert np.median(pareto) < 18 < pareto.max()
    order = [n for _, n in simulated(IMPAIRED["in order"], Clock(0, PERIOD_US), 7)]
    assert order == sorted(order)
    assert {t[0] for t in transit_ms("reorder").values()} == {10.0, 40.0}
    assert {len(t) for t in transit_ms("duplicate").values()} == {1, 2}
    gone = set(range(N)) - set(transit_ms("outage"))
    assert gone == set(range(50, 80))
    assert [transit_ms("steps")[n][0] for n in (49, 50, 99, 100)] == [10, 70, 70, 10]
