# SPDX-License-Identifier: GPL-3.0-or-later
"""`echo-calls`: calls over real SIP to `sipagent serve --agent echo`, every frame through Python, and how many frames of them
don't come back: a hundred calls, then a thousand at once, and beside them as many legs of the null engine. Here nothing is
pinned: switch and generator share the machine's cores as on a user's.

A frame counts as lost when its stamp is not heard again until the end of the run. Silence that a late Python put in between is
counted apart: nothing was lost, but the caller heard a pause. With a thousand calls the generator, which costs more than the
switch, and the kernel's sockets may lose some as well: what the null engine loses in the same run is not held against us."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import far_end, harness
from tests.bench.sip_calls import SipCalls
from tests.interop import certs
from tests.interop.switch import Switch

CALLS, MANY = 100, 1000
SECONDS, MANY_SECONDS = 60.0, 30.0
QUICK_CALLS, QUICK_MANY, QUICK_SECONDS = 100, 300, 10.0
RATE = 50.0  # calls a second that are set up

Counts = dict[str, Any]


@contextmanager
def generator(calls: int, seconds: float, raw: Path) -> Iterator[tuple[int, Callable[[list[int]], Counts]]]:
    """Where it listens; and what makes it send to these ports, until it is over."""
    process = subprocess.Popen(
        [harness.rtpgen(), "echo", f"{seconds}", raw, "steady", str(calls)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def talk(ports: list[int]) -> Counts:
        print(f"    {calls} calls up, {seconds:.0f} s of speech ...", file=sys.stderr, flush=True)
        out, _ = process.communicate("".join(f"{port}\n" for port in ports), timeout=seconds + harness.GRACE_S)
        counts: Counts = json.loads(out.strip().splitlines()[-1])
        return counts

    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().removeprefix("port ")), talk
    finally:
        process.kill()
        process.wait()


def measure(calls: int, seconds: float) -> Counts:
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        switch = Switch(
            room / "switch",
            certs.make(room / "certs"),
            "echo",
            rtp_ports=4 * calls,
            media={"rate": 8000, "rx_timeout_s": 2 * calls / RATE + 30},  # the first calls wait for the last one
        )
        try:
            with generator(calls, seconds, room / "frames") as (port, talk):
                sip = SipCalls(switch.sip_port, port)
                ports = []
                for _ in range(calls):
                    due = time.monotonic() + 1 / RATE
                    ports.append(sip.call())
                    time.sleep(max(0.0, due - time.monotonic()))
                counts = talk(ports)
                details = [switch.call(call["id"]) for call in switch.live_calls()]
                sip.hang_up()
        finally:
            switch.stop()
    pauses = sum(int(d["media"]["underruns"]) - 1 for d in details)  # one is the generator's own end
    return {**counts, "pauses": pauses, "calls_up": len(details)}


def measure_null(calls: int, seconds: float) -> Counts:
    """The same by the core alone: no SIP, no Python."""
    with tempfile.TemporaryDirectory() as name, generator(calls, seconds, Path(name) / "frames") as (port, talk):
        system = subprocess.Popen(
            far_end.command(far_end.NULL, calls, port),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=harness.TREE,
        )
        try:
            assert system.stdout is not None
            counts = talk([int(word) for word in system.stdout.readline().split()])
        finally:
            system.communicate(timeout=harness.GRACE_S)
    return {**counts, "pauses": "", "calls_up": calls}


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    calls, seconds = (QUICK_CALLS, QUICK_SECONDS) if quick else (CALLS, SECONDS)
    many, many_seconds = (QUICK_MANY, QUICK_SECONDS) if quick else (MANY, MANY_SECONDS)
    found = {
        f"{calls} calls": measure(calls, seconds),
        f"{many} legs of the null engine": measure_null(many, many_seconds),
        f"{many} calls": measure(many, many_seconds),
    }
    few, null, ours = found.values()
    keys = ("calls_up", "sent", "back", "lost", "dup", "pauses", "late")
    head = ["", "still up at the end", "frames sent", "came back", "lost", "twice", "pauses put in", "sent late"]
    text = harness.table(
        f"G.711 calls on agent echo, frames through Python, {seconds:.0f} s and {many_seconds:.0f} s",
        head,
        [[name, *(str(counts[k]) for k in keys)] for name, counts in found.items()],
    )
    goal = {"lost_frames": 0, "calls_dropped": 0, "lost_of_many_beyond_null": 0, "calls_dropped_of_many": 0}
    ratios = {
        "lost_frames": few["lost"],
        "calls_dropped": calls - few["calls_up"],
        "lost_of_many_beyond_null": max(0, ours["lost"] - null["lost"]),
        "calls_dropped_of_many": many - ours["calls_up"],
    }
    met = {name: ratios[name] <= bound for name, bound in goal.items()}
    return text, {
        "valid": all(c["sent"] > 0 for c in found.values()),
        "ratios": ratios,
        "goal": goal,
        "met": met,
        "counts": found,
    }
