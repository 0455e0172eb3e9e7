# SPDX-License-Identifier: GPL-3.0-or-later
"""A switch of fakes: what HTTP reads of the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from sipagent.api.health import monotonic_us
from sipagent.call import Call
from sipagent.config import Api, Config
from sipagent.config_memory import Memory as Settings
from sipagent.protection.quota import Use
from sipagent.signalling.trunk import TrunkStatus
from sipagent.store.memory import Memory

STATS: dict[str, Any] = {
    **{"codec": "PCMU/8000", "ptime_ms": 20, "secure": False, "rx_bytes": 0, "rx_dup": 0, "rx_reordered": 0, "rx_last_us": 0},
    **{"rx_packets": 990, "rx_lost": 10, "rx_late": 1, "rx_malformed": 2, "rx_ignored": 3, "rx_jitter_ms": 1.5},
    **{"rx_strangers": 7, "rx_candidates": 8, "rx_moves": 9, "rx_forged": 3, "rx_replayed": 2},
    **{
        "tx_packets": 1000,
        "tx_errors": 0,
        "tx_bytes": 0,
        "tx_late_max_us": 0,
        "jb_target_ms": 40,
        "jb_depth_ms": 40,
        "concealed": 4,
    },
    **{"written": 0, "played": 0, "flushed": 0, "underruns": 5, "ear_dropped": 6},
    **{"rtcp_sent": 12, "rtcp_received": 11, "rtcp_malformed": 1, "mos": 4.25, "rtt_ms": 80.0},
}


class Leg:
    """Only what HTTP reads."""

    rate = 16000
    on_event = on_audio = None

    def __init__(self) -> None:
        self.counters = dict(STATS)

    def stats(self) -> dict[str, Any]:
        return self.counters

    def describe(self) -> str:
        return "udp > parse > stats > ear"


@dataclass
class Recording:
    lost_ms: int


@dataclass
class Account:
    user: str = "1000"
    host: str = "pbx.example"
    registered: bool = True
    code: int = 200
    reason: str = "OK"
    expires_s: float = 300.0
    registrar: str = "udp:192.0.2.1:5060"
    failures: int = 0


@dataclass
class UserAgent:
    rows: list[Account] = field(default_factory=list)
    lines: list[TrunkStatus] = field(default_factory=list)
    used: list[Use] = field(default_factory=list)
    error: Exception | None = None

    async def ping(self, timeout_s: float) -> float:
        if self.error is not None:
            raise self.error
        return 0.002

    async def hops(self, name: str) -> Sequence[int] | None:
        return {"bot@pbx.example": [0]}.get(name)

    def accounts(self) -> Sequence[Account]:
        return self.rows

    def trunks(self) -> Sequence[TrunkStatus]:
        return self.lines

    def uses(self) -> Sequence[Use]:
        return self.used

    def listening(self) -> Sequence[str]:
        return ["udp:127.0.0.1:5060"]


class Worker:
    """Ticks for ever, until `stalled_us` says that it stopped so long ago."""

    stalled_us = 0

    def stats(self) -> dict[str, Any]:
        counters = {
            "legs": 1,
            "ticks": 500,
            "late_max_us": 900,
            "late_sum_us": 5000,
            "overruns": 1,
            "rx_dropped": 2,
            "fifo": True,
        }
        return {**counters, "last_tick_us": monotonic_us() - self.stalled_us}


@dataclass
class Switch:
    cfg: Config = field(default_factory=lambda: Config(api=Api(port=0)))
    user_agent: UserAgent = field(default_factory=UserAgent)
    worker: Worker = field(default_factory=Worker)
    engines: object | None = "loaded"
    agents: dict[str, Any] = field(default_factory=dict)
    memory: Memory = field(default_factory=lambda: Memory(Settings()))
    calls: dict[str, Call] = field(default_factory=dict)

    def add(self, call_id: str, **fields: Any) -> Call:
        call = Call(Leg(), None, "in", "sip:alice@example.net", "sip:bot@127.0.0.1", id=call_id, **fields)  # type: ignore[arg-type]
        self.calls[call_id] = call
        return call


async def samples(http: httpx.AsyncClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """(name, label values in the order of their names) -> value, read by Prometheus's own parser."""
    text = (await http.get("/metrics")).text
    families = text_string_to_metric_families(text)
    return {
        (s.name, tuple(value for _, value in sorted(s.labels.items()))): s.value for family in families for s in family.samples
    }
