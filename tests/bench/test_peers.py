# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers of the benchmarks do what they are measured for: Python hears each frame and what it changed comes back. And a peer
that is missing, saturated or slow never reads as a goal that is met."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.bench import far_end, growth, harness, load, stats, verdict

SECONDS = 1.5


@pytest.mark.parametrize("name", [far_end.ASTERISK, far_end.PJSUA2])
def test_what_python_changed_comes_back(name: str, tmp_path: Path) -> None:
    if why := far_end.PEERS[name].missing():
        pytest.skip(why)
    with far_end.echo(name, 2, "steady", SECONDS, tmp_path / "raw") as run:
        used = load.cpu_ns(run.system.process.pid)
        counts = run.generator.finish(SECONDS)
        more = load.cpu_ns(run.system.process.pid)
        run.system.finish()
    far_end.check(name, counts)
    assert counts["back"] > 0.8 * counts["sent"] > 0.8 * 2 * 50 * SECONDS * 0.9
    [p50] = stats.latency_us(stats.read(tmp_path / "raw", stats.ECHO), [0.5])
    assert 0 < p50 < 200_000
    grown = [thread for thread in more if more[thread] > used.get(thread, 0)]
    assert len(grown) > 1, f"more than one thread of {name} works: {more}"
    assert far_end.PEERS[name].version().rpartition(" ")[2][0].isdigit()


def test_a_system_without_python_in_the_path_is_found_out() -> None:
    counts = {"back": 100, "dup": 0, "unchanged": 1, "swapped": 99, "quartered": 0}
    with pytest.raises(RuntimeError, match="did not come back"):
        far_end.check(far_end.ASTERISK, counts)
    with pytest.raises(RuntimeError, match="did not come back"):
        far_end.check(far_end.PJSUA2, {**counts, "unchanged": 0, "swapped": 100})
    far_end.check(far_end.ASTERISK, {**counts, "unchanged": 0, "swapped": 100})


def test_children_are_part_of_a_system() -> None:
    with harness.children() as start:
        child = start(0, ["sh", "-c", "sleep 30 & echo up; read -r line; kill $!; echo {}"])
        assert child.line() == "up"
        assert len(load.family(child.process.pid)) == 2
        child.finish()


def test_goals_are_judged_in_their_direction_and_never_without_a_figure() -> None:
    goal = {"ratio": 8.0, "time": 100.0, "beside a peer": 10.0, "slope": 0.02}
    measured = {"ratio": 7.9, "time": 99.0, "slope": float("nan")}
    met = verdict.judged(goal, measured, frozenset({"ratio", "beside a peer"}))
    assert met == {"ratio": False, "time": True, "beside a peer": None, "slope": None}
    report = {"goal": goal, "met": met, "valid": True, "at_least": ["ratio"], "missing_peers": {"asterisk": "not fetched"}}
    assert [verdict.verdict(report, name) for name in goal] == ["NOT met", "met", "NOT MEASURED", "NOT MEASURED"]
    assert verdict.verdict({**report, "valid": False}, "time") == "proves nothing"
    assert "goal ratio >= 8: NOT met" in verdict.lines(report)
    assert verdict.lines(report)[-1] == "!!! MISSING PEER asterisk: not fetched"


def test_a_round_without_a_figure_leaves_none() -> None:
    assert all(math.isnan(harness.spread([1.0, float("nan"), 2.0])[key]) for key in ("median", "min", "max"))
    assert harness.spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0, "rounds": 3}


def cost_of(sizes: list[int], us: dict[int, float], busy: float = 0.5) -> list[load.Load]:
    return [load.Load(n, us[n], {}, busy, 0.0) for n in sizes]


def test_growth_is_seen_behind_a_fixed_cost() -> None:
    sizes = growth.SIZES
    fixed, steady, rising = 50_000.0, 300.0, 0.10
    level = growth.exponents(cost_of(sizes, {n: fixed / n + steady for n in sizes}))
    assert level[growth.ALL] < -0.3
    assert level[growth.BEYOND] == pytest.approx(0, abs=1e-9)
    grown = growth.exponents(cost_of(sizes, {n: fixed / n + steady * n**rising for n in sizes}))
    assert grown[growth.ALL] < -0.2
    assert grown[growth.BEYOND] == pytest.approx(rising, abs=0.03)
    saturated = growth.exponents(cost_of(sizes, dict.fromkeys(sizes, 1.0), busy=0.9))
    assert all(math.isnan(value) for value in saturated.values())
