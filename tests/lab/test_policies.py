# SPDX-License-Identifier: GPL-3.0-or-later
"""The optimum is one, and the policies are what they claim to be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.lab import policies
from tests.lab.line import ARRIVAL, NEVER, PACKET_US, WARM_UP, Line, make, score
from tests.lab.networks import Net, network
from tests.netsim import MS, Conditions, Opportunities

STEP = 10 * MS  # coarser than the real one, so that a pause allows only a small fall


def spurts(n: int, seed: int = 1) -> np.ndarray:
    """Talk with pauses."""
    rng = np.random.default_rng(seed)
    parts = [[False] * int(rng.integers(5, 60)) + [True] * int(rng.integers(3, 40)) for _ in range(n // 20)]
    return np.array(list(itertools.chain.from_iterable(parts)))[:n]


def line_of(late_steps: list[int], quiet: list[bool]) -> Line:
    """Packets with these transits above the base, in steps of the optimum's delays, behind a warm-up without any."""
    late = np.array([0] * WARM_UP + late_steps, np.int64) * STEP
    sent = np.arange(len(late)) * PACKET_US
    first = np.where(late < 0, NEVER, sent + 20 * MS + late)
    return Line(
        Net("x", Conditions(), ""),
        sent,
        np.zeros(0, ARRIVAL),
        first,
        np.array([True] * WARM_UP + quiet),
        np.zeros((0,), np.int16),
    )


def brute(late: list[int], quiet: list[bool], price: float, levels: int, slack: int) -> float:
    """Least cost over all sequences of delays, in steps."""
    fall = PACKET_US // STEP
    best = float("inf")
    for chosen in itertools.product(range(levels), repeat=len(late)):
        moves = zip(itertools.pairwise(chosen), itertools.pairwise(quiet), strict=True)
        if any((b - a < -fall) if qa or qb else (abs(b - a) > slack) for (a, b), (qa, qb) in moves):
            continue
        heard = [(c, x) for c, x, q in zip(chosen, late, quiet, strict=True) if not q]
        best = min(best, sum(c - x if 0 <= x <= c else price * (x >= 0) for c, x in heard))
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("slack", [0, 1])
def test_optimum_is_the_least_of_all(seed: int, slack: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    levels = 5
    late = [int(x) for x in rng.integers(0, levels + 2, 6)]
    quiet = [bool(x) for x in rng.random(6) < 0.3]
    quiet[0], quiet[2] = False, True
    line = line_of(late, quiet)
    monkeypatch.setattr(policies, "STEP_US", STEP)
    monkeypatch.setattr(policies, "LONGEST_US", levels * STEP)
    monkeypatch.setattr(policies, "STRETCH", slack * STEP / PACKET_US)
    n_speech = quiet.count(False)
    for price_steps in (0.7, 2.3, 50.0):
        monkeypatch.setattr(policies, "PRICES_MS", (price_steps * STEP / MS,))
        found = policies.optimum(line, scaling=slack > 0)
        missed = round(found.concealed[0] * n_speech)
        cost = found.held_ms[0] * MS / STEP * (n_speech - missed) + price_steps * missed
        assert cost == pytest.approx(brute(late, quiet, price_steps, levels, slack), abs=1e-3)


def test_lost_packets_cost_the_optimum_no_delay() -> None:
    found = policies.optimum(line_of([0, 0, -1, 0, 8, 0], [False] * 6))
    assert list(found.concealed) == pytest.approx([1 / 6, 2 / 6])
    assert found.held_ms == pytest.approx([(8 * 10 * 4) / 5, 0])


def test_more_freedom_is_never_worse() -> None:
    line = make(network("lte"), spurts(1500))
    free, still, never = policies.optimum(line, scaling=True), policies.optimum(line), policies.hindsight(line)
    grid = policies.optimum(line, grid_phase_us=7_500)
    for concealed in (0.005, 0.01, 0.02, 0.05):
        assert free.at(concealed) <= still.at(concealed) * 1.01 <= never.at(concealed) * 1.02
        assert still.at(concealed) <= grid.at(concealed) * 1.01


@pytest.mark.parametrize("name", ["gauss-10", "pareto", "lte"])
def test_nobody_beats_the_optimum(name: str) -> None:
    line = make(network(name), spurts(1500))
    bound = policies.optimum(line, scaling=True)
    for policy in (policies.ours(), policies.pjsip()):
        found = policies.judge(policy, line)
        assert found.held_ms >= bound.at(found.concealed)
    found = policies.fixed(line, 60)
    assert found.held_ms >= policies.hindsight(line).at(found.concealed) * 0.99


def test_fixed_delay_is_fixed() -> None:
    line = make(Net("x", Conditions(delay_us=20 * MS), ""), spurts(600))
    found = policies.fixed(line, 60)
    assert 60 <= found.held_ms < 80
    assert found.concealed == 0
    late = make(Net("x", Conditions(delay_us=20 * MS, steps=((8_000 * MS, 90 * MS),)), ""), spurts(600))
    after = late.speech[400:].sum() / late.speech.sum()
    assert policies.fixed(late, 60).concealed == pytest.approx(after, abs=0.02)


def test_a_clean_line_costs_nobody_anything() -> None:
    line = make(Net("x", Conditions(delay_us=20 * MS), ""), spurts(900))
    for policy in (policies.ours(), policies.pjsip()):
        found = policies.judge(policy, line)
        assert found.concealed == 0
        assert found.held_ms < 45


def test_what_the_network_loses_is_concealed_by_all() -> None:
    line = make(Net("x", Conditions(loss=0.05), ""), spurts(2000))
    for found in (policies.judge(policies.ours(), line), policies.judge(policies.pjsip(), line), policies.fixed(line, 40)):
        assert found.concealed >= line.lost - 1e-9
        assert found.concealed == pytest.approx(line.lost, abs=0.02)


def test_a_dearer_packet_conceals_less() -> None:
    line = make(network("lte"), spurts(1500))
    found = policies.knobs(policies.ours(), line)
    assert np.all(np.diff(found.held_ms) < 0)
    assert found.concealed[0] < 0.01
    assert found.at(-0.1) == float("inf")


def test_ours_scales_time_and_says_so() -> None:
    """Sound that hums lets itself be scaled: what is out of step with the ticks is told, and nobody else does it."""
    line = make(network("lte"), spurts(1500))
    found = policies.judge(policies.ours(), line)
    assert 0.001 < found.scaled < 0.1
    assert policies.judge(policies.pjsip(), line).scaled == policies.fixed(line, 60).scaled == 0
    played = policies.play(policies.ours(), line, 2_500)
    lengths = played["len_us"][played["us"] != NEVER]
    assert lengths.min() < PACKET_US < lengths.max() <= PACKET_US + 15 * MS


@pytest.mark.parametrize("jitter_ms", [1, 2, 5])
def test_a_calm_line_is_not_scaled(jitter_ms: int) -> None:
    """Wherever the player's clock stands against the sender's, also where two of its places cost alike."""
    for seed in range(1, 5):
        line = make(Net("x", Conditions(jitter_us=jitter_ms * MS), "", seed=seed), spurts(2000, seed))
        for phase_us in range(0, PACKET_US, 1 * MS):
            found = score(line, policies.play(policies.ours(), line, phase_us))
            assert (found.concealed, found.held_ms < 30) == (0, True)
            assert found.scaled < 0.001, f"seed {seed}, phase {phase_us}"


def test_noise_can_not_be_scaled_and_still_comes_back() -> None:
    """Two seconds of nothing, then all at once."""
    net = Net(
        "x",
        Conditions(
            delay_us=20 * MS, link=Opportunities(tuple(t * MS for t in range(20_000) if not 8000 < t < 9000), 20_000 * MS)
        ),
        "",
    )
    quiet = np.zeros(900, bool)
    noise = np.random.default_rng(1).integers(-8000, 8000, 900 * 160).astype(np.int16)
    line = make(net, quiet, noise)
    played = policies.play(policies.ours(), line, 2_500)
    numbers = np.flatnonzero((played["us"] != NEVER) & (played["us"] > 14_000 * MS))
    assert ((played["us"] - line.first_us)[numbers] < 60 * MS).all()
