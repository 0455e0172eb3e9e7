# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP message in parts that can be broken one by one, and what may come back for it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Self

TRANSPORTS = ("udp", "tcp", "tls")
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Verdict(enum.Enum):
    """What is right."""

    SERVED = "2xx"
    TOLD = "refused, and told so"  # a final response of 300 and above
    REFUSED = "refused or passed over"  # that, or silence, or the connection closed
    SILENT = "passed over"
    ANSWERED = "served, or refused and told so"
    EITHER = "anything"  # nobody can say what it was meant to be

    def allows(self, status: int) -> bool:
        """`status`: of the final response, 0 = none came."""
        match self:
            case Verdict.SERVED:
                return 200 <= status < 300
            case Verdict.TOLD:
                return status >= 300
            case Verdict.REFUSED:
                return status == 0 or status >= 300
            case Verdict.SILENT:
                return status == 0
            case Verdict.ANSWERED:
                return status != 0
            case Verdict.EITHER:
                return True


@dataclass(frozen=True)
class Parts:
    """Everything is bytes, so that everything can be wrong. In values {mark} is the message's own mark, {via} the sender's
    transport and address, {port} the port of the switch."""

    method: str
    line: bytes = b""  # b"" = the usual one
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes = b""
    length: bytes | None = b""  # of Content-Length; b"" = the right one, None = no such header
    end: bytes = b"\r\n"
    whole: bytes | None = None  # in the place of all that

    def with_header(self, name: str, *values: bytes | str | None) -> Self:
        """These values in the place of the header's; None = without it."""
        rows = [row for row in self.headers if row[0].lower() != name.lower()]
        rows += [(name, v.encode() if isinstance(v, str) else v) for v in values if v is not None]
        return replace(self, headers=tuple(rows))

    def render(self, mark: str, via: str, port: int) -> bytes:
        """The bytes to send."""
        known = {b"{mark}": mark.encode(), b"{via}": via.encode(), b"{port}": str(port).encode()}

        def filled(text: bytes) -> bytes:
            for name, value in known.items():
                text = text.replace(name, value)
            return text

        if self.whole is not None:
            return filled(self.whole)
        line = self.line or f"{self.method} sip:600@127.0.0.1 SIP/2.0".encode()
        rows = [line, *(name.encode() + b": " + value for name, value in self.headers)]
        if self.length is not None:
            rows.append(b"Content-Length: " + (self.length or str(len(filled(self.body))).encode()))
        return filled(self.end.join(rows) + 2 * self.end + self.body)


@dataclass(frozen=True)
class Hostile:
    """One message of the set. `framing`: over a stream nobody can say where the next one begins, so it has a connection of its
    own."""

    family: str
    name: str
    parts: Parts
    verdict: Verdict
    framing: bool = False
    transports: tuple[str, ...] = TRANSPORTS


@dataclass
class Family:
    """Collects the messages of one kind."""

    name: str
    made: list[Hostile] = field(default_factory=list)

    def add(
        self, name: str, parts: Parts, verdict: Verdict, framing: bool = False, transports: Iterable[str] = TRANSPORTS
    ) -> None:
        self.made.append(Hostile(self.name, name, parts, verdict, framing, tuple(transports)))

    def __iter__(self) -> Iterator[Hostile]:
        return iter(self.made)


def good(method: str) -> Parts:
    """A message with nothing wrong in it, but that only INVITE and OPTIONS are served outside a dialog."""
    rows = [
        ("Via", b"SIP/2.0/{via};rport;branch=z9hG4bK{mark}"),
        ("Max-Forwards", b"70"),
        ("From", b"<sip:tester@127.0.0.1>;tag={mark}"),
        ("To", b"<sip:600@127.0.0.1>"),
        ("Call-ID", b"{mark}@hostile"),
        ("CSeq", f"1 {method}".encode()),
        ("Contact", b"<sip:tester@127.0.0.1:9>"),
    ]
    if method in ("INVITE", "UPDATE"):
        return Parts(method, headers=(*rows, ("Content-Type", b"application/sdp")), body=OFFER)
    return Parts(method, headers=tuple(rows))
