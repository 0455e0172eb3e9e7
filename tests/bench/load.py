# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time of a system under test that answers N calls: what a call costs for a second of its life, thread by thread.

The time is the scheduler's own (nanoseconds that each thread ran), read from outside between two moments in the middle of the
run, so start and end of a system don't count. What the kernel does for a packet counts for whoever caused it."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import harness

WARM_UP_S = 1.5
SATURATED = 0.85  # of its core: a system that is busier than this is late, and cheaper than it seems
LOST_MOST = 0.001  # of the frames


@dataclass(frozen=True)
class Load:
    calls: int
    us_per_call_s: float
    threads: dict[str, float]  # the same, by name of the thread
    busy: float  # share of the core
    lost: float  # share of the frames that never came back

    @property
    def valid(self) -> bool:
        return self.busy < SATURATED and self.lost <= LOST_MOST


def cpu_ns(pid: int) -> dict[str, int]:
    """Nanoseconds run so far, by name of the thread."""
    used: dict[str, int] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        used[name] = used.get(name, 0) + int((task / "schedstat").read_text().split()[0])
    return used


def between(before: dict[str, int], after: dict[str, int], calls: int, seconds: float) -> dict[str, float]:
    """Microseconds for a call and second, by thread."""
    return {name: (ns - before.get(name, 0)) / 1e3 / calls / seconds for name, ns in after.items()}


def measure(system: str, calls: int, seconds: float) -> Load:
    """`system` as tests.bench.echo_systems knows it. RuntimeError: it did not send back what it must."""
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        raw = Path(room) / "frames"
        whole_s = WARM_UP_S + seconds + 0.5
        generator = start(harness.GENERATOR_CPU, [harness.rtpgen(), "echo", f"{whole_s}", raw, "steady", str(calls)])
        port = generator.line().removeprefix("port ")
        far_end = start(harness.SYSTEM_CPU, [sys.executable, "-m", "tests.bench.echo_systems", system, str(calls), port])
        for far_port in far_end.line().split():
            generator.tell(far_port)
        time.sleep(WARM_UP_S)
        # taskset becomes the system, so its process is the system's
        began, before = time.monotonic(), cpu_ns(far_end.process.pid)
        time.sleep(seconds)
        ended, after = time.monotonic(), cpu_ns(far_end.process.pid)
        counts = generator.finish(whole_s)
        far_end.finish()
    changed, other = ("unchanged", "swapped") if system == "leg-null" else ("swapped", "unchanged")
    if counts["back"] == 0 or counts[other] or counts[changed] != counts["back"] + counts["dup"]:
        raise RuntimeError(f"{system}: frames did not come back as this system must send them: {counts}")
    threads = {k: v for k, v in between(before, after, calls, ended - began).items() if v >= 0.1}
    total = sum(threads.values())
    return Load(calls, total, threads, total * calls / 1e6, counts["lost"] / counts["sent"])


def summary(loads: list[Load]) -> dict[str, Any]:
    """Of the same system in several rounds."""
    names = sorted({name for load in loads for name in load.threads})
    return {
        "us_per_call_s": harness.spread([load.us_per_call_s for load in loads]),
        "threads": {name: statistics.median([load.threads.get(name, 0.0) for load in loads]) for name in names},
        "busy": max(load.busy for load in loads),
        "lost": max(load.lost for load in loads),
    }
