# SPDX-License-Identifier: GPL-3.0-or-later
"""`growth`: CPU time of one call beside N others, N from 10 to 1,000. The exponent is the slope of log(CPU of a call) over
log(N): 0 = a call costs the same however many there are, 1 = it costs N times as much among N.

What the process does anyway, its clock and its wake-ups, falls on few calls or on many: a call's share of the whole shrinks
with N for that reason, the exponents over all N and from 100 calls on are negative, and a growth could hide behind that. So the
goal is judged on what calls cost beyond the first hundred, (CPU of N - CPU of 100) / (N - 100), where only load is left."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.bench import far_end, harness, load, verdict

OURS, NULL, ASTERISK = "leg-swap", "leg-null", far_end.ASTERISK
SYSTEMS = [OURS, NULL, ASTERISK]
BASE = 100
SIZES = [10, BASE, 300, 600, 1000]
SIZES_OF = {ASTERISK: [10, BASE, 200, 300, 400]}  # what it holds on one core
QUICK_SIZES = [BASE, 200, 300]
ALL, LOADED, BEYOND = "exponent", f"exponent from {BASE} calls", f"exponent beyond {BASE} calls"
GOAL = {BEYOND: 0.02}


def slope(costs: dict[int, float]) -> float:
    """Of log(cost) over log(calls), least squares. nan: less than two sizes, or a cost that is none."""
    if len(costs) < 2 or min(costs.values()) <= 0:
        return float("nan")
    return float(np.polyfit(np.log(list(costs)), np.log(list(costs.values())), 1)[0])


def exponents(loads: list[load.Load]) -> dict[str, float]:
    """The three of one round; what ran into the core's limit is left out."""
    cost = {x.calls: x.us_per_call_s for x in loads if x.valid}
    loaded = {n: us for n, us in cost.items() if n >= BASE}
    beyond = {n: (n * us - BASE * cost[BASE]) / (n - BASE) for n, us in loaded.items() if n > BASE} if BASE in cost else {}
    return {ALL: slope(cost), LOADED: slope(loaded), BEYOND: slope(beyond)}


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (1.5, 1) if quick else (2.5, 3)
    present, absent, versions = far_end.here(SYSTEMS, not quick)
    sizes = {name: QUICK_SIZES if quick else SIZES_OF.get(name, SIZES) for name in present}
    rounds = harness.run_rounds(present, lambda name: [load.measure(name, n, seconds) for n in sizes[name]], want, "growth")
    columns = sorted({n for of_one in sizes.values() for n in of_one})
    rows: list[list[str]] = []
    systems: dict[str, dict[str, Any]] = {}
    for name in present:
        found: list[list[load.Load]] = rounds.results[name]
        by_size = {n: load.summary([r[i] for r in found]) for i, n in enumerate(sizes[name])}
        rates = [exponents(r) for r in found]
        systems[name] = {"calls": by_size, **{key: harness.spread([r[key] for r in rates]) for key in rates[0]}}
        costs = {n: f"{entry['us_per_call_s']['median']:.0f}{'' if entry['valid'] else '*'}" for n, entry in by_size.items()}
        rows.append([name, *(costs.get(n, "") for n in columns)])
        rows[-1] += [f"{systems[name][key]['median']:+.3f}" for key in rates[0]]
        rows[-1].append(f"{systems[name][BEYOND]['min']:+.3f} {systems[name][BEYOND]['max']:+.3f}")
    slopes = {name: entry[BEYOND]["median"] for name, entry in systems.items()}
    measured = {BEYOND: slopes[OURS]}
    title = f"growth: us of CPU for a call and second, beside N - 1 others; {seconds:g} s each"
    text = harness.table(
        f"{title}\n    * = core full or frames lost: left out\n    {rounds.remark}",
        ["system", *(f"N={n}" for n in columns), "exponent, all N", f"N >= {BASE}", f"beyond {BASE}", "range"],
        rows,
    )
    return text, {
        "systems": systems,
        "ratios": {f"{BEYOND}, {OURS} - {peer}": slopes[OURS] - slopes[peer] for peer in present if peer != OURS},
        "goal": GOAL,
        "measured": measured,
        "met": verdict.judged(GOAL, measured),
        "peers": versions,
        "missing_peers": absent,
        **harness.rounds_report(rounds),
    }
