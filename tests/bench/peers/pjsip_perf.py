# SPDX-License-Identifier: GPL-3.0-or-later
"""pjsip-perf, upstream's performance tool, on the same build of PJSIP as the product: what its SIP stack can do in C with
nothing around it, neither media nor sockets for it nor an application that decides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.interop import ports
from tests.interop.process import until

SCRIPT = Path(__file__).parents[3] / "scripts" / "pjsip"
MAKE: list[str | Path] = [sys.executable, SCRIPT, "--perf"]
MISSING = "pjsip-perf is not built: scripts/pjsip --perf does it"
USER = "2"  # answers calls; 0 and 1 are for requests without a call


def _program() -> Path:
    return Path(subprocess.run([*MAKE, "--print"], capture_output=True, text=True, check=True).stdout.strip())


def missing() -> str:
    """Why it can't run here, or ''."""
    return "" if _program().exists() else MISSING


def version() -> str:
    return f"pjsip-perf, PJSIP {_program().parent.name.split('-')[1]}"


class PjsipPerf:
    """Answers each call with 180 and 200, as our switch does; one thread. Runs until stop()."""

    def __init__(self, room: Path) -> None:
        self.sip_port = ports.one()
        with (room / "pjsip-perf.log").open("wb") as log:
            self._process = subprocess.Popen(
                [_program(), f"--local-port={self.sip_port}", "--ringing", "--thread-count=1"],
                stdin=subprocess.PIPE,  # it ends with a line of it
                stdout=log,
                stderr=log,
            )
        until("pjsip-perf is up", lambda: "Press <ENTER>" in (room / "pjsip-perf.log").read_text(errors="replace"), 10)

    def stop(self) -> None:
        self._process.communicate(b"\n", timeout=30)
