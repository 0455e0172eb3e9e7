# SPDX-License-Identifier: GPL-3.0-or-later
"""A user agent that is written by hand: a dialog of either role over tests.sip.wire.Peer, and its RTP."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import struct
from dataclasses import dataclass, field

from sipagent.call import Call
from tests.sip.rig import Rig, tone
from tests.sip.wire import Message, Peer

FRAME = 160  # samples of 20 ms at 8 kHz
MOST_MS = 60  # a longer gap in the sound is none that a change of the session may make


@dataclass
class Ua:
    """One dialog with the user agent at `port`. `local` and `remote` are its From and To, or the other way round."""

    peer: Peer
    port: int
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    local: str = field(default_factory=lambda: f"<sip:tester@127.0.0.1>;tag={secrets.token_hex(4)}")
    remote: str = ""
    cseq: int = 0
    invite_cseq: int = 0
    branch: str = ""
    user: str = "600"
    hops: int = 70
    answer: Message | None = None  # to its INVITE

    def __post_init__(self) -> None:
        self.remote = self.remote or f"<sip:600@127.0.0.1:{self.port}>"

    @classmethod
    def called(cls, peer: Peer, port: int, invite: Message) -> Ua:
        """The callee of `invite`, with the tag that Peer.respond gives."""
        return cls(peer, port, invite.get("call-id"), f"{invite.get('to')};tag=peer{peer.port}", invite.get("from"), 100)

    def send(
        self, method: str, body: str = "", headers: str = "", cseq: int = 0, branch: str = "", kind: str = "application/sdp"
    ) -> str:
        """A request; returns its text, to send it once more."""
        if not cseq:
            self.cseq += 1
        self.branch = branch or "z9hG4bK" + secrets.token_hex(6)
        if method == "INVITE":
            self.invite_cseq = self.cseq
        text = (
            f"{method} sip:{self.user}@127.0.0.1:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.peer.port};rport;branch={self.branch}\r\n"
            f"Max-Forwards: {self.hops}\r\nFrom: {self.local}\r\nTo: {self.remote}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq or self.cseq} {method}\r\nContact: <sip:tester@127.0.0.1:{self.peer.port}>\r\n"
            + headers
            + (f"Content-Type: {kind}\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.peer.send(text, self.port)
        return text

    async def ask(self, method: str, body: str = "", headers: str = "") -> Message:
        """A request and its final response; an INVITE is acknowledged."""
        self.send(method, body, headers)
        return await self.final(method)

    async def final(self, method: str = "INVITE", ack: str = "") -> Message:
        cseq = f"{self.invite_cseq if method == 'INVITE' else self.cseq} {method}"
        while True:
            answer = await self.peer.response(method)
            if answer.get("cseq") == cseq:
                break
        if method == "INVITE":
            if ";tag=" not in self.remote:
                self.remote = answer.get("to")
            self.ack(answer, ack)
        return answer

    def ack(self, answer: Message, body: str = "") -> None:
        """Of a 2xx it is a request of its own (RFC 3261 section 13.2.2.4)."""
        branch = self.branch if answer.status >= 300 else ""
        self.send("ACK", body, cseq=self.invite_cseq, branch=branch)

    async def hang_up(self) -> None:
        assert (await self.ask("BYE")).status == 200


@dataclass
class Packet:
    """What an RTP packet says."""

    seq: int
    ts: int
    pt: int
    ssrc: int
    payload: bytes


class Rtp(asyncio.DatagramProtocol):
    """Sends a frame of PCMU each 20 ms to `to`, whenever that is set, and keeps what comes. Each byte it sends counts on."""

    def __init__(self) -> None:
        self.came: list[Packet] = []
        self.to: tuple[str, int] | None = None
        self.ptime_frames = 1
        self.n = 0
        self.voice: int | None = None  # a code that is all it says, instead
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls) -> Rtp:
        _, rtp = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        rtp._task = asyncio.get_running_loop().create_task(rtp._talk())
        return rtp

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= 12 and not 64 <= data[1] & 0x7F <= 95:  # not RTCP: RFC 5761 section 4
            _, pt, seq, ts, ssrc = struct.unpack("!BBHII", data[:12])
            self.came.append(Packet(seq, ts, pt & 0x7F, ssrc, data[12:]))

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            at += 0.02
            await asyncio.sleep(max(0.0, at - loop.time()))
            if self.to is not None:
                head = struct.pack("!BBHII", 0x80, 0, self.n & 0xFFFF, self.n * FRAME & 0xFFFFFFFF, 77)
                counted = bytes(0x80 | (self.n + i) & 0x3F for i in range(FRAME))
                self.wire.sendto(head + (counted if self.voice is None else bytes([self.voice]) * FRAME), self.to)
            self.n += 1

    def aim(self, answer: Message) -> None:
        """Sends where this description says."""
        self.to = ("127.0.0.1", media_port(answer))

    def gap_ms(self, since: int = 0, rate: int = 8000) -> float:
        """The longest stretch of time for which nothing was sent, by the sample count of the packets since number `since`."""
        came = self.came[since:]
        step = min(((b.ts - a.ts) & 0xFFFFFFFF for a, b in itertools.pairwise(came)), default=0)
        return max((((b.ts - a.ts) & 0xFFFFFFFF) - step for a, b in itertools.pairwise(came)), default=0) * 1000 / rate

    async def hears(self, rig: Rig, n: int, since: int | None = None) -> list[Packet]:
        """Waits for `n` packets more."""
        first = len(self.came) if since is None else since
        await asyncio.wait_for(rig.until(lambda: len(self.came) >= first + n), 15)
        return self.came[first:]

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self.wire.close()


def media_port(message: Message) -> int:
    """Of the first m= line."""
    return int(message.body.partition("m=audio ")[2].split()[0])


def direction(message: Message) -> str:
    """Of the first media stream: RFC 3264 section 5.1; sendrecv when nothing is said."""
    names = {"sendrecv", "sendonly", "recvonly", "inactive"}
    return next((line[2:] for line in message.body.split("\r\n") if line[2:] in names), "sendrecv")


def offer(port: int, *lines: str, media: str = "RTP/AVP 0 101", host: str = "127.0.0.1", version: int = 1) -> str:
    """A session description with one audio stream and whatever `lines` add."""
    head = (
        f"v=0\r\no=tester 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} {media}\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    )
    return head + "".join(f"{x}\r\n" for x in lines)


async def answered(rig: Rig, peer: Peer, rtp: Rtp) -> tuple[Ua, Call]:
    """A call to us that is up, with sound both ways."""
    ua = Ua(peer, rig.port)
    ua.send("INVITE", offer(rtp.port))
    call = await rig.taken()
    await call.control.answer()
    rtp.aim(await ua.final())
    await asyncio.wait_for(call.media_ready.wait(), 5)
    call.leg.write(tone(440, 60.0, 8000))
    await rtp.hears(rig, 5)
    return ua, call


def most_ms(call: Call) -> int:
    """What a gap may be; ticks that a stalled machine has skipped are no change's fault."""
    return MOST_MS + 20 * int(call.leg.stats()["tx_skipped"])


async def hung_up(rig: Rig, ua: Ua, call: Call) -> None:
    """The peer's end of it."""
    await ua.hang_up()
    await rig.over(call)
