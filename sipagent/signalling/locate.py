# SPDX-License-Identifier: GPL-3.0-or-later
"""From a host of a SIP URI to the addresses to try, best first: NAPTR, SRV, A and AAAA (RFC 3263 section 4)."""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sipagent.signalling.names import Names, ResolveError, Srv, either
from sipagent.signalling.uri import Transport, host_port

MAX_RECORDS = 64  # of an answer, which a stranger may have written
MAX_TARGETS = 8  # of one name; the C side holds as many (csrc/pjsip/next_hop.c)

# Service of a NAPTR (RFC 3263 section 4.1) and the prefix of SRV names, in the order in which we ask without NAPTR.
SERVICES: dict[Transport, tuple[str, str]] = {
    "udp": ("SIP+D2U", "_sip._udp"),
    "tcp": ("SIP+D2T", "_sip._tcp"),
    "tls": ("SIPS+D2T", "_sips._tcp"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """One address to send to. `str()` is a line as `mc_pjsip_set_hop` takes it."""

    transport: Transport
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport} {self.address} {self.port}"

    @property
    def version(self) -> int:
        return 6 if ":" in self.address else 4

    @property
    def where(self) -> str:
        """For people: "tls:192.0.2.1:5061"."""
        return f"{self.transport}:{host_port(self.address, self.port)}"


def default_port(transport: Transport) -> int:
    """RFC 3261 section 19.1.2."""
    return 5061 if transport == "tls" else 5060


def in_order(records: Iterable[Srv], rng: random.Random) -> list[Srv]:
    """By priority, and by chance within one: each is first as often as its weight says (RFC 2782)."""
    left = sorted(records, key=lambda r: (r.priority, r.weight))[:MAX_RECORDS]  # weight 0 first, as the RFC's sum wants it
    ordered: list[Srv] = []
    while left:
        group = [r for r in left if r.priority == left[0].priority]
        chance = rng.randint(0, sum(r.weight for r in group))
        running = 0
        for record in group:
            running += record.weight
            if running >= chance:
                ordered.append(record)
                left.remove(record)
                break
    return ordered


class Locator:
    """`can`: the transports that are open, with the IP versions of each: nothing else is answered."""

    def __init__(self, names: Names, can: Collection[tuple[Transport, int]], rng: random.Random | None = None) -> None:
        self._names = names
        self._can = set(can)
        self._rng = rng or random.Random()

    async def locate(self, host: str, port: int = 0, transport: Transport | None = None, secure: bool = False) -> list[Target]:
        """Addresses for `host`, at least one. `port` 0 and `transport` None = not given; `secure`: a sips: URI.
        ResolveError: there is none, or none that we can reach."""
        wanted: Transport | None = "tls" if secure else transport
        try:
            address = str(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            targets = await self._by_name(host, port, wanted)
        else:
            kind = wanted or "udp"
            targets = [Target(kind, address, port or default_port(kind))]
        reachable = [t for t in dict.fromkeys(targets) if (t.transport, t.version) in self._can]
        if not reachable:
            what = ", ".join(t.where for t in targets)
            raise ResolveError(f"{host!r} is at {what}: no such transport is open here; add one to sip.listen")
        return reachable[:MAX_TARGETS]

    async def _by_name(self, host: str, port: int, transport: Transport | None) -> list[Target]:
        if port:  # section 4.2: no SRV
            kind = transport or "udp"
            return [Target(kind, a, port) for a in await self._addresses(host)]
        denied = False
        for kind, service in await self._services(host, transport):
            records = await self._srv(service)
            denied = denied or any(r.target in ("", ".") for r in records)  # RFC 2782: decidedly not available
            targets = await self._of_records(kind, records)
            if targets:
                return targets
        if denied:
            raise ResolveError(f"{host!r} does not offer SIP over {transport or 'any transport'} (its SRV record says so)")
        kind = transport or "udp"
        return [Target(kind, a, default_port(kind)) for a in await self._addresses(host)]

    async def _services(self, host: str, transport: Transport | None) -> list[tuple[Transport, str]]:
        """The SRV names to ask, section 4.1."""
        if transport is not None:
            return [(transport, f"{SERVICES[transport][1]}.{host}")]
        try:
            naptr = await self._names.naptr(host)
        except ResolveError:
            naptr = []  # a name may have SRV or A records alone; those say whether it exists
        by_service: dict[str, Transport] = {service: kind for kind, (service, _) in SERVICES.items()}
        usable = [n for n in naptr if n.flags == "s" and n.service in by_service and self._open(by_service[n.service])]
        if usable:
            return [
                (by_service[n.service], n.replacement)
                for n in sorted(usable, key=lambda n: (n.order, n.preference))[:MAX_TARGETS]
            ]
        return [(kind, f"{prefix}.{host}") for kind, (_, prefix) in SERVICES.items() if self._open(kind)]

    def _open(self, transport: Transport) -> bool:
        return any(kind == transport for kind, _ in self._can)

    async def _srv(self, name: str) -> list[Srv]:
        try:
            return await self._names.srv(name)
        except ResolveError:
            return []

    async def _of_records(self, kind: Transport, records: list[Srv]) -> list[Target]:
        ordered = [r for r in in_order(records, self._rng) if r.target not in ("", ".")][:MAX_TARGETS]
        found = await asyncio.gather(*(self._addresses(r.target) for r in ordered), return_exceptions=True)
        targets = []
        for record, addresses in zip(ordered, found, strict=True):
            if isinstance(addresses, list):
                targets += [Target(kind, a, record.port) for a in addresses]
            elif not isinstance(addresses, ResolveError):
                raise addresses
        return targets

    async def _addresses(self, name: str) -> list[str]:
        versions = {version for _, version in self._can}
        if len(versions) == 1:
            [version] = versions
            found = await self._names.addresses(name, version)
        else:
            v6, v4 = (asyncio.ensure_future(self._names.addresses(name, v)) for v in (6, 4))
            found = await either(v4, v6)
        if not found:
            raise ResolveError(f"can't resolve {name!r}: it has no address of the kind that is open here; check sip.listen")
        return found
