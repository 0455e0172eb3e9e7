# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS as it comes over the wire: a real server on loopback that lies, cuts off and keeps silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sipagent.config_sip import Dns as Settings
from sipagent.signalling.names import Dns, Naptr, ResolveError, Srv, read_hosts
from tests.sip.dns_server import DnsServer

ZONE = [
    "pbx.example 60 A 192.0.2.1",
    "pbx.example 60 A 192.0.2.2",
    "pbx.example 60 AAAA 2001:db8::1",
    "fleeting.example 0 A 192.0.2.9",
    "alias.example 60 CNAME second.example.",
    "second.example 60 CNAME pbx.example.",
    "loop.example 60 CNAME loop2.example.",
    "loop2.example 60 CNAME loop.example.",
    "_sip._udp.example 60 SRV 10 5 5070 pbx.example.",
    'example 60 NAPTR 10 50 "s" "sip+D2U" "" _sip._udp.example.',
]


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    server = await DnsServer.open(*ZONE)
    yield server
    server.close()


def dns(server: DnsServer, **more: Any) -> Dns:
    return Dns(Settings.model_validate(server.settings(**more)), hosts={})


async def test_records(server: DnsServer) -> None:
    names = dns(server)
    assert sorted(await names.addresses("pbx.example", 4)) == ["192.0.2.1", "192.0.2.2"]
    assert await names.addresses("PBX.Example.", 6) == ["2001:db8::1"]
    assert await names.srv("_sip._udp.example") == [Srv(10, 5, 5070, "pbx.example")]
    assert await names.naptr("example") == [Naptr(10, 50, "s", "SIP+D2U", "_sip._udp.example")]
    assert await names.srv("pbx.example") == []  # the name is there, such a record is not


async def test_a_name_is_asked_for_once_in_its_time_to_live(server: DnsServer) -> None:
    names = dns(server)
    for name in ("pbx.example", "fleeting.example"):
        for _ in range(3):
            await names.addresses(name, 4)
    assert server.asked["pbx.example", "A"] == 1
    assert server.asked["fleeting.example", "A"] == 3


@pytest.mark.parametrize("chase", [True, False])
async def test_aliases_are_followed_by_the_server_or_by_us(server: DnsServer, chase: bool) -> None:
    server.chase = chase
    assert sorted(await dns(server).addresses("alias.example", 4)) == ["192.0.2.1", "192.0.2.2"]


async def test_aliases_in_a_ring_end(server: DnsServer) -> None:
    server.chase = False
    with pytest.raises(ResolveError, match="aliases"):
        await dns(server).addresses("loop.example", 4)


async def test_a_truncated_answer_is_had_by_tcp(server: DnsServer) -> None:
    server.truncate = True
    assert len(await dns(server).addresses("pbx.example", 4)) == 2
    assert server.by_tcp == 1


async def test_no_such_name(server: DnsServer) -> None:
    with pytest.raises(ResolveError, match=r"can't resolve 'nobody.example': there is no such name"):
        await dns(server).addresses("nobody.example", 4)


async def test_silence_ends_in_time_and_holds_up_nobody(server: DnsServer) -> None:
    names = dns(server, timeout_s=0.5)
    await names.addresses("pbx.example", 4)
    server.silent = True
    waiting = asyncio.create_task(names.addresses("other.example", 4))
    await asyncio.sleep(0)
    assert len(await names.addresses("pbx.example", 4)) == 2  # from the cache, meanwhile
    assert not waiting.done()
    with pytest.raises(ResolveError, match=r"no answer from DNS in 0\.5 s; check sip\.dns\.servers"):
        await waiting


async def test_the_second_server_is_asked_when_the_first_is_dead(server: DnsServer) -> None:
    dead = await DnsServer.open()
    dead.close()
    settings = {"servers": [{"address": "127.0.0.1", "port": port} for port in (dead.port, server.port)]}
    assert await Dns(Settings.model_validate(settings), hosts={}).addresses("pbx.example", 6) == ["2001:db8::1"]


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", "name.invalid"])
async def test_names_that_can_not_be(server: DnsServer, name: str) -> None:
    with pytest.raises(ResolveError, match="can't resolve"):
        await dns(server).addresses(name, 4)
    assert not server.asked


async def test_the_hosts_file_comes_first(server: DnsServer) -> None:
    names = Dns(
        Settings.model_validate(server.settings()), hosts=read_hosts("127.0.0.9 box.example box # mine\n::9 box\nx y\n")
    )
    assert await names.addresses("BOX", 4) == ["127.0.0.9"]
    assert await names.addresses("box", 6) == ["::9"]
    assert not server.asked
