# SPDX-License-Identifier: GPL-3.0-or-later
"""`flood`: strangers send 5,000 SIP messages a second to `sipagent serve --agent echo`, first from one address, then from a
thousand; calls of an address that the switch knows go on beside them, and new ones are set up."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import harness, verdict
from tests.hostile.canary import Canary
from tests.hostile.house import House

RATE = 5000
MANY = 1000
KNOWN = "127.0.0.1/32"
NEW_CALL_S = 0.25
GOAL = {
    "messages a second": float(RATE) * 0.99,
    "known calls set up": 0.99,
    "faults of calls beside": 0.0,
    "memory grown MiB": 64.0,
    "left after the timers": 0.0,
}
AT_LEAST = frozenset({"messages a second", "known calls set up"})


@dataclass(frozen=True)
class Found:
    """One flood."""

    sources: int
    sent_per_s: float
    canary: Canary
    grown: int
    busy: float  # of a core, all threads of the switch
    gate: dict[str, int]


def one(house: House, sources: int, seconds: int) -> Found:
    before, gate = house.held(), house.metric("sipagent_sip_messages_total")
    with harness.children() as start, Canary(house.ports["udp"], new_call_s=NEW_CALL_S) as canary:
        words = [sys.executable, "-m", "tests.bench.flooder", str(house.ports["udp"]), str(RATE), str(seconds), str(sources)]
        began, cpu = time.monotonic(), _cpu_s(house.switch.pid)
        sent = start(harness.GENERATOR_CPU, words).finish(seconds)["sent"]
        busy = (_cpu_s(house.switch.pid) - cpu) / (time.monotonic() - began)
        after = house.held()
    counts = {name: int(n - gate.get(name, 0)) for name, n in house.metric("sipagent_sip_messages_total").items()}
    return Found(sources, sent / seconds, canary, after.bytes - before.bytes, busy, {k: n for k, n in counts.items() if n})


def _cpu_s(pid: int) -> float:
    return sum(int(n) for n in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]) / os.sysconf(
        "SC_CLK_TCK"
    )


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds = 10 if quick else 60
    found: list[Found] = []
    left: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as room:
        house = House(Path(room), unlimited=[KNOWN], most_wait_ms=100)
        for task in Path(f"/proc/{house.switch.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {harness.SYSTEM_CPU})
        try:
            base = house.held()
            for sources in (1, MANY):
                found.append(one(house, sources, seconds))
                print(f"    {sources} sources: {found[-1].gate}", file=sys.stderr, flush=True)
            left = house.settle(base)
        finally:
            house.switch.stop()
    measured: dict[str, float | None] = {
        "messages a second": min(f.sent_per_s for f in found),
        "known calls set up": 1 - max(f.canary.failed for f in found),
        "faults of calls beside": sum(len(f.canary.faults) for f in found),
        "memory grown MiB": max(f.grown for f in found) / 2**20,
        "left after the timers": sum(left.values()),
    }
    rows = [
        [
            str(f.sources),
            f"{f.sent_per_s:.0f}",
            f"{f.busy:.2f}",
            f"{len(f.canary.set_up)}",
            f"{1 - f.canary.failed:.2%}",
            f"{f.canary.p99_ms:.1f}",
            str(f.canary.frames),
            str(len(f.canary.faults)),
            f"{f.grown / 2**20:.1f}",
            ", ".join(f"{name} {n}" for name, n in f.gate.items()),
        ]
        for f in found
    ]
    head = [
        "sources",
        "messages/s",
        "cores",
        "known calls",
        "set up",
        "OPTIONS p99 ms",
        "frames",
        "faults",
        "MiB grown",
        "gate",
    ]
    text = harness.table(
        f"flood: {RATE} messages a second of strangers for {seconds} s, calls of a known address beside", head, rows
    )
    text += "".join(f"\n{fault}" for f in found for fault in f.canary.faults[:10])
    return text, {
        "floods": [{"sources": f.sources, "gate": f.gate, "busy": f.busy, "set_up": f.canary.set_up} for f in found],
        "measured": measured,
        "goal": GOAL,
        "at_least": sorted(AT_LEAST),
        "met": verdict.judged(GOAL, measured, AT_LEAST),
        "left": left,
        "valid": True,
    }
