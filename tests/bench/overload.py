# SPDX-License-Identifier: GPL-3.0-or-later
"""`overload`: three times as many calls as the switch can take up. It must go on serving as many as it can, and send the rest
away at once, with a 503 that says when to come again; calls that are up don't notice.

Capacity is what it serves of the rates up to the one that keeps a core busy: the best second-rate of calls answered and ended.
The generator is that of `setup`, and so is the agent, which decides on each call in Python and speaks at once."""

from __future__ import annotations

import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import call_setup, harness, stats, verdict
from tests.hostile.canary import Canary

TIMES = 3.0
LONG_S = 3600.0  # the canary makes no new calls: they would be refused like the others
TRIED = (0.8, 1.0, 1.2)  # of what a call's processor time says
GOAL = {
    "goodput / capacity": 0.9,
    "503 p99 ms": 200.0,
    "other failures": 0.001,
    "503 without Retry-After": 0.0,
    "faults of calls beside": 0.0,
}
AT_LEAST = frozenset({"goodput / capacity"})


@dataclass(frozen=True)
class Found:
    """One rate."""

    rate: float
    calls: int
    served: float  # calls a second that were answered and ended as they should
    refused: int  # with 503
    other: int  # failures
    unexplained: int  # refusals without Retry-After
    refused_p99_ms: float
    answer_p99_ms: float
    faults: list[str]


def measure(rate: float, seconds: float) -> Found:
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        raw = Path(room) / "calls"
        far = start(harness.SYSTEM_CPU, [sys.executable, "-m", "tests.bench.setup_systems", "echo"])
        _, user, port = far.line().split()
        words: list[str | Path] = [port, user, f"{rate}", f"{seconds}", str(call_setup.HOLD_MS), raw]
        with Canary(int(port), new_call_s=LONG_S) as canary:
            counts = start(harness.GENERATOR_CPU, [call_setup.sipgen(), *words]).finish(seconds + 10)
        far.finish()
        rows = stats.read(raw, stats.SETUP)
    good, busy = rows[rows["code"] == 200], rows[rows["code"] == 503]
    waits = (busy["answer_ns"] - busy["invite_ns"]) / 1e6
    return Found(
        rate,
        len(rows),
        len(good) / seconds,
        len(busy),
        len(rows) - len(good) - len(busy),
        len(busy) - counts["later"],
        float(np.percentile(waits, 99)) if len(waits) else math.nan,
        stats.wait_ms(good, "answer_ns")[1],
        canary.faults,
    )


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds = 3.0 if quick else 10.0
    full = 1e6 / call_setup.measure(call_setup.OURS, call_setup.PROBE_RATE, 2.0).us_per_call
    within = [measure(share * full, seconds) for share in TRIED]
    capacity = max(found.served for found in within)
    above = [measure(TIMES * capacity, seconds) for _ in range(1 if quick else 3)]
    ratio = harness.spread([found.served / capacity for found in above])
    measured: dict[str, float | None] = {
        "goodput / capacity": ratio["median"],
        "503 p99 ms": harness.spread([found.refused_p99_ms for found in above])["median"],
        "other failures": sum(found.other for found in above) / sum(found.calls for found in above),
        "503 without Retry-After": sum(found.unexplained for found in above),
        "faults of calls beside": sum(len(found.faults) for found in [*within, *above]),
    }
    rows = [
        [
            f"{found.rate:.0f}",
            str(found.calls),
            f"{found.served:.0f}",
            f"{found.served / capacity:.2f}",
            str(found.refused),
            f"{found.refused_p99_ms:.1f}",
            str(found.other),
            f"{found.answer_p99_ms:.1f}",
            str(len(found.faults)),
        ]
        for found in [*within, *above]
    ]
    head = ["calls/s", "calls", "served/s", "of capacity", "503", "503 p99 ms", "failed otherwise", "200 p99 ms", "faults"]
    text = harness.table(
        f"overload: {TIMES:g} times the capacity of {capacity:.0f} calls a second, {seconds:g} s each", head, rows
    )
    text += "".join(f"\n{fault}" for found in [*within, *above] for fault in found.faults[:5])
    return text, {
        "capacity": capacity,
        "rates": [vars(found) for found in [*within, *above]],
        "ratios": {"goodput / capacity": ratio},
        "measured": measured,
        "goal": GOAL,
        "at_least": sorted(AT_LEAST),
        "met": verdict.judged(GOAL, measured, AT_LEAST),
        "valid": True,
    }
