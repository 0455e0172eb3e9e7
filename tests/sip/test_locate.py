# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 3263 section 4 against tables of records."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from sipagent.signalling.locate import MAX_TARGETS, Locator, in_order
from sipagent.signalling.names import Naptr, ResolveError, Srv

ALL = [("udp", 4), ("tcp", 4), ("tls", 4)]


@dataclass
class Table:
    a: dict[str, list[str]] = field(default_factory=dict)
    aaaa: dict[str, list[str]] = field(default_factory=dict)
    srvs: dict[str, list[Srv]] = field(default_factory=dict)
    naptrs: dict[str, list[Naptr]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def _look(self, table: dict[str, list[Any]], name: str) -> list[Any]:
        self.asked.append(name)
        if name not in table:
            raise ResolveError(f"can't resolve {name!r}")
        return table[name]

    async def addresses(self, name: str, version: int) -> list[str]:
        return self._look(self.a if version == 4 else self.aaaa, name)

    async def srv(self, name: str) -> list[Srv]:
        return self._look(self.srvs, name)

    async def naptr(self, name: str) -> list[Naptr]:
        return self._look(self.naptrs, name)


async def where(table: Table, *query: Any, can: Any = ALL, **more: Any) -> list[str]:
    return [t.where for t in await Locator(table, can, random.Random(1)).locate(*query, **more)]


FULL = Table(
    a={"a.example": ["192.0.2.1"], "b.example": ["192.0.2.2", "192.0.2.3"], "example": ["192.0.2.9"]},
    srvs={
        "_sip._udp.example": [Srv(20, 0, 5062, "b.example"), Srv(10, 0, 5061, "a.example")],
        "_sip._tcp.example": [Srv(0, 0, 5070, "a.example")],
        "_sips._tcp.example": [Srv(0, 0, 5071, "b.example")],
    },
    naptrs={
        "example": [
            Naptr(20, 0, "s", "SIP+D2U", "_sip._udp.example"),
            Naptr(10, 9, "s", "SIP+D2T", "_sip._tcp.example"),
            Naptr(10, 1, "s", "SIP+D2W", "_ws.example"),
            Naptr(5, 0, "u", "E2U+SIP", "x"),
        ]
    },
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (("192.0.2.7",), ["udp:192.0.2.7:5060"]),
        (("192.0.2.7", 0, "tls"), ["tls:192.0.2.7:5061"]),
        (("192.0.2.7", 5080, "tcp"), ["tcp:192.0.2.7:5080"]),
        (("example",), ["tcp:192.0.2.1:5070"]),  # NAPTR's lowest order that we speak
        (("example", 0, "udp"), ["udp:192.0.2.1:5061", "udp:192.0.2.2:5062", "udp:192.0.2.3:5062"]),  # SRV by priority
        (("example", 0, None, True), ["tls:192.0.2.2:5071", "tls:192.0.2.3:5071"]),
        (("example", 5090), ["udp:192.0.2.9:5090"]),  # a port: no SRV
        (("b.example", 0, "tls"), ["tls:192.0.2.2:5061", "tls:192.0.2.3:5061"]),  # no SRV: A
        (("a.example",), ["udp:192.0.2.1:5060"]),
    ],
)
async def test_where_a_request_goes(query: tuple[Any, ...], expected: list[str]) -> None:
    assert await where(FULL, *query) == expected


async def test_without_naptr_each_open_transport_is_asked_for() -> None:
    table = Table(a=FULL.a, srvs={"_sips._tcp.example": FULL.srvs["_sips._tcp.example"]})
    assert await where(table, "example") == ["tls:192.0.2.2:5071", "tls:192.0.2.3:5071"]
    assert await where(table, "example", can=[("udp", 4)]) == ["udp:192.0.2.9:5060"]


async def test_both_kinds_of_address_where_both_are_open() -> None:
    table = Table(a={"host": ["192.0.2.1"]}, aaaa={"host": ["2001:db8::1"]})
    both = [("udp", 4), ("udp", 6)]
    assert await where(table, "host", 5060, can=both) == ["udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060"]
    assert await where(table, "host", 5060, can=[("udp", 6)]) == ["udp:[2001:db8::1]:5060"]
    table.a.clear()
    assert await where(table, "host", 5060, can=both) == ["udp:[2001:db8::1]:5060"]


async def test_a_target_that_is_gone_leaves_the_others() -> None:
    table = Table(a={"b": ["192.0.2.2"]}, srvs={"_sip._udp.x": [Srv(1, 0, 1, "gone"), Srv(2, 0, 2, "b")]})
    assert await where(table, "x", 0, "udp") == ["udp:192.0.2.2:2"]


async def test_a_service_that_is_denied_is_not_looked_for_elsewhere() -> None:
    table = Table(a={"x": ["192.0.2.2"]}, srvs={"_sip._udp.x": [Srv(0, 0, 0, "")]})
    with pytest.raises(ResolveError, match="does not offer SIP over udp"):
        await where(table, "x", 0, "udp")


async def test_what_is_not_open_here_is_said() -> None:
    with pytest.raises(ResolveError, match=r"at tls:192\.0\.2\.7:5061: no such transport is open"):
        await where(FULL, "192.0.2.7", 0, "tls", can=[("udp", 4)])
    with pytest.raises(ResolveError, match="can't resolve 'nowhere'"):
        await where(FULL, "nowhere")


async def test_a_name_with_too_many_addresses_is_cut() -> None:
    table = Table(a={"big": [f"192.0.2.{n}" for n in range(100)]})
    assert len(await where(table, "big")) == MAX_TARGETS


def test_weights_share_the_load_within_a_priority() -> None:
    rng = random.Random(7)
    records = [Srv(1, 70, 0, "a"), Srv(1, 20, 0, "b"), Srv(1, 10, 0, "c"), Srv(0, 0, 0, "first")]
    second = Counter(in_order(records, rng)[1].target for _ in range(10_000))
    assert 6700 < second["a"] < 7300
    assert 1750 < second["b"] < 2250
    assert 750 < second["c"] < 1250
    orders = [in_order(records, rng) for _ in range(50)]
    assert all(o[0].target == "first" and {r.target for r in o} == {"first", "a", "b", "c"} for o in orders)
