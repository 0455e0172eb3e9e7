# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks' arithmetic finds what was put in, and sees a sender that is bad."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.bench import harness, load, stats

GRID = stats.FRAME_NS


def probes(need_ns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What rtpgen `aim` would have seen of a clocked far end that needs need_ns[i] for frame i."""
    lead = np.exp(rng.uniform(np.log(10_000), np.log(8_000_000), len(need_ns))).astype(np.int64)
    rows = np.zeros(len(need_ns), stats.ECHO)
    rows["lead_ns"] = lead
    rows["latency_ns"] = np.where(need_ns <= lead, lead, lead + GRID)
    return rows


@pytest.mark.parametrize("median_us", [60, 400, 2000])
def test_time_to_wire_is_found_through_the_grid(median_us: int) -> None:
    rng = np.random.default_rng(3)
    need = rng.lognormal(np.log(median_us * 1000), 0.3, 20_000)
    p50, p99 = stats.time_to_wire_us(probes(need, rng), [0.5, 0.99])
    assert p50 == pytest.approx(np.quantile(need, 0.5) / 1e3, rel=0.1)
    assert p99 == pytest.approx(np.quantile(need, 0.99) / 1e3, rel=0.3)


@pytest.mark.parametrize("median_us", [60, 250, 1000])
def test_a_minute_of_one_call_is_enough_probes(median_us: int) -> None:
    aimsim = harness.compiled("aimsim", [harness.HERE / "aimsim.c", harness.HERE / "aim.h"], ["-lm"])
    need = np.random.default_rng(3).lognormal(np.log(median_us * 1000), 0.3, 2000)
    said = subprocess.run([aimsim], input="\n".join(map(str, need)), capture_output=True, text=True, check=True).stdout
    lead = np.array([int(line) for line in said.split()])
    rows = np.zeros(len(need), stats.ECHO)
    rows["lead_ns"], rows["latency_ns"] = lead, np.where(need <= lead, lead, lead + GRID)
    p50, p99 = stats.time_to_wire_us(rows, [0.5, 0.99])
    assert p50 == pytest.approx(np.quantile(need, 0.5) / 1e3, rel=0.1)
    assert p99 == pytest.approx(np.quantile(need, 0.99) / 1e3, rel=0.3)


def test_a_far_end_slower_than_every_lead_is_not_given_a_number() -> None:
    rng = np.random.default_rng(3)
    assert np.isnan(stats.time_to_wire_us(probes(np.full(2000, 9e6), rng), [0.5])).all()


def test_isotonic_is_the_nearest_rising_sequence() -> None:
    assert stats.isotonic(np.array([0, 1, 0, 1, 1.0])).tolist() == [0, 0.5, 0.5, 1, 1]


def packets(at_ns: np.ndarray, seq: np.ndarray, call: int = 0) -> np.ndarray:
    rows = np.zeros(len(at_ns), stats.PACKET)
    rows["at_ns"], rows["seq"], rows["call"] = at_ns, seq % 65536, call
    return rows


def test_pacing_error_is_found() -> None:
    rng = np.random.default_rng(4)
    seq = np.arange(65_000, 68_000)  # the sequence number wraps inside
    calls = [packets(c * 777 + np.arange(3000) * GRID + rng.normal(0, 50_000, 3000).astype(np.int64), seq, c) for c in range(3)]
    found = stats.pacing(np.concatenate(calls))
    assert found.sd_us == pytest.approx(50, rel=0.05)
    assert found.gaps == 0
    assert found.packets == 3 * (3000 - 25)


def test_lost_late_and_silent_packets_are_gaps() -> None:
    at, seq = np.arange(500) * GRID, np.arange(500)
    at[100] += 5_100_000
    rows = packets(at, seq)
    rows["silent"][200] = 1
    found = stats.pacing(np.delete(rows, [300, 301]))
    assert (found.off_grid, found.silent, found.missing, found.gaps) == (1, 1, 2, 4)
    assert found.max_us == pytest.approx(5100)


def test_a_silent_sender_is_an_error() -> None:
    with pytest.raises(ValueError, match="no packets"):
        stats.pacing(np.zeros(0, stats.PACKET))


def test_a_run_that_is_killed_leaves_the_rounds_that_were_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    floors = iter([100.0, 200.0, 100.0, 5000.0, 100.0, 100.0, 100.0])
    monkeypatch.setattr(harness, "noise_us", lambda: next(floors))
    monkeypatch.setattr(harness, "journal", tmp_path / "x.rounds")
    left = iter([load.Load(5, 400.0, {"py": 1.5}, 0.5, math.nan)] * 2 + [{"a": math.inf}])

    def measure(name: str) -> object:
        try:
            return next(left)
        except StopIteration:
            raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt):
        harness.run_rounds(["one"], measure, 5, "part")
    lines = [json.loads(line) for line in (tmp_path / "x.rounds").read_text().splitlines()]
    assert [line["quiet"] for line in lines] == [True, False, True]
    assert lines[0]["results"]["one"]["us_per_call_s"] == 400.0
    assert lines[0]["results"]["one"]["lost"] is None
    assert lines[2] == {"part": "part", "quiet": True, "noise_p99_us": 100.0, "results": {"one": {"a": None}}}
