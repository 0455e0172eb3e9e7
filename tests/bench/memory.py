# SPDX-License-Identifier: GPL-3.0-or-later
"""`memory`: bytes that one more leg costs while it talks through Python, as the slope from few to many legs in one process;
and what is left of a leg after it was closed, over thousands. Signalling's part of a call (PJSIP's dialog) is not in it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from tests.bench import harness

MISSING = "Asterisk, PJSUA2 in Python"


@dataclass(frozen=True)
class Case:
    few: int
    many: int  # Opus: as many as one core encodes for
    quick: int


CASES = {"pcmu": Case(100, 1000, 300), "opus": Case(10, 60, 30), "uvloop-udp": Case(100, 1000, 1000)}
GOAL = {"pcmu bytes per leg": 48e3, "opus bytes per leg": 110e3, "bytes left per leg closed": 50.0}
TALK_S = 6.0  # longer than the output ring


def measure(system: str, few: int, many: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.memory_systems", system, str(few), str(many), f"{seconds}"]
    with harness.children() as start:
        return start(harness.SYSTEM_CPU, command).finish(600.0)


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines. Noise does not matter here: nothing is timed."""
    want, times = (1, 2000) if quick else (3, 11000)
    rows: list[list[str]] = []
    systems: dict[str, Any] = {}
    for name, case in CASES.items():
        many = case.quick if quick else case.many
        found = [measure(name, case.few, many, TALK_S) for _ in range(want)]
        size = harness.spread([f["bytes_per_leg"] for f in found])
        systems[name] = {"bytes_per_leg": size, "from": case.few, "to": many}
        if "least_frames_heard" in found[0]:
            systems[name]["least_frames_heard"] = min(f["least_frames_heard"] for f in found)
        rows.append([f"{name}, {case.few} to {many} legs", *harness.cells(size)])
    left = [measure("open-close", 0, times, 0.0) for _ in range(want)]
    leak = harness.spread([f["bytes_left_per_leg"] for f in left])
    objects = [f["objects_left"] for f in left if f["objects_left"]]
    rows.append([f"left of a closed leg, {times} legs", *harness.cells(leak)])
    met = {
        f"{name} bytes per leg": systems[name]["bytes_per_leg"]["median"] <= GOAL[f"{name} bytes per leg"]
        for name in ("pcmu", "opus")
    }
    met["bytes left per leg closed"] = abs(leak["median"]) <= GOAL["bytes left per leg closed"] and not objects
    text = harness.table(
        f"memory: anonymous bytes of the process; not in this run: {MISSING}", ["what", "bytes", "range"], rows
    )
    return text, {
        "systems": systems,
        "bytes_left_per_leg": leak,
        "objects_left": objects,
        "ratios": {
            "pcmu leg / bare uvloop socket": systems["pcmu"]["bytes_per_leg"]["median"]
            / systems["uvloop-udp"]["bytes_per_leg"]["median"]
        },
        "goal": GOAL,
        "met": met,
        "missing_peers": MISSING,
        "valid": True,
    }
