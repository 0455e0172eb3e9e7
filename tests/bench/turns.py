# SPDX-License-Identifier: GPL-3.0-or-later
"""Our core with Python in the path and without, by turns in one process: the same legs, a second this way, a second that way.

A virtual machine's core changes its speed by half within seconds (what its neighbours do is not seen from inside), so two runs
one after the other compare the machine more than the systems. Two slices next to each other do so less, and there are many."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench import far_end, harness, load, stats
from tests.bench.load import Load

OURS, NULL = "leg-swap", "leg-null"
GAP_S = 0.3  # after a change, for what was under way
CHANGE_S = 0.25  # allowed for a change itself
TAIL_NS = 100_000_000  # frames sent so shortly before the next change may get lost in it


def order(pairs: int) -> list[str]:
    """Which system has which slice: A B B A A B ..."""
    return [name for i in range(pairs) for name in ((OURS, NULL) if i % 2 == 0 else (NULL, OURS))]


def change(system: harness.Child, name: str) -> None:
    system.tell(name)
    said = system.line()
    if said != name:
        raise RuntimeError(f"the system said {said!r} when it was told to be {name}")
    time.sleep(GAP_S)


def measure(calls: int, seconds: float, pairs: int) -> dict[str, list[Load]]:
    """`pairs` slices of `seconds` for each of the two, the i-th ones next to each other. RuntimeError: frames did not come back
    as they must."""
    slices = order(pairs)
    whole_s = load.WARM_UP_S + len(slices) * (seconds + GAP_S + CHANGE_S)
    found: list[tuple[str, int, int, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as room:
        raw = Path(room) / "frames"
        with far_end.echo("leg-turns", calls, "steady", whole_s, raw) as run:
            time.sleep(load.WARM_UP_S)
            pid = run.system.process.pid
            for name in slices:
                change(run.system, name)
                began, before = time.time_ns(), load.cpu_ns(pid)
                time.sleep(seconds)
                after, ended = load.cpu_ns(pid), time.time_ns()
                found.append((name, began, ended, load.between(before, after, calls, (ended - began) / 1e9)))
            counts = run.generator.finish(whole_s)
            run.system.finish()
        frames = stats.read(raw, stats.ECHO)
    check(counts)
    if frames["sent_ns"].max() < found[-1][2] - TAIL_NS:
        raise RuntimeError(f"changes took more than {CHANGE_S} s each: the generator had ended before the last slice")
    late = counts["late"] / counts["sent"]
    results: dict[str, list[Load]] = {OURS: [], NULL: []}
    for name, began, ended, threads in found:
        judged = frames[(frames["sent_ns"] >= began) & (frames["sent_ns"] < ended - TAIL_NS)]
        total = sum(threads.values())
        lost = float((judged["latency_ns"] < 0).mean())
        results[name].append(Load(calls, total, threads, total * calls / 1e6, lost, load.LOST_MOST, late))
    return results


def check(counts: dict[str, int]) -> None:
    """RuntimeError unless about half the frames were changed by Python and the others by nobody."""
    both = counts["swapped"], counts["unchanged"]
    if (
        counts["quartered"]
        or sum(both) != counts["back"] + counts["dup"]
        or min(both) < 0.25 * counts["back"]
        or not counts["back"]
    ):
        raise RuntimeError(f"frames did not come back changed by turns: {counts}")
