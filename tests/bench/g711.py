# SPDX-License-Identifier: GPL-3.0-or-later
"""`g711`: calls per core, G.711 with every frame in Python's hands: received as PCM by the call's handler, changed there (the
generator checks it) and written back by it.

Capacity is CPU time: 1e6 / (microseconds a call needs for one second), at a load that is not saturated, and confirmed once
at nine tenths of it. `leg-null` is the same core without Python in the path, the ceiling, measured by turns with ours
(tests.bench.turns); `udp-bare` the worker's system calls alone, so what is left when everything but the kernel's UDP costs
nothing; `uvloop-udp` an asyncio.DatagramProtocol that sends the payload back, without RTP, codec, clock or rings. The peers
(docs/benchmarks.md) have as many calls as keep a core busy by half: what is fixed in their cost is then shared by as many as it
can be."""

from __future__ import annotations

import math
import statistics
from typing import Any

from tests.bench import far_end, harness, load, turns, verdict

OURS, NULL, KERNEL, PJSUA2, ASTERISK = turns.OURS, turns.NULL, far_end.KERNEL, far_end.PJSUA2, far_end.ASTERISK
SYSTEMS = [OURS, NULL, KERNEL, "uvloop-udp", PJSUA2, ASTERISK]
SLICE_S = 1.0
CALLS = 500
PROBE_CALLS = 100  # of a peer
PEER_BUSY = 0.5
CLAIMED = 0.9  # of the capacity
GOAL = {f"capacity / {NULL}": 0.80, f"capacity / {PJSUA2}": 8.0, f"capacity / {ASTERISK}": 10.0}


def calls_for(name: str, quick: bool) -> int:
    """How many calls a system is measured with; 0: it is a peer that does not even carry the few of a first look."""
    if name not in far_end.PEERS:
        return CALLS
    found = load.measure(name, PROBE_CALLS, 1.0 if quick else 3.0)
    if math.isnan(found.us_per_call_s):
        return 0
    return PROBE_CALLS if quick else max(50, round(PEER_BUSY * 1e6 / found.us_per_call_s / 50) * 50)


def confirm(name: str, capacity: float, seconds: float) -> dict[str, Any]:
    """Nine tenths of the claimed calls at once: whether they are held."""
    calls = int(CLAIMED * capacity)
    found = load.measure(name, calls, seconds)
    held = found.held if found.late <= load.LATE_MOST else None  # else the generator could not keep up
    return {
        "calls": calls,
        "held": held,
        "lost": found.lost,
        "late": found.late,
        "busy": found.busy,
        "us_per_call_s": found.us_per_call_s,
    }


def measured_in_round(name: str, calls: int, seconds: float) -> dict[str, list[load.Load]]:
    """By system: ours and the null engine come together, slice by slice."""
    if name == OURS:
        return turns.measure(calls, SLICE_S, round(seconds))
    return {name: [load.measure(name, calls, seconds)]}


def cost(loads: list[load.Load]) -> float:
    return statistics.median(found.us_per_call_s for found in loads)


def ratios_to(theirs: list[list[load.Load]], ours: list[list[load.Load]]) -> list[float]:
    """Of capacities, ours to theirs: of slices that lie next to each other where there are such, else of rounds."""
    found: list[float] = []
    for its, mine in zip(theirs, ours, strict=True):
        pairs = zip(its, mine, strict=True) if len(its) == len(mine) else [(its[0], None)]
        found += [a.us_per_call_s / (cost(mine) if b is None else b.us_per_call_s) for a, b in pairs]
    return found


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (2.0, 1) if quick else (4.0, 5)
    present, absent, versions = far_end.here(SYSTEMS, not quick)
    calls = {name: calls_for(name, quick) for name in present}
    absent |= {name: f"it failed with {PROBE_CALLS} calls" for name, n in calls.items() if n == 0}
    present = [name for name in present if calls[name] > 0]
    runs = [name for name in present if name != NULL]
    rounds = harness.run_rounds(runs, lambda name: measured_in_round(name, calls[name], seconds), want, "g711")
    found = {name: [r[name] for r in rounds.results[OURS if name == NULL else name]] for name in present}
    rows, systems, confirmed, ratios = [], {}, {}, {}
    measured: dict[str, float | None] = {}
    for name in present:
        entry = systems[name] = load.summary([one for r in found[name] for one in r])
        entry["calls"] = calls[name]
        entry["calls_per_core"] = 1e6 / entry["us_per_call_s"]["median"]
        ratios[f"capacity / {name}"] = harness.spread(ratios_to(found[name], found[OURS]))
        if entry["valid"]:
            measured[f"capacity / {name}"] = ratios[f"capacity / {name}"]["median"]
        if name == OURS or (entry["valid"] and not quick and name != KERNEL):
            confirmed[name] = confirm(name, entry["calls_per_core"], seconds)
        rows.append([name, str(calls[name]), f"{entry['calls_per_core']:.0f}", *harness.cells(entry["us_per_call_s"])])
        rows[-1] += [
            f"{entry['lost']:.3%}",
            "" if entry["valid"] else "SATURATED" if entry["late"] <= load.LATE_MOST else "GENERATOR SLOW",
            verdict_on(confirmed.get(name)),
        ]
        rows[-1].append(", ".join(f"{k} {v:.0f}" for k, v in entry["threads"].items()))
    del ratios[f"capacity / {OURS}"]
    for peer in (PJSUA2, ASTERISK):
        if peer in present:  # what no engine with a socket a call can exceed, if all but the kernel cost nothing
            both = zip(found[peer], found[KERNEL], strict=True)
            ratios[f"{KERNEL} / {peer}"] = harness.spread([cost(its) / cost(kernel) for its, kernel in both])
    text = harness.table(
        f"g711: calls a core, each frame through Python; {seconds:g} s each\n    {rounds.remark}",
        ["system", "calls", "calls/core", "us/call-s", "range", "lost", "", "nine tenths at once", "threads, us"],
        rows,
    )
    text += "".join(f"\n{name}: {r['median']:.2f} ({r['min']:.2f}-{r['max']:.2f})" for name, r in ratios.items())
    return text, {
        "systems": systems,
        "ratios": ratios,
        "goal": GOAL,
        "at_least": list(GOAL),
        "measured": measured,
        "met": verdict.judged(GOAL, measured, frozenset(GOAL)),
        "confirmed": confirmed,
        "peers": versions,
        "missing_peers": absent,
        **harness.rounds_report(rounds),
    }


def verdict_on(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    words = {True: "held", False: "NOT held", None: "generator too slow"}[found["held"]]
    return f"{found['calls']} {words}, {found['lost']:.3%} lost"
