# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch that all this is sent to, and what it holds by its own counters and by the kernel's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop import certs, ports
from tests.interop.process import until
from tests.interop.switch import Switch

RTP_PORTS = 2400
LEFT_S = (
    80.0  # timers B, F, H and J (RFC 3261 section 17) twice: of an INVITE, and of the BYE of a call that was never acknowledged
)
RX_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Held:
    """Of a switch at a moment. `stack`: sipagent_sip_held."""

    stack: dict[str, int]
    calls: int
    legs: int
    bytes: int
    descriptors: int
    threads: int

    @property
    def counted(self) -> dict[str, int]:
        """What must be as before when nothing is under way."""
        rows = {name: n for name, n in self.stack.items() if name != "pools"}
        return {**rows, "live calls": self.calls, "legs": self.legs, "descriptors": self.descriptors}

    @property
    def kept(self) -> dict[str, int]:
        """What the first calls leave for the later ones, and no call more: compared after a warm-up."""
        return {"pools": self.stack["pools"], "threads": self.threads}


def more(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """What there is more of than before."""
    return {name: now[name] - n for name, n in before.items() if now[name] > n}


class House:
    """`sipagent serve` with the echo agent on UDP, TCP and TLS."""

    def __init__(self, room: Path, **protection: Any) -> None:
        self.certificates = certs.make(room / "certs")
        self.ports = {transport: ports.one() for transport in ("udp", "tcp", "tls")}
        listen = [{"transport": t, "host": ports.HOST, "port": port} for t, port in self.ports.items()]
        # A machine that stalls is no overload, unless that is what is measured.
        protection = {"most_wait_ms": 0, **protection}
        self.switch = Switch(
            room / "switch",
            self.certificates,
            "echo",
            rtp_ports=RTP_PORTS,
            sip={"listen": listen},
            media={"rate": 8000, "rx_timeout_s": RX_TIMEOUT_S, "port_rest_s": 1.0},
            store={"recent_calls": 100},
            log={"level": "warning"},
            seeing={"sip_mb": 0},  # what it remembers of calls is no leak
            protection=protection,
        )

    def metric(self, name: str) -> dict[str, float]:
        """Label values (joined by commas) -> value."""
        _, text = self.switch.get("/metrics")
        rows = re.findall(rf"^{name}(?:{{([^}}]*)}})? (\S+)$", text, re.MULTILINE)
        return {",".join(re.findall(r'"([^"]*)"', labels)): float(value) for labels, value in rows}

    def held(self) -> Held:
        """Now."""
        room = Path(f"/proc/{self.switch.pid}")
        found = re.search(r"Anonymous: +(\d+) kB", (room / "smaps_rollup").read_text())
        assert found is not None
        stack = {name: int(n) for name, n in self.metric("sipagent_sip_held").items()}
        calls, legs = len(self.switch.live_calls()), int(self.metric("sipagent_worker_legs")[""])
        descriptors, threads = len(list((room / "fd").iterdir())), len(list((room / "task").iterdir()))
        return Held(stack, calls, legs, int(found[1]) * 1024, descriptors, threads)

    def settle(self, base: Held, within_s: float = LEFT_S) -> dict[str, int]:
        """Waits until it holds no more than at `base`; returns what is left above that."""

        def left() -> dict[str, int]:
            return more(self.held().counted, base.counted)

        try:
            until("nothing is left", lambda: not left(), within_s, every_s=1.0)
        except Exception:
            return left()
        return {}
