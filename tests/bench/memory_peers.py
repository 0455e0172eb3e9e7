# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of what is called by SIP, a peer or our own switch: bytes that one more call costs it, child processes included.

Calls come in groups that talk one after another, so that a peer that can't carry all of them at once is not filled with what
it had no time to send. All calls stay up until the end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import far_end, harness
from tests.bench.load import family
from tests.bench.memory_systems import anonymous
from tests.bench.sip_calls import SipCalls
from tests.interop import certs
from tests.interop.switch import Switch

GROUP = 100
SWITCH = "whole switch"  # `sipagent serve` with agent echo: signalling, engine room and all


@contextmanager
def called(name: str, calls: int, room: Path) -> Iterator[tuple[int, int, str]]:
    """Its process, SIP port and user."""
    if name == SWITCH:
        switch = Switch(
            room / "switch",
            certs.make(room / "certs"),
            "echo",
            rtp_ports=2 * calls + 20,
            media={"rate": 8000},
            protection={"most_wait_ms": 0},  # a machine that stalls is no overload
        )
        try:
            yield switch.pid, switch.sip_port, "echo"
        finally:
            switch.stop()
    else:
        with harness.children() as start:
            system = start(harness.SYSTEM_CPU, far_end.command(name, calls, 0))
            _, user, sip_port = system.line().split()
            yield system.process.pid, int(sip_port), user


def measure(name: str, few: int, many: int, seconds: float) -> dict[str, Any]:
    """`few` and `many` are multiples of GROUP; each group talks for `seconds`."""
    used: dict[int, int] = {}
    least = 1.0
    with (
        tempfile.TemporaryDirectory() as room,
        called(name, many, Path(room)) as (pid, sip_port, user),
        harness.children() as start,
    ):
        raw = Path(room) / "frames"
        for up in range(GROUP, many + 1, GROUP):
            generator = start(harness.GENERATOR_CPU, [harness.rtpgen(), "echo", f"{seconds}", raw, "steady", str(GROUP)])
            sip = SipCalls(sip_port, int(generator.line().removeprefix("port ")), user)
            for _ in range(GROUP):
                generator.tell(str(sip.call()))
            counts = generator.finish(seconds)
            least = min(least, counts["back"] / counts["sent"])
            if up in (few, many):
                used[up] = sum(anonymous(process) for process in family(pid))
    return {"bytes_per_leg": (used[many] - used[few]) / (many - few), "least_share_heard": least}
