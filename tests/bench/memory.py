# SPDX-License-Identifier: GPL-3.0-or-later
"""`memory`: bytes that one more leg costs while it talks through Python, as the slope from few to many legs in one process;
and what is left of a leg after it was closed, over thousands. Signalling's part of a call (PJSIP's dialog) is not in it. A call
to a peer, Asterisk with its AudioSocket server or PJSUA2 in Python, is a whole one, dialog and all, and so is one to the whole
switch: these compare with each other."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from tests.bench import far_end, harness, memory_peers, verdict


@dataclass(frozen=True)
class Case:
    few: int
    many: int  # Opus: as many as one core encodes for
    quick: int


CASES = {"pcmu": Case(100, 1000, 300), "opus": Case(10, 60, 30), "uvloop-udp": Case(100, 1000, 1000)}
PEER = Case(100, 1000, 300)
PEER_TALK_S = 1.5  # longer than any jitter buffer
LEFT = "bytes left per leg closed"
GOAL = {"pcmu bytes per leg": 48e3, "opus bytes per leg": 110e3, LEFT: 50.0}
TALK_S = 6.0  # longer than the output ring


def measure(system: str, few: int, many: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.memory_systems", system, str(few), str(many), f"{seconds}"]
    with harness.children() as start:
        return start(harness.SYSTEM_CPU, command).finish(600.0)


def measure_peers(names: list[str], quick: bool) -> dict[str, Any]:
    systems = {}
    for name in names:
        many = PEER.quick if quick else PEER.many
        found = memory_peers.measure(name, PEER.few, many, PEER_TALK_S)
        systems[name] = {"bytes_per_leg": harness.spread([found["bytes_per_leg"]]), "from": PEER.few, "to": many}
        systems[name]["least_share_heard"] = found["least_share_heard"]
    return systems


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines. Noise does not matter here: nothing is timed."""
    want, times = (1 if quick else 2), 11000
    present, absent, versions = far_end.here([far_end.ASTERISK, far_end.PJSUA2], not quick)
    rows: list[list[str]] = []
    systems: dict[str, Any] = {}
    for name, case in CASES.items():
        many = case.quick if quick else case.many
        found = [measure(name, case.few, many, TALK_S) for _ in range(want)]
        size = harness.spread([f["bytes_per_leg"] for f in found])
        systems[name] = {"bytes_per_leg": size, "from": case.few, "to": many}
        if "least_frames_heard" in found[0]:
            systems[name]["least_frames_heard"] = min(f["least_frames_heard"] for f in found)
    systems |= measure_peers([memory_peers.SWITCH, *present], quick)
    rows += [[f"{name}, {e['from']} to {e['to']} legs", *harness.cells(e["bytes_per_leg"])] for name, e in systems.items()]
    left = [measure("open-close", 0, times, 0.0) for _ in range(want)]
    leak = harness.spread([f["bytes_left_per_leg"] for f in left])
    objects = [f["objects_left"] for f in left if f["objects_left"]]
    rows.append([f"left of a closed leg, {times} legs", *harness.cells(leak)])
    sizes = {name: entry["bytes_per_leg"]["median"] for name, entry in systems.items()}
    measured: dict[str, float | None] = {f"{name} bytes per leg": sizes[name] for name in ("pcmu", "opus")}
    measured[LEFT] = abs(leak["median"]) if not objects else float("inf")
    text = harness.table("memory: anonymous bytes of the process", ["what", "bytes", "range"], rows)
    return text, {
        "systems": systems,
        "bytes_left_per_leg": leak,
        "objects_left": objects,
        "ratios": {
            "pcmu leg / uvloop-udp": sizes["pcmu"] / sizes["uvloop-udp"],
            **{f"whole switch / {name}": sizes[memory_peers.SWITCH] / sizes[name] for name in present},
        },
        "goal": GOAL,
        "measured": measured,
        "met": verdict.judged(GOAL, measured),
        "peers": versions,
        "missing_peers": absent,
        "valid": True,
    }
