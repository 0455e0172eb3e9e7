# SPDX-License-Identifier: GPL-3.0-or-later
"""`frame-latency`: one frame from the wire through Python to the wire, at 1, 100 and 500 calls.

Measured outside, by a generator on another core with kernel receive stamps. Our core sends on a 20 ms grid, so it is not
asked how long a frame took (that is mostly its place in the period) but how late it could come and still leave with the
next packet: the generator tries leads from 10 us to 8 ms, and the share of frames that make it is the distribution of the
time needed (stats.time_to_wire_us). The null engine, the same core without Python, is asked the same; the difference is
what Python costs at equal phase. Each frame carries a stamp that Python must have changed, else the run fails.

`uvloop-udp` has no grid, codec or ring and is timed directly, datagram in to datagram out.
`inside` is the core's own view: from a packet's arrival in the worker until Python's answer is in the output ring.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench import harness, stats

SYSTEMS = ["leg-python", "leg-null", "uvloop-udp"]
CALLS = [1, 100, 500]
GOAL = {"p50_us at 1": 150.0, "p99_us at 1": 1000.0, "p99_us at 500": 2000.0}
WARM_UP_NS = 1_000_000_000


def measure(system: str, n: int, seconds: float) -> dict[str, Any]:
    """One system under test with `n` calls."""
    aim = system != "uvloop-udp"
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        raw = Path(room) / "frames"
        mode = "aim" if aim else "steady"
        generator = start(harness.GENERATOR_CPU, [harness.rtpgen(), "echo", f"{seconds}", raw, mode, str(n)])
        port = generator.line().removeprefix("port ")
        far_end = start(harness.SYSTEM_CPU, [sys.executable, "-m", "tests.bench.echo_systems", system, str(n), port])
        for far_port in far_end.line().split():
            generator.tell(far_port)
        counts = generator.finish(seconds)
        inside = far_end.finish().get("inside_us")
        frames = stats.read(raw, stats.ECHO)
    changed, other = ("unchanged", "swapped") if system == "leg-null" else ("swapped", "unchanged")
    if counts["back"] == 0 or counts[other] or counts[changed] != counts["back"] + counts["dup"]:
        raise RuntimeError(f"{system}: frames did not come back as this system must send them: {counts}")
    frames = frames[frames["sent_ns"] >= frames["sent_ns"].min() + WARM_UP_NS]
    p50, p99 = (stats.time_to_wire_us if aim else stats.latency_us)(frames, [0.5, 0.99])
    return {
        "p50_us": p50,
        "p99_us": p99,
        "frames": len(frames),
        "lost": counts["lost"],
        "dup": counts["dup"],
        "inside_us": inside,
    }


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want, sizes = (6.0, 1, [1, 100]) if quick else (20.0, 5, CALLS)
    rows, remarks, systems, ratios, above_null, noise = [], [], {}, {}, {}, {}
    for n in sizes:
        rounds = harness.run_rounds(SYSTEMS, lambda name, n=n: measure(name, n, seconds), want, f"{n} calls")  # type: ignore[misc]
        noise[str(n)] = harness.rounds_report(rounds)
        remarks.append(f"    {n} calls: {rounds.remark}")
        for name in SYSTEMS:
            found = rounds.results[name]
            entry: dict[str, Any] = {key: harness.spread([r[key] for r in found]) for key in ("p50_us", "p99_us")}
            entry |= {key: sum(r[key] for r in found) for key in ("frames", "lost", "dup")}
            if found[0]["inside_us"]:
                entry["inside_us"] = {q: harness.spread([r["inside_us"][q] for r in found]) for q in ("p50", "p99")}
            systems[f"{name} {n}"] = entry
            rows.append([f"{name}, {n} calls", *(cell for key in ("p50_us", "p99_us") for cell in harness.cells(entry[key]))])
            rows[-1] += [str(entry["lost"]), str(entry["frames"])]
        pairs = list(zip(rounds.results["leg-python"], rounds.results["leg-null"], strict=True))
        for key in ("p50_us", "p99_us"):
            above_null[f"{key} at {n}"] = harness.spread([ours[key] - null[key] for ours, null in pairs])
            peers = list(zip(rounds.results["leg-python"], rounds.results["uvloop-udp"], strict=True))
            ratios[f"{key} at {n}: leg-python / uvloop-udp"] = harness.spread([ours[key] / peer[key] for ours, peer in peers])
            ratios[f"{key} at {n}: leg-python / leg-null"] = harness.spread([ours[key] / null[key] for ours, null in pairs])
    for key, value in above_null.items():
        rows.append([f"Python above null, {key}", *harness.cells(value), "", "", "", ""])
    valid = all(r["valid"] for r in noise.values())
    met = {key: above_null[key]["median"] <= bound for key, bound in GOAL.items() if key in above_null}
    text = harness.table(
        "\n".join([f"frame-latency: wire in -> Python -> wire out, {seconds:g} s each", *remarks]),
        ["system", "p50 us", "range", "p99 us", "range", "lost", "frames"],
        rows,
    )
    return text, {
        "systems": systems,
        "above_null": above_null,
        "ratios": ratios,
        "goal": GOAL,
        "met": met,
        "rounds": noise,
        "valid": valid,
    }
