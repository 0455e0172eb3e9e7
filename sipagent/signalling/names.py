# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to DNS from the event loop, with a cache that keeps to the records' time to live. PJSIP asks nothing by itself:
its own look-up would hold up all signalling for seconds."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from sipagent.config_sip import Dns as DnsSettings
from sipagent.signalling.errors import SignallingError

HOSTS = Path("/etc/hosts")
MAX_ALIASES = 8  # CNAME after CNAME; a loop must end
CACHE_SIZE = 10_000


class ResolveError(SignallingError):
    """A name has no answer: it does not exist, has no such record, or no server answered in time."""


@dataclass(frozen=True, slots=True)
class Srv:
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """RFC 3403 section 4.1."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Names(Protocol):
    """What `locate` needs of DNS. An empty list: the name has no such record. ResolveError: nobody knows."""

    async def addresses(self, name: str, version: int) -> list[str]: ...

    async def srv(self, name: str) -> list[Srv]: ...

    async def naptr(self, name: str) -> list[Naptr]: ...


def read_hosts(text: str) -> dict[str, list[str]]:
    """name -> addresses of an /etc/hosts."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            ipaddress.ip_address(address)
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower(), []).append(address)
    return found


class Dns:
    """The servers of the configuration, else the system's. `hosts`: what needs no question."""

    def __init__(self, settings: DnsSettings, hosts: Mapping[str, list[str]] | None = None) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.cache = dns.resolver.LRUCache(CACHE_SIZE)
        self._resolver.retry_servfail = True
        self._resolver.lifetime = settings.timeout_s
        self._resolver.timeout = settings.timeout_s / 3  # a datagram that got lost is asked again within the time
        self._hosts = hosts
        self._settings = settings
        self._ready = False

    def _set_up(self) -> None:
        """At the first question: both files are small, and a test or a doctor need not have them."""
        self._ready = True
        if self._hosts is None:
            self._hosts = read_hosts(HOSTS.read_text(errors="replace")) if HOSTS.exists() else {}
        if self._settings.servers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(server.address, server.port or 53) for server in self._settings.servers
            ]
            return
        try:
            self._resolver.read_resolv_conf("/etc/resolv.conf")
        except dns.resolver.NoResolverConfiguration:
            self._resolver.nameservers = []

    async def addresses(self, name: str, version: int) -> list[str]:
        """A (version 4) or AAAA (6)."""
        if not self._ready:
            self._set_up()
        known = (self._hosts or {}).get(name.rstrip(".").lower(), [])
        if known:
            return [a for a in known if ipaddress.ip_address(a).version == version]
        return [str(record) for record in await self._ask(name, "A" if version == 4 else "AAAA")]

    async def srv(self, name: str) -> list[Srv]:
        found = await self._ask(name, "SRV")
        return [Srv(r.priority, r.weight, r.port, r.target.to_text(omit_final_dot=True)) for r in found if isinstance(r, SRV)]

    async def naptr(self, name: str) -> list[Naptr]:
        return [
            Naptr(
                r.order,
                r.preference,
                r.flags.decode("latin-1").lower(),
                r.service.decode("latin-1").upper(),
                r.replacement.to_text(omit_final_dot=True),
            )
            for r in await self._ask(name, "NAPTR")
            if isinstance(r, NAPTR)
        ]

    async def _ask(self, name: str, kind: str) -> list[dns.rdata.Rdata]:
        """The records; aliases (CNAME) are followed, also where the server leaves that to us."""
        if not self._ready:
            self._set_up()
        if name.rstrip(".").lower().rpartition(".")[2] == "invalid":  # RFC 6761 section 6.4
            raise ResolveError(f"can't resolve {name!r}: names in .invalid do not exist; give a real name or an address")
        if not self._resolver.nameservers:
            raise ResolveError(f"can't resolve {name!r}: no DNS server is configured; set sip.dns.servers or give an address")
        try:
            asked = dns.name.from_text(name)
            for _ in range(MAX_ALIASES):
                answer = await self._resolver.resolve(asked, kind, raise_on_no_answer=False, search=False)
                if answer.rrset is not None:
                    return list(answer.rrset)
                if answer.canonical_name == asked:
                    return []
                asked = answer.canonical_name
            raise ResolveError(f"can't resolve {name!r}: more than {MAX_ALIASES} aliases (CNAME) lead on")
        except dns.resolver.NXDOMAIN:
            raise ResolveError(f"can't resolve {name!r}: there is no such name; check it or give an address") from None
        except dns.resolver.LifetimeTimeout:
            raise ResolveError(
                f"can't resolve {name!r}: no answer from DNS in {self._settings.timeout_s:g} s; check sip.dns.servers or give "
                "an address"
            ) from None
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise ResolveError(f"can't resolve {name!r}: {_words(error)}; check the name or give an address") from None


def _words(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) < 200 else f"{text[:200]}..."


async def either(first: asyncio.Task[list[str]], second: asyncio.Task[list[str]]) -> list[str]:
    """Both lists in order; one that failed is left out while the other has something."""
    results = await asyncio.gather(first, second, return_exceptions=True)
    found = [address for result in results if isinstance(result, list) for address in result]
    if not found:
        for result in results:
            if isinstance(result, BaseException):
                raise result
    return found
