# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the set at a rate over UDP, TCP and TLS, and notes what came back for each message."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.message import Hostile, Verdict

HOST = "127.0.0.1"
SHARED = 4  # connections of each stream transport for messages that must be answered; the others have one each
RUDE = 4  # of so many answered INVITEs one is neither acknowledged nor ended
STATUS = re.compile(rb"SIP/2\.0 ([1-6]\d\d) [^\0\r\n]*")
LINE = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]+[ \t]*:[ \t]*[^\0\r\n]*(?:\r\n[ \t][^\0\r\n]*)*")
MUST_ANSWER = {Verdict.SERVED, Verdict.ANSWERED, Verdict.TOLD}
_MARK = re.compile(rb"hz(\d{6})([0-9a-f]{8})z")


def mark_of(number: int) -> str:
    """What a message is known by in its answers; a damaged one is nobody's."""
    return f"hz{number:06d}{zlib.crc32(str(number).encode()):08x}z"


def number_of(answer: bytes) -> int | None:
    """Whose answer this is."""
    for match in _MARK.finditer(answer):
        if match[0].decode() == mark_of(int(match[1])):
            return int(match[1])
    return None


@dataclass
class Outcome:
    """Of one message."""

    hostile: Hostile
    transport: str
    statuses: list[int] = field(default_factory=list)
    malformed: bytes = b""  # an answer that is no SIP

    @property
    def final(self) -> int:
        """Status of the first final answer, 0 = none."""
        return next((status for status in self.statuses if status >= 200), 0)

    @property
    def right(self) -> bool:
        return not self.malformed and self.hostile.verdict.allows(self.final)

    def __str__(self) -> str:
        told = f"malformed answer {self.malformed[:200]!r}" if self.malformed else f"{self.final}"
        return f"{self.hostile.family}: {self.hostile.name} over {self.transport}: {told}, not {self.hostile.verdict.value}"


def well_formed(answer: bytes) -> bool:
    """RFC 3261 section 7: a status line, header lines, the five that every answer has, and as much body as it says."""
    head, empty, body = answer.partition(b"\r\n\r\n")
    start, *rows = re.split(rb"\r\n(?![ \t])", head)
    names = {row.partition(b":")[0].strip().lower() for row in rows}
    length = re.search(rb"^Content-Length:\s*(\d+)", head, re.MULTILINE | re.IGNORECASE)
    return (
        bool(empty)
        and STATUS.fullmatch(start) is not None
        and all(LINE.fullmatch(row) for row in rows)
        and {b"via", b"from", b"to", b"call-id", b"cseq"} <= names
        and length is not None
        and int(length[1]) == len(body)
    )


def follow_up(answer: bytes, via: str) -> list[bytes]:
    """ACK of an INVITE's final answer, and BYE after a 2xx, made of what the answer itself says."""
    head = answer.partition(b"\r\n\r\n")[0]
    row = {n.lower(): v for n, _, v in (line.partition(b": ") for line in reversed(re.split(rb"\r\n(?![ \t])", head)[1:]))}
    cseq = re.match(rb"(\d+)\s+INVITE$", row.get(b"cseq", b""))
    status = int(answer[8:11])
    if cseq is None or status < 200:
        return []
    common = b"".join(b"%s: %s\r\n" % (n, row.get(n.lower(), b"")) for n in (b"From", b"To", b"Call-ID"))
    fresh = f"SIP/2.0/{via};rport;branch=z9hG4bK".encode() + b"%08x" % zlib.crc32(answer)

    def request(method: bytes, via_row: bytes, number: int) -> bytes:
        return (
            b"%s sip:600@127.0.0.1 SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\n%sCSeq: %d %s\r\nContent-Length: 0\r\n\r\n"
        ) % (method, via_row, common, number, method)

    number = int(cseq[1])
    if status >= 300:
        return [request(b"ACK", row.get(b"via", b""), number)]
    return [request(b"ACK", fresh + b"a", number), request(b"BYE", fresh + b"b", number + 1)]


def _abort(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(AttributeError):  # Python 3.11: a TLS transport that is closed already
        writer.transport.abort()


class Sender:
    """`ports`: transport -> port of the switch. `outcomes` grows while it runs."""

    def __init__(self, ports: dict[str, int], ca: Path) -> None:
        self._ports = ports
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._tls.check_hostname = False
        self.outcomes: list[Outcome] = []
        self.unknown = 0  # answers of nobody's message
        self._streams: dict[tuple[str, int], tuple[asyncio.StreamWriter, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, messages: Sequence[Hostile], rate: float, grace_s: float) -> list[Outcome]:
        """Sends them at `rate` a second, and returns what became of each after another `grace_s`."""
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(HOST, 0))
        began, first = loop.time(), len(self.outcomes)
        for n, hostile in enumerate(messages):
            if (early_s := began + n / rate - loop.time()) > 0:
                await asyncio.sleep(early_s)
            transport = hostile.transports[n % len(hostile.transports)]
            self.outcomes.append(Outcome(hostile, transport))
            task = asyncio.create_task(self._send(first + n, hostile, transport, grace_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(grace_s)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer, task in self._streams.values():
            _abort(writer)
            await asyncio.gather(task, return_exceptions=True)
        self._streams.clear()
        self._udp.close()
        return self.outcomes[first:]

    async def _send(self, number: int, hostile: Hostile, transport: str, grace_s: float) -> None:
        port = self._ports[transport]
        if transport == "udp":
            via = f"UDP {HOST}:{self._udp.get_extra_info('sockname')[1]}"
            self._udp.sendto(hostile.parts.render(mark_of(number), via, port)[:65000], (HOST, port))
            return
        with contextlib.suppress(OSError, ssl.SSLError):  # the switch closes what it can't read, also while we write
            alone = hostile.framing or hostile.verdict not in MUST_ANSWER
            place = (transport, -number - 1 if alone else number % SHARED)
            writer = await self._stream(place)
            source = writer.get_extra_info("sockname")[1]
            via = f"{transport.upper()} {HOST}:{source}"
            writer.write(hostile.parts.render(mark_of(number), via, port))
            await writer.drain()
            if alone:
                await asyncio.sleep(grace_s)
                _abort(writer)
                await self._streams.pop(place)[1]

    async def _stream(self, place: tuple[str, int]) -> asyncio.StreamWriter:
        held = self._streams.get(place)
        if held is not None and not held[1].done() and not held[0].is_closing():
            return held[0]
        context = self._tls if place[0] == "tls" else None
        reader, writer = await asyncio.open_connection(HOST, self._ports[place[0]], ssl=context)
        self._streams[place] = (writer, asyncio.create_task(self._read(reader, writer, place[0])))
        return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transport: str) -> None:
        """Cuts a stream into answers."""
        via = f"{transport.upper()} {HOST}:{writer.get_extra_info('sockname')[1]}"
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"^Content-Length:\s*(\d+)", head, re.MULTILINE | re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                for text in self.note(head + body, via):
                    writer.write(text)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            writer.close()

    def note(self, answer: bytes, via: str) -> list[bytes]:
        """Writes down one answer; returns what is to be sent for it."""
        if not answer.startswith(b"SIP/2.0 "):
            return []  # a request of the switch: its BYE, or its OPTIONS
        number = number_of(answer)
        if number is None or number >= len(self.outcomes):
            self.unknown += 1
            return []
        outcome = self.outcomes[number]
        if not well_formed(answer):
            outcome.malformed = answer
            return []
        outcome.statuses.append(int(answer[8:11]))
        return follow_up(answer, via) if number % RUDE else []


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        via = f"UDP {HOST}:{self._wire.get_extra_info('sockname')[1]}"
        for text in self._sender.note(data, via):
            self._wire.sendto(text, addr)


def wrong(outcomes: Sequence[Outcome]) -> list[str]:
    """What of it was not right, in words."""
    return [str(outcome) for outcome in outcomes if not outcome.right]


def served(outcomes: Sequence[Outcome]) -> int:
    """INVITEs that became calls."""
    return sum(o.final < 300 and o.final >= 200 and o.hostile.parts.method == "INVITE" for o in outcomes)


__all__ = ["Outcome", "Sender", "Verdict", "served", "wrong"]
