# SPDX-License-Identifier: GPL-3.0-or-later
"""A caller that writes its SIP by hand, gives its keys in SDP (RFC 4568) and speaks SRTP through plain libsrtp."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

from tests.sip.srtp_lines import CM, Theirs, key, rtp
from tests.sip.wire import Dialog, Peer

TONE = bytes((0x20 + (i * 7) % 0x60) for i in range(160))  # no silence in mu-law: is found again in what is played


def inline(data: bytes) -> str:
    return b64encode(data).decode()


@dataclass
class Answer:
    port: int
    suite: str
    key: bytes
    body: str


@dataclass
class SecurePeer:
    """One call. `sent`: what speak() sent; `received`: what the switch sent, as it came;
    `opened`: the same, opened (b"" = libsrtp refused it)."""

    dialog: Dialog
    rtp: socket.socket
    ssrc: int = 0x5EC0DE
    seq: int = 100
    pt: int = 0
    suite: str = CM
    own: bytes = b""
    answer: Answer | None = None
    line: Theirs | None = None
    sent: list[bytes] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    opened: list[bytes] = field(default_factory=list)

    @classmethod
    async def open(cls, port: int) -> SecurePeer:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        made = cls(Dialog(await Peer.open(), port), sock)
        asyncio.get_running_loop().add_reader(sock, made._readable)
        return made

    def _readable(self) -> None:
        while True:
            try:
                packet = self.rtp.recv(2048)
            except BlockingIOError:
                return
            self.received.append(packet)
            self._open()

    def _open(self) -> None:
        """What came, once the answer with the key is there: sound may be quicker."""
        if self.line is None:
            return
        for packet in self.received[len(self.opened) :]:
            is_rtcp = 200 <= packet[1] <= 207
            self.opened.append((self.line.open_rtcp if is_rtcp else self.line.open)(packet))

    def offer(self, lines: str = "", media: str = "RTP/SAVP 0", suite: str | None = None, keys: int = 1) -> str:
        """Renews the own key unless `suite` is left out."""
        if suite is not None or not self.own:
            self.suite, self.own = suite or self.suite, key(suite or self.suite)
        crypto = f"a=crypto:1 {self.suite} inline:{inline(self.own)}\r\n" if keys else ""
        port, self.pt = self.rtp.getsockname()[1], int(media.split()[1])
        self._version += 1
        return (
            f"v=0\r\no=tester 1 {self._version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} {media}\r\n{crypto}{lines}"
        )

    def take(self, body: str) -> Answer:
        """The answer's port and key; a line for them unless both keys are the ones in use."""
        found = re.search(r"a=crypto:1 (\S+) inline:([A-Za-z0-9+/=]+)", body)
        port = re.search(r"m=audio (\d+)", body)
        assert found, body
        assert port, body
        before, self.answer = self.answer, Answer(int(port[1]), found[1], b64decode(found[2]), body)
        if self.line is None or before is None or (before.key, self._line_key) != (self.answer.key, self.own):
            self.line = Theirs(self.suite, self.own, self.answer.key)
            self._line_key = self.own
            self._open()
        return self.answer

    _line_key: bytes = b""
    _version: int = 0

    async def invite(self, offer: str) -> int:
        """First INVITE or re-INVITE: its final status, with the answer taken."""
        if self.answer is None:
            self.dialog.invite(offer)
            answer = await self.dialog.final()
        else:
            self.dialog.cseq += 1
            branch = "z9hG4bK" + secrets.token_hex(6)
            self._again(self.dialog.text("INVITE", body=offer, branch=branch))
            answer = await self.dialog.peer.response("INVITE")
            while not answer.get("cseq").startswith(f"{self.dialog.cseq} "):
                answer = await self.dialog.peer.response("INVITE")
            if answer.status < 300:
                branch = "z9hG4bK" + secrets.token_hex(6)
            self._again(self.dialog.text("ACK", branch=branch))
        if answer.status == 200:
            self.take(answer.body)
        return answer.status

    def _again(self, text: str) -> None:
        """Sends a request of a later transaction than the first."""
        self.dialog.peer.send(text.replace("CSeq: 1 ", f"CSeq: {self.dialog.cseq} "), self.dialog.port)

    def packet(self, payload: bytes = TONE) -> bytes:
        """The next sealed one."""
        assert self.line is not None
        self.seq += 1
        return self.line.seal(rtp(self.seq, payload, self.ssrc, bytes([0x80, self.pt])))

    def send(self, packet: bytes) -> None:
        assert self.answer is not None
        self.rtp.sendto(packet, ("127.0.0.1", self.answer.port))

    async def speak(self, packets: int, payload: bytes = TONE) -> None:
        for _ in range(packets):
            self.sent.append(self.packet(payload))
            self.send(self.sent[-1])
            await asyncio.sleep(0.02)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.rtp)
        self.rtp.close()
        self.dialog.peer.close()
