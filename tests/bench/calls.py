# SPDX-License-Identifier: GPL-3.0-or-later
"""`calls`: what is left of a call, over thousands of them, by SIPp to `sipagent serve --agent echo`, with sound both ways.

After a warm-up, which fills what is kept for later calls (PJSIP's pools, the allocator's, the list of calls that ended lately),
batches of calls follow. After each the switch is left alone until SIP's last timers have run out; then its anonymous memory,
its descriptors and its threads are counted. Bytes a call are the slope over the batches."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import harness, verdict
from tests.bench.load import family
from tests.interop import audio, certs, ports
from tests.interop.sipp import Load
from tests.interop.switch import Switch

RATE = 80  # calls a second
TALK_MS = 1000
AT_ONCE = 200
RECENT = 100  # ended calls that the switch keeps; far fewer than the warm-up has
# Until the transactions of a call are forgotten (RFC 3261 sections 17.2.1 and 17.2.2: timers I and J), and a little more.
TIMERS_S = {"udp": 34.0, "tcp": 1.0}
GOAL = {"bytes left per call": 100.0, "descriptors left": 0.0, "threads left": 0.0, "failed calls": 0.0}


@dataclass(frozen=True)
class Held:
    """What the switch has at a moment."""

    calls: int
    bytes: int
    descriptors: int
    threads: int


def held(pid: int, calls: int) -> Held:
    """Of a process and its children. Anonymous memory: what it wrote, not the files that it has mapped."""
    size = descriptors = threads = 0
    for process in family(pid):
        room = Path(f"/proc/{process}")
        found = re.search(r"Anonymous: +(\d+) kB", (room / "smaps_rollup").read_text())
        assert found is not None
        size += int(found[1]) * 1024
        descriptors += len(list((room / "fd").iterdir()))
        threads += len(list((room / "task").iterdir()))
    return Held(calls, size, descriptors, threads)


def settled(switch: Switch, calls: int, timers_s: float) -> Held:
    """When nothing of the calls is under way any more."""
    switch.wait_idle()
    time.sleep(timers_s)
    return held(switch.pid, calls)


def measure(warm_up: int, batch: int, batches: int, transport: str = "udp") -> tuple[list[Held], int]:
    """What it held after the warm-up and after each batch; how many calls failed."""
    marks: list[Held] = []
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        speech = audio.noise(8000 * TALK_MS // 1000, seed=5).tobytes()
        port = ports.one()
        switch = Switch(
            room / "switch",
            certs.make(room / "certs"),
            "echo",
            rtp_ports=2 * (AT_ONCE + 7 * RATE),  # those of ended calls rest for 5 s
            sip={"listen": [{"transport": transport, "host": ports.HOST, "port": port}]},
            media={"rate": 8000},
            store={"recent_calls": RECENT},
            protection={"most_wait_ms": 0},  # a machine that stalls is no overload
            log={"level": "warning"},
            seeing={"sip_mb": 0},  # what it remembers of calls is no leak
        )
        try:
            total = 0
            for n in [warm_up, *[batch] * batches]:
                load = Load(
                    room / f"load-{total}",
                    port,
                    speech,
                    calls=n,
                    rate=RATE,
                    at_once=AT_ONCE,
                    talk_ms=TALK_MS,
                    transport=transport,
                )
                try:
                    failed += n - load.finish().succeeded
                finally:
                    load.stop()
                total += n
                marks.append(settled(switch, total, TIMERS_S[transport]))
                print(f"    {total} calls, {failed} failed: {marks[-1].bytes / 1e6:.2f} MB", file=sys.stderr, flush=True)
        finally:
            switch.stop()
    return marks, failed


def bytes_per_call(marks: list[Held]) -> float:
    """Least-squares slope of memory over calls."""
    return float(np.polyfit([m.calls for m in marks], [m.bytes for m in marks], 1)[0])


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines. Noise does not matter here: nothing is timed."""
    warm_up, batch, batches = (400, 200, 2) if quick else (2000, 2000, 4)
    marks, failed = measure(warm_up, batch, batches)
    first, last = marks[0], marks[-1]
    measured: dict[str, float | None] = {
        "bytes left per call": bytes_per_call(marks),
        "descriptors left": last.descriptors - first.descriptors,
        "threads left": last.threads - first.threads,
        "failed calls": failed,
    }
    text = harness.table(
        f"calls: what the switch holds after so many of {TALK_MS} ms, {RATE} a second; {measured['bytes left per call']:.0f} "
        f"bytes a call left",
        ["calls", "anonymous kB", "descriptors", "threads"],
        [[str(m.calls), f"{m.bytes / 1024:.0f}", str(m.descriptors), str(m.threads)] for m in marks],
    )
    return text, {
        "marks": [vars(m) for m in marks],
        "measured": measured,
        "goal": GOAL,
        "met": verdict.judged(GOAL, measured),
        "valid": True,
    }
