# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of a peer that is called by SIP: bytes that one more call costs it, its child processes included.

Calls come in groups that talk one after another, so that a peer that can't carry all of them at once is not filled with what
it had no time to send. All calls stay up until the end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.bench import far_end, harness
from tests.bench.load import family
from tests.bench.memory_systems import anonymous
from tests.bench.sip_calls import SipCalls

GROUP = 100


def measure(name: str, few: int, many: int, seconds: float) -> dict[str, Any]:
    """`few` and `many` are multiples of GROUP; each group talks for `seconds`."""
    used: dict[int, int] = {}
    least = 1.0
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        raw = Path(room) / "frames"
        system = start(harness.SYSTEM_CPU, far_end.command(name, many, 0))
        _, user, sip_port = system.line().split()
        for up in range(GROUP, many + 1, GROUP):
            generator = start(harness.GENERATOR_CPU, [harness.rtpgen(), "echo", f"{seconds}", raw, "steady", str(GROUP)])
            sip = SipCalls(int(sip_port), int(generator.line().removeprefix("port ")), user)
            for _ in range(GROUP):
                generator.tell(str(sip.call()))
            counts = generator.finish(seconds)
            least = min(least, counts["back"] / counts["sent"])
            if up in (few, many):
                used[up] = sum(anonymous(pid) for pid in family(system.process.pid))
    return {"bytes_per_leg": (used[many] - used[few]) / (many - few), "least_share_heard": least}
