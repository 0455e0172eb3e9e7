# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS server on loopback for tests: real datagrams and real TCP (RFC 1035 section 4.2), records given as zone lines."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


class DnsServer(asyncio.DatagramProtocol):
    """`add("www.example 60 A 192.0.2.1")`. What is asked is counted in `asked`. `silent`: nothing is answered; `truncate`: UDP
    answers are cut off, the whole is had by TCP; `chase`: aliases are followed here, as a resolver does."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.by_tcp = 0
        self.silent = False
        self.truncate = False
        self.chase = True

    @classmethod
    async def open(cls, *lines: str) -> DnsServer:
        loop = asyncio.get_running_loop()
        wire, server = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        server._wire = wire
        server.port = wire.get_extra_info("sockname")[1]
        server._tcp = await asyncio.start_server(server._serve, "127.0.0.1", server.port)
        for line in lines:
            server.add(line)
        return server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        self._tcp: asyncio.Server
        self.port = 0

    def add(self, line: str) -> None:
        name, ttl, kind, data = line.split(None, 3)
        self.zone.setdefault((name.rstrip(".").lower(), kind), []).append(f"{ttl} {data}")

    def settings(self, **more: object) -> dict[str, object]:
        """The table sip.dns that asks here."""
        return {"servers": [{"address": "127.0.0.1", "port": self.port}], **more}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.silent:
            self._wire.sendto(self._answer(data, self.truncate), addr)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            answer = self._answer(await reader.readexactly(size), False)
            self.by_tcp += 1
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def _answer(self, data: bytes, truncate: bool) -> bytes:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        if truncate:
            answer.flags |= dns.flags.TC
            return answer.to_wire()
        if not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        while True:
            for wanted in ("CNAME", kind):
                for row in self.zone.get((name, wanted), []):
                    ttl, _, rest = row.partition(" ")
                    answer.answer.append(dns.rrset.from_text(dns.name.from_text(name), int(ttl), "IN", wanted, rest))
            alias = self.zone.get((name, "CNAME"))
            if not alias or not self.chase:
                return answer.to_wire()
            name = alias[0].split()[1].rstrip(".").lower()

    def close(self) -> None:
        self._wire.close()
        self._tcp.close()
