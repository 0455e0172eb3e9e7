# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is left of hundreds of calls, inside the process that had them: what `scripts/bench calls` sees from outside after
thousands of them is here counted by the allocators themselves."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import mediacore
from sipagent.switch import Switch
from tests.bench import call_setup
from tests.bench.setup_systems import greeting

RATE, HOLD_MS = 50, 40
RTP_PORTS = 1000
SECONDS = 4.0
FORGOTTEN_S = 34.0  # PJSIP remembers a transaction for 64 * T1 (RFC 3261 17.2.2)
BYTES_MOST = 1000  # a call, of the C heap (240 were counted); a dialog, a leg or a message that is kept is more
BLOCKS_MOST = 5  # a call, of Python's (1.3 were counted); one that is kept has hundreds


class _Mallinfo(ctypes.Structure):
    """struct mallinfo2, malloc.h"""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


@dataclass(frozen=True)
class Held:
    heap: int  # bytes in use
    blocks: int
    descriptors: int
    threads: int
    native: dict[str, int]


def held() -> Held:
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _Mallinfo
    gc.collect()
    info = libc.mallinfo2()
    descriptors = len(os.listdir("/proc/self/fd"))
    return Held(info.uordblks + info.hblkhd, sys.getallocatedblocks(), descriptors, threading.active_count(), mediacore.live())


async def some_calls(switch: Switch, port: int, raw: Path) -> int:
    """How many there were, when the last one is forgotten."""
    words = [str(port), "echo", str(RATE), f"{SECONDS}", str(HOLD_MS), str(raw)]
    generator = await asyncio.create_subprocess_exec(call_setup.sipgen(), *words, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(generator.communicate(), 60)
    counts = json.loads(out)
    assert counts["good"] == counts["calls"] > 100
    for call in list(switch.user_agent.calls.values()):
        await asyncio.wait_for(call.ended.wait(), 20)
    await asyncio.sleep(FORGOTTEN_S)
    return int(counts["calls"])


async def test_nothing_is_left_of_a_call(tmp_path: Path) -> None:
    async with greeting(RTP_PORTS, most_wait_ms=0) as (switch, port):  # a machine that stalls is no overload
        await some_calls(switch, port, tmp_path / "raw")
        before = held()
        n = await some_calls(switch, port, tmp_path / "raw")
        after = held()
    assert (after.heap - before.heap) / n < BYTES_MOST
    assert (after.blocks - before.blocks) / n < BLOCKS_MOST
    assert (after.descriptors, after.threads, after.native) == (before.descriptors, before.threads, before.native)
