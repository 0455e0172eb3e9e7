# SPDX-License-Identifier: GPL-3.0-or-later
"""`g711`: calls per core, G.711 with every frame in Python's hands: received as PCM by the call's handler, changed there (the
generator checks it) and written back by it.

Capacity is CPU time: 1e6 / (microseconds a call needs for one second), at a load that is not saturated, and confirmed once
at nine tenths of it. `leg-null` is the same core without Python in the path, the ceiling; `uvloop-udp` an
asyncio.DatagramProtocol that sends the payload back as it is, without RTP, codec, clock or rings."""

from __future__ import annotations

from typing import Any

from tests.bench import harness, load

SYSTEMS = ["leg-swap", "leg-null", "uvloop-udp"]
OURS = SYSTEMS[0]
CALLS = 500
GOAL = {"CPU of leg-swap / leg-null": 1.25}  # 0.80 of its capacity
MISSING = "PJSUA2's AudioMediaPort in Python, Asterisk with AudioSocket"


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (4.0, 1) if quick else (12.0, 5)
    rounds = harness.run_rounds(SYSTEMS, lambda name: load.measure(name, CALLS, seconds), want, f"{CALLS} calls")
    rows, systems = [], {}
    for name in SYSTEMS:
        entry = systems[name] = load.summary(rounds.results[name])
        entry["calls_per_core"] = 1e6 / entry["us_per_call_s"]["median"]
        threads = ", ".join(f"{k} {v:.0f}" for k, v in entry["threads"].items())
        rows.append([name, f"{entry['calls_per_core']:.0f}", *harness.cells(entry["us_per_call_s"]), f"{entry['lost']:.4%}"])
        rows[-1].append(threads)
    pairs = {peer: list(zip(rounds.results[OURS], rounds.results[peer], strict=True)) for peer in SYSTEMS if peer != OURS}
    ratios = {
        f"CPU of {OURS} / {peer}": harness.spread([a.us_per_call_s / b.us_per_call_s for a, b in found])
        for peer, found in pairs.items()
    }
    claimed = int(0.9 * systems[OURS]["calls_per_core"])
    confirmed = load.measure(OURS, claimed, seconds)
    rows += [[name, "", f"{r['median']:.3f}", f"{r['min']:.3f}-{r['max']:.3f}", "", ""] for name, r in ratios.items()]
    rows.append(
        [
            f"{claimed} calls at once: {'held' if confirmed.lost <= load.LOST_MOST else 'NOT held'}",
            f"{1e6 / confirmed.us_per_call_s:.0f}",
            f"{confirmed.us_per_call_s:.0f}",
            "",
            f"{confirmed.lost:.4%}",
            "",
        ]
    )
    title = f"g711: calls a core, each frame through Python; {CALLS} calls, {seconds:g} s each"
    text = harness.table(
        f"{title}\n    {rounds.remark}\n    not in this run: {MISSING}",
        ["system", "calls/core", "us/call-s", "range", "lost", "threads, us"],
        rows,
    )
    return text, {
        "systems": systems,
        "ratios": ratios,
        "goal": GOAL,
        "met": {key: ratios[key]["median"] <= bound for key, bound in GOAL.items()},
        "confirmed": {
            "calls": claimed,
            "held": confirmed.lost <= load.LOST_MOST,
            "lost": confirmed.lost,
            "us_per_call_s": confirmed.us_per_call_s,
        },
        "missing_peers": MISSING,
        **harness.rounds_report(rounds),
    }
