# SPDX-License-Identifier: GPL-3.0-or-later
"""`frame-latency`: one frame from the wire through Python to the wire, at 1, 100 and 500 calls.

Measured outside, by a generator on another core with kernel receive stamps. Our core sends on a 20 ms grid, so it is not
asked how long a frame took (that is mostly its place in the period) but how late it could come and still leave with the
next packet: the generator tries leads from 10 us to 8 ms, and the share of frames that make it is the distribution of the
time needed (stats.time_to_wire_us). The null engine, the same core without Python, is asked the same; the difference is
what Python costs at equal phase. Each frame carries a stamp that Python must have changed, else the run fails.

The others are timed directly, packet in to packet out, frames coming at any place of the period. `uvloop-udp` and Asterisk
have no grid and answer at once; PJSUA2 and `leg-whole`, our core asked the same, hold a frame until their next packet is due
(for one call alone that is whatever its phase happened to be).
`inside` is the core's own view: from a packet's arrival in the worker until Python's answer is in the output ring.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench import far_end, harness, load, stats, verdict

OURS, NULL, WHOLE = "leg-python", "leg-null", "leg-whole"
AIMED = [OURS, NULL]
DIRECT = [WHOLE, "uvloop-udp", far_end.ASTERISK, far_end.PJSUA2]
SECONDS = {1: 5.0, 100: 3.0, 500: 2.5}
QUICK_SECONDS = {1: 3.0, 100: 1.5}
PROBING = 3.0  # times as long for those that are probed with one call: it has 30 to 50 probes a second
GOAL = {"p50_us at 1": 150.0, "p99_us at 1": 1000.0, "p99_us at 500": 2000.0}
WARM_UP_S = 1.0
QUANTILES = ("p50_us", "p99_us")


def measure(name: str, n: int, seconds: float) -> dict[str, Any]:
    """One system under test with `n` calls. A peer that breaks under them has not held them."""
    try:
        return _measured(name, n, seconds)
    except RuntimeError as error:
        if name not in far_end.PEERS:
            raise
        print(f"    {name} failed with {n} calls: {error}", file=sys.stderr, flush=True)
        return {**dict.fromkeys(QUANTILES, math.nan), "frames": 0, "lost": 0, "dup": 0, "held": False, "inside_us": None}


def _measured(name: str, n: int, seconds: float) -> dict[str, Any]:
    aim, system = name in AIMED, OURS if name == WHOLE else name
    seconds *= PROBING if aim and n == 1 else 1.0
    with tempfile.TemporaryDirectory() as room:
        raw = Path(room) / "frames"
        with far_end.echo(system, n, "aim" if aim else "steady", WARM_UP_S + seconds, raw) as run:
            counts = run.generator.finish(WARM_UP_S + seconds)
            far_end.check(system, counts)
            inside = run.system.finish().get("inside_us")
        frames = stats.read(raw, stats.ECHO)
    frames = frames[frames["sent_ns"] >= frames["sent_ns"].min() + int(WARM_UP_S * 1e9)]
    found = (stats.time_to_wire_us if aim else stats.latency_us)(frames, [0.5, 0.99])
    lost = int((frames["latency_ns"] < 0).sum())
    allowed = load.LOST_MOST_PEER if system in far_end.PEERS else load.LOST_MOST
    return {
        **dict(zip(QUANTILES, found, strict=True)),
        "frames": len(frames),
        "lost": lost,
        "dup": counts["dup"],
        "held": aim or lost <= allowed * len(frames),
        "inside_us": inside,
    }


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the same system and size in several rounds."""
    entry: dict[str, Any] = {key: harness.spread([r[key] for r in found]) for key in QUANTILES}
    entry |= {key: sum(r[key] for r in found) for key in ("frames", "lost", "dup")}
    entry["held"] = all(r["held"] for r in found)
    if found[0]["inside_us"]:
        entry["inside_us"] = {q: harness.spread([r["inside_us"][q] for r in found]) for q in ("p50", "p99")}
    return entry


def compared(results: dict[str, list[Any]], n: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What Python costs above the null engine, and ratios like with like, round by round."""
    above, ratios = {}, {}
    for key in QUANTILES:
        pairs = list(zip(results[OURS], results[NULL], strict=True))
        above[f"{key} at {n}"] = harness.spread([ours[key] - null[key] for ours, null in pairs])
        ratios[f"{key} at {n}: {OURS} / {NULL}"] = harness.spread([ours[key] / null[key] for ours, null in pairs])
        for peer in (name for name in DIRECT[1:] if name in results):
            ours = WHOLE if peer == far_end.PJSUA2 else OURS  # with its grid against a grid, without against none
            pairs = list(zip(results[ours], results[peer], strict=True))
            ratios[f"{key} at {n}: {ours} / {peer}"] = harness.spread([a[key] / b[key] for a, b in pairs])
    return above, ratios


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (QUICK_SECONDS, 1) if quick else (SECONDS, 3)
    present, absent, versions = far_end.here([*AIMED, *DIRECT], not quick)
    rows, remarks, systems, noise = [], [], {}, {}
    ratios: dict[str, Any] = {}
    above_null: dict[str, Any] = {}
    for n in seconds:
        rounds = harness.run_rounds(present, lambda name, n=n: measure(name, n, seconds[n]), want, f"{n} calls")  # type: ignore[misc]
        noise[str(n)] = harness.rounds_report(rounds)
        remarks.append(f"    {n} calls: {rounds.remark}")
        for name in present:
            entry = systems[f"{name} {n}"] = summary(rounds.results[name])
            rows.append([f"{name}, {n} calls", *(cell for key in QUANTILES for cell in harness.cells(entry[key]))])
            rows[-1] += [str(entry["lost"]), str(entry["frames"]), "" if entry["held"] else "NOT held"]
        above, more = compared(rounds.results, n)
        above_null |= above
        ratios |= more
    for key, value in above_null.items():
        rows.append([f"Python above null, {key}", *harness.cells(value), "", "", "", "", ""])
    measured = {key: value["median"] for key, value in above_null.items()}
    text = harness.table(
        "\n".join(
            ["frame-latency: wire in -> Python -> wire out; leg-python and leg-null without the wait for their grid", *remarks]
        ),
        ["system", "p50 us", "range", "p99 us", "range", "lost", "frames", ""],
        rows,
    )
    return text, {
        "systems": systems,
        "above_null": above_null,
        "ratios": ratios,
        "goal": GOAL,
        "measured": {key: measured.get(key) for key in GOAL},
        "met": verdict.judged(GOAL, measured),
        "rounds": noise,
        "valid": all(r["valid"] for r in noise.values()),
        "peers": versions,
        "missing_peers": absent,
    }
