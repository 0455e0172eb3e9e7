# SPDX-License-Identifier: GPL-3.0-or-later
"""`pacing`: how far packets leave from their 20 ms grid, seen by a receiver with kernel time stamps, in a quiet process, with
a Python thread that hogs the interpreter, and with the GIL held for 500 ms at a time; our core against timers on uvloop and
asyncio, and Asterisk playing a file, which is out of Python's hands: beside it the same disturbed process on the same core.
`timer` is a C program that sends after an absolute timer and does nothing else: what this machine can do by sleeping.
The first half second of each run is not judged. "gaps": packets missing, more than 5 ms off, or without speech."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import far_end, harness, stats, verdict
from tests.bench.sip_calls import SipCalls

TIMER = "timer"  # tickfloor.c
SYSTEMS = ["leg", "uvloop", "asyncio", far_end.PLAYBACK, TIMER]
CONDITIONS = ["quiet", "hog", "held"]
CALLS = 10
GOAL = {"quiet_sd_us": 60.0, "hog_sd_us": 120.0, "held_gaps": 0}


def measure(system: str, condition: str, seconds: float) -> stats.Pacing:
    """One sender, listened to for `seconds`."""
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        raw = Path(room) / "packets"
        listen: list[str | Path] = [harness.rtpgen(), "listen", f"{seconds}", raw]
        sender: list[str | Path] = [sys.executable, "-m", "tests.bench.pacing_systems", system, condition, str(CALLS)]
        if system == TIMER:
            sender = [harness.compiled("tickfloor", [harness.HERE / "tickfloor.c"], []), str(CALLS)]
        if system == far_end.PLAYBACK:
            process = start(harness.SYSTEM_CPU, [*sender, "0", f"{seconds}"])
            sip_port = int(process.line())
            generator = start(harness.GENERATOR_CPU, listen)
            sip = SipCalls(sip_port, int(generator.line().removeprefix("port ")), "play")
            for _ in range(CALLS):
                sip.call()
        else:
            generator = start(harness.GENERATOR_CPU, listen)
            port = generator.line().removeprefix("port ")
            process = start(harness.SYSTEM_CPU, [*sender, port, *([] if system == TIMER else [f"{seconds}"])])
            process.line()
        generator.finish(seconds)
        process.finish()
        packets = stats.read(raw, stats.PACKET)
        if len(np.unique(packets["call"])) != CALLS:
            raise RuntimeError(f"{system}: {len(np.unique(packets['call']))} of {CALLS} calls were heard")
        return stats.pacing(packets)


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (2.5, 1) if quick else (6.0, 3)
    present, absent, versions = far_end.here(SYSTEMS, not quick)
    names = [f"{s} {c}" for c in CONDITIONS for s in present if s != TIMER or c == CONDITIONS[0]]

    def one(name: str) -> stats.Pacing:
        system, condition = name.split()
        return measure(system, condition, seconds)

    rounds = harness.run_rounds(names, one, want, "pacing")
    rows, systems = [], {}
    for name in names:
        found: list[stats.Pacing] = rounds.results[name]
        entry = {key: harness.spread([getattr(r, key) for r in found]) for key in ("sd_us", "p99_us", "max_us")}
        gaps = {key: sum(getattr(r, key) for r in found) for key in ("missing", "off_grid", "silent", "gaps", "packets")}
        systems[name] = {**entry, **gaps}
        rows.append([name, *harness.cells(entry["sd_us"]), f"{entry['p99_us']['median']:.0f}", f"{entry['max_us']['max']:.0f}"])
        rows[-1] += [str(gaps["gaps"]), str(gaps["packets"])]
    measured: dict[str, float | None] = {
        "quiet_sd_us": systems["leg quiet"]["sd_us"]["median"],
        "hog_sd_us": systems["leg hog"]["sd_us"]["median"],
        "held_gaps": systems["leg held"]["gaps"],
    }
    ratios = {
        f"{c}: {peer} sd / leg sd": systems[f"{peer} {c}"]["sd_us"]["median"] / systems[f"leg {c}"]["sd_us"]["median"]
        for c in CONDITIONS
        for peer in present[1:]
        if f"{peer} {c}" in systems
    }
    text = harness.table(
        f"pacing: error against the 20 ms grid, {CALLS} calls, {seconds:g} s each; {rounds.remark}",
        ["sender, condition", "sd us", "range", "p99 us", "worst us", "gaps", "packets"],
        rows,
    )
    return text, {
        "systems": systems,
        "ratios": ratios,
        "goal": GOAL,
        "measured": measured,
        "met": verdict.judged(GOAL, measured),
        "peers": versions,
        "missing_peers": absent,
        **harness.rounds_report(rounds),
    }
