# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time of a system under test that answers N calls: what a call costs for a second of its life, thread by thread.

The time is the scheduler's own (nanoseconds that each thread ran), read from outside between two moments in the middle of the
run, so start and end of a system don't count. What the kernel does for a packet counts for whoever caused it."""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import far_end, harness, stats

WARM_UP_S = 1.5
LATE_MOST = 0.05  # of the frames: noise makes some late, a generator that is too slow soon all
SATURATED = 0.85  # of its core: a system that is busier than this is late, and cheaper than it seems
LOST_MOST = 0.001  # of the frames
LOST_MOST_PEER = 0.01  # PJSIP's jitter buffer drops some of its own accord


@dataclass(frozen=True)
class Load:
    calls: int
    us_per_call_s: float
    threads: dict[str, float]  # the same, by name of the thread
    busy: float  # share of the core
    lost: float  # share of the frames that never came back
    lost_most: float = LOST_MOST
    late: float = 0.0  # share of the frames that the generator sent too late: what was lost then says nothing of the system

    @property
    def held(self) -> bool:
        return self.lost <= self.lost_most

    @property
    def valid(self) -> bool:
        return self.busy < SATURATED and self.held and self.late <= LATE_MOST


def family(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    found = [pid]
    for parent in found:
        for task in _tasks(parent):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += [int(word) for word in (task / "children").read_text().split()]
    return found


def _tasks(pid: int) -> list[Path]:
    """Threads that are there; any may have ended when it is looked at."""
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_ns(pid: int) -> dict[str, int]:
    """Nanoseconds that a process and its children ran so far, by name of the thread; those that have ended don't count."""
    used: dict[str, int] = {}
    for task in (task for process in family(pid) for task in _tasks(process)):
        with suppress(FileNotFoundError, ProcessLookupError):
            name, ns = (task / "comm").read_text().strip(), int((task / "schedstat").read_text().split()[0])
            used[name] = used.get(name, 0) + ns
    return used


def between(before: dict[str, int], after: dict[str, int], calls: int, seconds: float) -> dict[str, float]:
    """Microseconds for a call and second, by thread."""
    return {name: (ns - before.get(name, 0)) / 1e3 / calls / seconds for name, ns in after.items()}


def measure(system: str, calls: int, seconds: float) -> Load:
    """`system` as tests.bench.far_end knows it. A peer that breaks under the load has not held it: a Load without figures.
    RuntimeError: one of ours did not send back what it must."""
    try:
        return _measured(system, calls, seconds)
    except RuntimeError as error:
        if system not in far_end.PEERS:
            raise
        print(f"    {system} failed with {calls} calls: {error}", file=sys.stderr, flush=True)
        return Load(calls, math.nan, {}, 1.0, 1.0, LOST_MOST_PEER)


def _measured(system: str, calls: int, seconds: float) -> Load:
    whole_s = WARM_UP_S + seconds + 0.5
    with tempfile.TemporaryDirectory() as room:
        raw = Path(room) / "frames"
        with far_end.echo(system, calls, "steady", whole_s, raw) as run:
            time.sleep(WARM_UP_S)
            # taskset becomes the system, so its process is the system's
            began, before = time.monotonic(), cpu_ns(run.system.process.pid)
            time.sleep(seconds)
            ended, after = time.monotonic(), cpu_ns(run.system.process.pid)
            counts = run.generator.finish(whole_s)
            far_end.check(system, counts)
            run.system.finish()
        frames = stats.read(raw, stats.ECHO)
    judged = frames[frames["sent_ns"] >= frames["sent_ns"].min() + int(WARM_UP_S * 1e9)]
    lost = float((judged["latency_ns"] < 0).mean())
    threads = {k: v for k, v in between(before, after, calls, ended - began).items() if v >= 0.1}
    total = sum(threads.values())
    lost_most = LOST_MOST_PEER if system in far_end.PEERS else LOST_MOST
    return Load(calls, total, threads, total * calls / 1e6, lost, lost_most, counts["late"] / counts["sent"])


def summary(loads: list[Load]) -> dict[str, Any]:
    """Of the same system in several rounds."""
    names = sorted({name for load in loads for name in load.threads})
    return {
        "us_per_call_s": harness.spread([load.us_per_call_s for load in loads]),
        "threads": {name: statistics.median([load.threads.get(name, 0.0) for load in loads]) for name in names},
        "busy": max(load.busy for load in loads),
        "lost": max(load.lost for load in loads),
        "late": max(load.late for load in loads),
        "valid": all(load.valid for load in loads),
    }
