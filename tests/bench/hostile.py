# SPDX-License-Identifier: GPL-3.0-or-later
"""`hostile`: all the hostile messages of tests/hostile at 200 a second over UDP, TCP and TLS to `sipagent serve --agent echo`,
with calls and OPTIONS beside them; and what is left when SIP's timers have run out.

The first set warms up what is kept for later (PJSIP's pools, the allocator's); memory is compared from there to the end of the
second one, which is the same set in another order. Noise does not matter but to the OPTIONS."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.bench import harness, verdict
from tests.hostile.canary import Canary
from tests.hostile.catalogue import catalogue
from tests.hostile.house import House, more
from tests.hostile.sender import Outcome, Sender, served, wrong

RATE = 200.0
GRACE_S = 5.0
LEAST = 4500
GOAL = {
    "messages": float(LEAST),
    "wrong verdicts": 0.0,
    "faults of calls beside": 0.0,
    "new calls failed": 0.0,
    "OPTIONS p99 ms": 50.0,
    "left after the timers": 0.0,
    "memory grown MiB": 1.0,
}


def send(house: House, seed: int, n: int) -> tuple[list[Outcome], Canary]:
    sender = Sender(house.ports, house.certificates.ca)
    with Canary(house.ports["udp"]) as canary:
        outcomes = asyncio.run(sender.run(catalogue(seed)[:n], RATE, GRACE_S))
    return outcomes, canary


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    n = 1000 if quick else sys.maxsize
    with tempfile.TemporaryDirectory() as room:
        house = House(Path(room))
        try:
            base = house.held()
            rounds = []
            left: dict[str, int] = {}
            marks = []
            for seed in (1, 2):
                rounds.append(send(house, seed, n))
                left |= house.settle(base)
                marks.append(house.held())
                print(f"    set {seed}: left {left}, {marks[-1].bytes / 2**20:.1f} MiB", file=sys.stderr, flush=True)
            left |= more(marks[1].kept, marks[0].kept)
            healthy = house.switch.healthy()
        finally:
            code = house.switch.stop()
    outcomes = [o for each, _ in rounds for o in each]
    bad = wrong(outcomes)
    faults = [fault for _, canary in rounds for fault in canary.faults]
    if not healthy or code != 0:
        faults.append(f"health {healthy}, exit {code}")
    measured: dict[str, float | None] = {
        "messages": min(len(each) for each, _ in rounds),
        "wrong verdicts": len(bad),
        "faults of calls beside": len(faults),
        "new calls failed": max(canary.failed for _, canary in rounds),
        "OPTIONS p99 ms": max(canary.p99_ms for _, canary in rounds),
        "left after the timers": sum(left.values()),
        "memory grown MiB": (marks[1].bytes - marks[0].bytes) / 2**20,
    }
    text = harness.table(
        f"hostile: {len(outcomes)} messages at {RATE:g} a second, {served(outcomes)} of them became calls; "
        f"{sum(canary.frames for _, canary in rounds)} frames of the calls beside came back",
        ["family", "messages", "served", "refused", "silent", "wrong"],
        _rows(outcomes),
    )
    text += "".join(f"\n{line}" for line in [*bad[:20], *faults[:20], *(f"left: {name} {n}" for name, n in left.items())])
    return text, {
        "measured": measured,
        "goal": GOAL,
        "at_least": ["messages"],
        "met": verdict.judged(GOAL, measured, frozenset({"messages"})),
        "held": [vars(base), *map(vars, marks)],
        "left": left,
        "valid": True,
    }


def _rows(outcomes: list[Outcome]) -> list[list[str]]:
    rows = []
    for family, n in sorted(Counter(o.hostile.family for o in outcomes).items()):
        of = [o for o in outcomes if o.hostile.family == family]
        finals = [o.final for o in of]
        parts = [sum(200 <= f < 300 for f in finals), sum(f >= 300 for f in finals), finals.count(0), len(wrong(of))]
        rows.append([family, str(n), *map(str, parts)])
    return rows
