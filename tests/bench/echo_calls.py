# SPDX-License-Identifier: GPL-3.0-or-later
"""`echo-calls`: calls over real SIP to `sipagent serve --agent echo`, every frame through Python, and how many frames of them
don't come back. Here nothing is pinned: switch and generator share the machine's cores as on a user's.

A frame counts as lost when its stamp is not heard again until the end of the run. Silence that a late Python put in between is
counted apart: nothing was lost, but the caller heard a pause."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench import harness
from tests.bench.sip_calls import SipCalls
from tests.interop import certs
from tests.interop.switch import Switch

CALLS = 100
SECONDS = 60.0
QUICK_SECONDS = 10.0


def measure(calls: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        switch = Switch(room / "switch", certs.make(room / "certs"), "echo", rtp_ports=4 * calls, media={"rate": 8000})
        generator = subprocess.Popen(
            [harness.rtpgen(), "echo", f"{seconds}", room / "frames", "steady", str(calls)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            assert generator.stdout is not None
            sip = SipCalls(switch.sip_port, int(generator.stdout.readline().removeprefix("port ")))
            far_ports = "".join(f"{sip.call()}\n" for _ in range(calls))
            print(f"    {calls} calls up, {seconds:.0f} s of speech ...", file=sys.stderr, flush=True)
            out, _ = generator.communicate(far_ports, timeout=seconds + harness.GRACE_S)
            details = [switch.call(call["id"]) for call in switch.live_calls()]
            sip.hang_up()
        finally:
            generator.kill()
            switch.stop()
    counts: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    pauses = sum(int(d["media"]["underruns"]) - 1 for d in details)  # one is the generator's own end
    return {**counts, "pauses": pauses, "calls_up": len(details)}


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    seconds = QUICK_SECONDS if quick else SECONDS
    counts = measure(CALLS, seconds)
    head = ["calls", "still up at the end", "frames sent", "came back", "lost", "twice", "pauses put in"]
    row = [CALLS, *(counts[k] for k in ("calls_up", "sent", "back", "lost", "dup", "pauses"))]
    text = harness.table(f"G.711 calls on agent echo, {seconds:.0f} s, frames through Python", head, [[str(v) for v in row]])
    goal = {"lost_frames": 0, "calls_dropped": 0}
    ratios = {"lost_frames": counts["lost"], "calls_dropped": CALLS - counts["calls_up"]}
    met = {name: ratios[name] <= bound for name, bound in goal.items()}
    return text, {"valid": counts["sent"] > 0, "ratios": ratios, "goal": goal, "met": met, "counts": counts}
