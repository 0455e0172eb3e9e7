# SPDX-License-Identifier: GPL-3.0-or-later
"""`growth`: CPU time of one call beside N others, N from 10 to 1,000. The exponent is the slope of log(CPU of a call) over
log(N): 0 = a call costs the same however many there are, 1 = it costs N times as much among N."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.bench import harness, load

SYSTEMS = ["leg-swap", "leg-null", "uvloop-udp"]
SIZES = [10, 30, 100, 300, 1000]
GOAL = {"exponent": 0.02}


def exponent(loads: list[load.Load]) -> float:
    """Least squares; what ran into the core's limit is left out."""
    good = [x for x in loads if x.valid]
    if len(good) < 3:
        return float("nan")
    return float(np.polyfit(np.log([x.calls for x in good]), np.log([x.us_per_call_s for x in good]), 1)[0])


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want, sizes = (3.0, 1, [10, 100, 300]) if quick else (8.0, 5, SIZES)
    rounds = harness.run_rounds(
        SYSTEMS, lambda name: [load.measure(name, n, seconds) for n in sizes], want, f"{sizes[0]} to {sizes[-1]} calls"
    )
    rows: list[list[str]] = []
    systems: dict[str, dict[str, Any]] = {}
    for name in SYSTEMS:
        found: list[list[load.Load]] = rounds.results[name]
        by_size = {n: load.summary([r[i] for r in found]) for i, n in enumerate(sizes)}
        full = [n for i, n in enumerate(sizes) if not all(r[i].valid for r in found)]
        systems[name] = {"calls": by_size, "exponent": harness.spread([exponent(r) for r in found]), "saturated_at": full}
        slope = systems[name]["exponent"]
        cells = [f"{by_size[n]['us_per_call_s']['median']:.0f}{'*' if n in full else ''}" for n in sizes]
        rows.append([name, *cells, f"{slope['median']:+.3f}", f"{slope['min']:+.3f} {slope['max']:+.3f}"])
    ours = systems[SYSTEMS[0]]["exponent"]["median"]
    title = f"growth: us of CPU for a call and second, beside N - 1 others; {seconds:g} s each"
    text = harness.table(
        f"{title}\n    * = core full or frames lost: left out\n    {rounds.remark}",
        ["system", *(f"N={n}" for n in sizes), "exponent", "range"],
        rows,
    )
    return text, {
        "systems": systems,
        "ratios": {f"exponent of {SYSTEMS[0]} - {peer}": ours - systems[peer]["exponent"]["median"] for peer in SYSTEMS[1:]},
        "goal": GOAL,
        "met": {"exponent": ours <= GOAL["exponent"]},
        **harness.rounds_report(rounds),
    }
