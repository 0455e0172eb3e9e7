# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare SIP peer for tests: writes and reads messages over UDP, by hand, so that it can say what no decent stack would."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

WAIT_S = 5.0


@dataclass
class Message:
    """A parsed SIP message."""

    start: str
    headers: list[tuple[str, str]]
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        return cls(start, [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)], body)

    def get(self, name: str) -> str:
        return next((v for n, v in self.headers if n == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [v for n, v in self.headers if n == name.lower()]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.start.split(" ")[0]


class Peer(asyncio.DatagramProtocol):
    """One UDP socket. `inbox` has every message in order, retransmissions included."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[tuple[Message, tuple[str, int]]] = asyncio.Queue()
        self.seen: list[Message] = []

    @classmethod
    async def open(cls, host: str = "127.0.0.1") -> Peer:
        loop = asyncio.get_running_loop()
        wire, peer = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        peer.wire = wire
        peer.port = wire.get_extra_info("sockname")[1]
        return peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        self.port = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.strip():  # not a keep-alive
            message = Message.parse(data)
            self.seen.append(message)
            self.inbox.put_nowait((message, addr))

    def send(self, data: str | bytes, port: int) -> None:
        self.wire.sendto(data.encode() if isinstance(data, str) else data, ("127.0.0.1", port))

    async def request(self, method: str, within_s: float = WAIT_S) -> Message:
        """The next request of this method; anything else before it is passed over."""
        while True:
            message, _ = await asyncio.wait_for(self.inbox.get(), within_s)
            if message.method == method:
                return message

    async def response(self, method: str, at_least: int = 200) -> Message:
        """The next response to `method` with such a status."""
        while True:
            message, _ = await asyncio.wait_for(self.inbox.get(), WAIT_S)
            if message.status >= at_least and message.get("cseq").endswith(method):
                return message

    def respond(self, request: Message, status: str, port: int, headers: str = "", body: str = "", contact: str = "") -> None:
        """Answers a request, with the tag that a dialog needs."""
        to = request.get("to")
        if ";tag=" not in to:
            to += f";tag=peer{self.port}"
        lines = [f"SIP/2.0 {status}", *(f"Via: {v}" for v in request.all("via")), f"From: {request.get('from')}", f"To: {to}"]
        lines += [
            f"Call-ID: {request.get('call-id')}",
            f"CSeq: {request.get('cseq')}",
            f"Contact: {contact or f'<sip:peer@127.0.0.1:{self.port}>'}",
        ]
        head = "\r\n".join(lines) + "\r\n" + headers
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.send(f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}", port)

    def close(self) -> None:
        self.wire.close()


@dataclass
class Dialog:
    """A call from the peer to `port`."""

    peer: Peer
    port: int
    user: str = "600"
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    branch: str = field(default_factory=lambda: "z9hG4bK" + secrets.token_hex(6))
    to_tag: str = ""
    cseq: int = 1

    def text(self, method: str, headers: str = "", body: str = "", kind: str = "application/sdp", branch: str = "") -> str:
        cseq = 1 if method in ("ACK", "CANCEL", "INVITE") else self.cseq
        to = f"<sip:{self.user}@127.0.0.1:{self.port}>" + (f";tag={self.to_tag}" if self.to_tag and method != "CANCEL" else "")
        return (
            f"{method} sip:{self.user}@127.0.0.1:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.peer.port};rport;branch={branch or self.branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:tester@127.0.0.1>;tag={self.tag}\r\nTo: {to}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:tester@127.0.0.1:{self.peer.port}>\r\n"
            + headers
            + (f"Content-Type: {kind}\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def invite(self, sdp: str, headers: str = "") -> None:
        self.peer.send(self.text("INVITE", headers, sdp), self.port)

    async def final(self) -> Message:
        """The final response, acknowledged."""
        answer = await self.peer.response("INVITE")
        self.to_tag = answer.get("to").partition(";tag=")[2]
        branch = self.branch if answer.status >= 300 else "z9hG4bK" + secrets.token_hex(6)
        self.peer.send(self.text("ACK", branch=branch), self.port)
        return answer

    def within(self, method: str, headers: str = "", body: str = "", kind: str = "application/dtmf-relay") -> None:
        """A request inside the dialog."""
        self.cseq += 1
        self.peer.send(self.text(method, headers, body, kind, "z9hG4bK" + secrets.token_hex(6)), self.port)

    def cancel(self, headers: str = "") -> None:
        self.peer.send(self.text("CANCEL", headers), self.port)


def sdp(media: str = "RTP/AVP 0 101", lines: str = "", port: int = 36998) -> str:
    """A session description with one audio stream."""
    return (
        "v=0\r\no=tester 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} {media}\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n{lines}"
    )


CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj" + "\r\n"
