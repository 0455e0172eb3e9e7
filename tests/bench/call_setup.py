# SPDX-License-Identifier: GPL-3.0-or-later
"""`setup`: calls a second that one core sets up, Python deciding each of them, and how long a caller waits for the 200 and for
the first packet of sound, when callers come at random moments.

A call is INVITE, 180, 200, ACK, HOLD_MS of talk and BYE. Capacity is CPU time, as in `g711`: 1e6 / (microseconds of a call), at
the rate that keeps a core busy by half, where the waits are measured too; nine tenths of it are tried once and must fail for at
most one call in a thousand. `pjsip-perf` (the ceiling) and `sipp` (the control) have no media: no port, no leg, no packet."""

from __future__ import annotations

import math
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import far_end, harness, load, stats, verdict
from tests.bench.peers import asterisk, pjsip_perf

OURS, CEILING, ASTERISK, CONTROL = "switch", "pjsip-perf", "asterisk", "sipp"
SYSTEMS = [OURS, CEILING, ASTERISK, CONTROL]
PEERS = {CEILING: pjsip_perf, ASTERISK: asterisk}
HOLD_MS = 200
PROBE_RATE = 60.0  # of a first look
MOST_RATE = 1500.0  # what one socket of the generator can be trusted with
BUSY = 0.5
CLAIMED = 0.9  # of the capacity
FAILED_MOST = 0.001
LATE_MOST = 0.01  # of the calls
GOAL = {f"capacity / {CEILING}": 0.6, f"capacity / {ASTERISK}": 4.0, "first RTP p99 ms": 25.0}
AT_LEAST = frozenset({f"capacity / {CEILING}", f"capacity / {ASTERISK}"})


@dataclass(frozen=True)
class Found:
    """One run of one system."""

    rate: float
    calls: int
    us_per_call: float
    threads: dict[str, float]
    busy: float
    failed: float  # share of the calls
    repeated: int  # requests, for want of an answer
    late: float  # share of the calls that the generator began too late
    answer_ms: tuple[float, float]  # p50, p99
    rtp_ms: tuple[float, float]  # nan: the system has no media
    codes: dict[int, int]  # how many of the failed calls ended with each status; 408: no final answer

    @property
    def valid(self) -> bool:
        return self.failed <= FAILED_MOST and self.late <= LATE_MOST


def sipgen() -> Path:
    """The compiled generator."""
    return harness.compiled("sipgen", [harness.HERE / name for name in ("sipgen.c", "rtpgen.h", "sockets.h")], ["-lm"])


def measure(system: str, rate: float, seconds: float) -> Found:
    """RuntimeError: the system or the generator broke."""
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        raw = Path(room) / "calls"
        far = start(harness.SYSTEM_CPU, [sys.executable, "-m", "tests.bench.setup_systems", system])
        _, user, port = far.line().split()
        for warm_up in (True, False):
            before = load.cpu_ns(far.process.pid)
            span = 1.0 if warm_up else seconds
            words: list[str | Path] = [port, user, f"{rate}", f"{span}", str(HOLD_MS), raw]
            counts = start(harness.GENERATOR_CPU, [sipgen(), *words]).finish(span + 10)
        after = load.cpu_ns(far.process.pid)
        far.finish()
        rows = stats.read(raw, stats.SETUP)
    threads = {k: v for k, v in load.between(before, after, len(rows), 1.0).items() if v >= 1}
    us = sum(threads.values())
    good = rows[rows["code"] == 200]
    return Found(
        rate,
        len(rows),
        us,
        threads,
        us * rate / 1e6,
        1 - len(good) / len(rows),
        counts["repeated"],
        counts["late"] / len(rows),
        stats.wait_ms(good, "answer_ns"),
        stats.wait_ms(good, "rtp_ns"),
        dict(Counter(rows["code"][rows["code"] != 200].tolist())),
    )


def rate_for(system: str, seconds: float) -> float:
    """Calls a second that keep a core busy by half."""
    return min(MOST_RATE, BUSY * 1e6 / measure(system, PROBE_RATE, seconds).us_per_call)


def summary(runs: list[Found]) -> dict[str, Any]:
    return {
        "rate": runs[0].rate,
        "us_per_call": harness.spread([run.us_per_call for run in runs]),
        "threads": {name: round(us, 1) for name, us in runs[0].threads.items()},
        "busy": max(run.busy for run in runs),
        "failed": max(run.failed for run in runs),
        "codes": dict(sum((Counter(run.codes) for run in runs), Counter[int]())),
        "repeated": max(run.repeated for run in runs),
        "late": max(run.late for run in runs),
        "answer_p50_ms": harness.spread([run.answer_ms[0] for run in runs]),
        "answer_p99_ms": harness.spread([run.answer_ms[1] for run in runs]),
        "rtp_p50_ms": harness.spread([run.rtp_ms[0] for run in runs]),
        "rtp_p99_ms": harness.spread([run.rtp_ms[1] for run in runs]),
        "valid": all(run.valid for run in runs),
    }


def failures(share: float, codes: dict[int, int]) -> str:
    """The share, and how many calls ended with each status."""
    return f"{share:.2%}" + "".join(f", {n} x {code}" for code, n in sorted(codes.items()))


def figure(value: dict[str, float]) -> str:
    return "" if math.isnan(value["median"]) else f"{value['median']:.1f}"


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (2.0, 1) if quick else (5.0, 5)
    present, absent, versions = far_end.available(SYSTEMS, PEERS, not quick)
    rates = {name: rate_for(name, 1.0) for name in present}
    rounds = harness.run_rounds(present, lambda name: measure(name, rates[name], seconds), want, "setup")
    rows, systems, ratios, confirmed = [], {}, {}, {}
    measured: dict[str, float | None] = {}
    for name in present:
        entry = systems[name] = summary(rounds.results[name])
        entry["calls_per_core"] = 1e6 / entry["us_per_call"]["median"]
        pairs = zip(rounds.results[name], rounds.results[OURS], strict=True)
        ratios[f"capacity / {name}"] = harness.spread([its.us_per_call / ours.us_per_call for its, ours in pairs])
        claim = CLAIMED * entry["calls_per_core"]
        held = ""
        if claim <= MOST_RATE and (name == OURS or not quick):
            at_once = measure(name, claim, seconds)
            confirmed[name] = {"rate": claim, "failed": at_once.failed, "codes": at_once.codes, "held": at_once.valid}
            held = f"{claim:.0f}/s {'held' if at_once.valid else 'NOT held'}, {failures(at_once.failed, at_once.codes)} failed"
        if entry["valid"] and systems[OURS]["valid"]:
            measured[f"capacity / {name}"] = ratios[f"capacity / {name}"]["median"]
        waits = [figure(entry[key]) for key in ("answer_p50_ms", "answer_p99_ms", "rtp_p50_ms", "rtp_p99_ms")]
        rows.append(
            [name, f"{rates[name]:.0f}", f"{entry['calls_per_core']:.0f}", *harness.cells(entry["us_per_call"]), *waits]
        )
        rows[-1] += [failures(entry["failed"], entry["codes"]), "" if entry["valid"] else "NOT VALID", held]
        rows[-1].append(", ".join(f"{k} {v:.0f}" for k, v in entry["threads"].items()))
    del ratios[f"capacity / {OURS}"]
    if systems[OURS]["valid"]:
        measured["first RTP p99 ms"] = systems[OURS]["rtp_p99_ms"]["median"]
    head = ["system", "calls/s", "calls/s a core", "us/call", "range", "200 p50 ms", "p99", "RTP p50 ms", "p99", "failed", ""]
    text = harness.table(
        f"setup: calls of {HOLD_MS} ms at half a core's load, {seconds:g} s each\n    {rounds.remark}",
        [*head, "nine tenths at once", "threads, us"],
        rows,
    )
    text += "".join(f"\n{name}: {r['median']:.2f} ({r['min']:.2f}-{r['max']:.2f})" for name, r in ratios.items())
    return text, {
        "systems": systems,
        "ratios": ratios,
        "goal": GOAL,
        "at_least": sorted(AT_LEAST),
        "measured": measured,
        "met": verdict.judged(GOAL, measured, AT_LEAST),
        "confirmed": confirmed,
        "peers": versions,
        "missing_peers": absent,
        **harness.rounds_report(rounds),
    }
