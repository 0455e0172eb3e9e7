# SPDX-License-Identifier: GPL-3.0-or-later
"""A caller of a few lines: one call over UDP with RTP of known samples, and an exact account of what came back and when.

It is the instrument of the tests that load or attack the switch, so it shares no code with it. One thread per call sends a
frame every 20 ms and takes what arrives; requests inside the dialog are answered there, too.
"""

from __future__ import annotations

import itertools
import queue
import re
import secrets
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from tests.interop import audio, ports

FRAME_S = 0.020
FRAME_SAMPLES = 160
UNDER_WAY_MS = 200  # what the call's end cut off on its way back
RTP_VERSION = 0x80  # RFC 3550 5.1: V=2, no padding, extension or CSRC


@dataclass(frozen=True)
class Packet:
    """One RTP packet that came: seconds on the monotonic clock, header fields, payload."""

    at: float
    seq: int
    timestamp: int
    payload: bytes


@dataclass
class Message:
    """A SIP message: first line, headers by lower-case name (the first of each), body."""

    start: str
    headers: dict[str, str]
    body: str

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0


def parse(data: bytes) -> Message:
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return Message(start, headers, body)


@dataclass
class Report:
    """What a call heard."""

    packets: list[Packet] = field(default_factory=list)
    sent: int = 0

    def codes(self) -> bytes:
        """Payloads in the order they came."""
        return b"".join(packet.payload for packet in self.packets)

    def timestamp_steps(self) -> list[int]:
        """RTP clock from each packet to the next (RFC 3550 5.1): 160 for every 20 ms of G.711."""
        return [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in itertools.pairwise(self.packets)]

    def missing(self) -> int:
        """Sequence numbers that never came, between the first and the last."""
        seqs = [packet.seq for packet in self.packets]
        return ((seqs[-1] - seqs[0]) & 0xFFFF) + 1 - len(set(seqs)) if seqs else 0


class Caller:
    """call() -> status, then hear() / hang_up() / vanish()."""

    def __init__(self, sip_port: int, user: str = "canary", seed: int = 1, seconds: float = 120.0) -> None:
        self._target = (ports.HOST, sip_port)
        self._sip = self._socket(ports.one())
        self._rtp = self._socket(ports.one())
        self._uri = f"sip:{user}@{ports.HOST}:{self._sip.getsockname()[1]}"
        self._call_id, self._tag = secrets.token_hex(8), secrets.token_hex(4)
        self._to = f"<sip:echo@{ports.HOST}:{sip_port}>"
        self._remote_uri = f"sip:echo@{ports.HOST}:{sip_port}"
        self._cseq = 0
        self._answers: queue.Queue[Message] = queue.Queue()
        self.media: tuple[str, int] | None = None
        self.report = Report()
        self.ended = threading.Event()
        self.mute = False  # True: stops sending RTP, goes on listening
        self.codes = audio.noise(round(seconds / FRAME_S) * FRAME_SAMPLES, seed).tobytes()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"uac-{user}", daemon=True)
        self._thread.start()

    @staticmethod
    def _socket(port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((ports.HOST, port))
        return sock

    @property
    def rtp_port(self) -> int:
        return int(self._rtp.getsockname()[1])

    @property
    def rtp_socket(self) -> socket.socket:
        """To send more than frames from the address that the switch listens to."""
        return self._rtp

    # --- signalling ---

    def _request(self, method: str, cseq: int, uri: str, body: str = "") -> bytes:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ports.HOST}:{self._sip.getsockname()[1]};"
            f"branch=z9hG4bK{self._call_id}{cseq}{'a' if method == 'ACK' else ''};rport\r\nMax-Forwards: 70\r\n"
            f"From: <{self._uri}>;tag={self._tag}\r\nTo: {self._to}\r\nCall-ID: {self._call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <{self._uri}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _offer(self) -> str:
        lines = [
            *("v=0", f"o=- 1 1 IN IP4 {ports.HOST}", "s=-", f"c=IN IP4 {ports.HOST}", "t=0 0"),
            *(
                f"m=audio {self.rtp_port} RTP/AVP 0 101",
                "a=rtpmap:0 PCMU/8000",
                "a=rtpmap:101 telephone-event/8000",
                "a=ptime:20",
            ),
        ]
        return "\r\n".join(lines) + "\r\n"

    def _transact(self, method: str, uri: str, body: str = "", within_s: float = 10.0) -> Message:
        """Sends until a final answer comes (RFC 3261 17.1: repeats over UDP)."""
        self._cseq += 1
        request = self._request(method, self._cseq, uri, body)
        end = time.monotonic() + within_s
        provisional = False
        while time.monotonic() < end:
            if not provisional:
                self._sip.sendto(request, self._target)
            try:
                answer = self._answers.get(timeout=0.5 if not provisional else 2.0)
            except queue.Empty:
                continue
            if not answer.headers.get("cseq", "").startswith(f"{self._cseq} "):
                continue
            if answer.status >= 200:
                return answer
            provisional = method == "INVITE"
        raise TimeoutError(f"no final answer to {method} within {within_s} s")

    def call(self) -> Message:
        """INVITE and ACK; media starts with a 200. Returns the final answer."""
        answer = self._transact("INVITE", self._remote_uri, self._offer())
        self._to = answer.headers["to"]
        if contact := re.search(r"<([^>]+)>", answer.headers.get("contact", "")):
            self._remote_uri = contact[1]
        self._sip.sendto(self._request("ACK", self._cseq, self._remote_uri), self._target)
        if answer.status == 200:
            host, port = re.search(r"c=IN IP4 (\S+)", answer.body), re.search(r"m=audio (\d+)", answer.body)
            assert host, answer.body
            assert port, answer.body
            self.media = (host[1], int(port[1]))
        return answer

    def hang_up(self) -> int:
        """BYE; returns the answer's status."""
        status = self._transact("BYE", self._remote_uri).status
        self.close()
        return status

    def vanish(self) -> None:
        """As if the power went: no BYE, the ports closed."""
        self.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._sip.close()
        self._rtp.close()

    # --- the thread ---

    def _run(self) -> None:
        due = 0.0
        while not self._stop.is_set():
            now = time.monotonic()
            if self.media and not self.mute and not self.ended.is_set() and now >= due:
                due = max(due + FRAME_S, now - FRAME_S) if due else now + FRAME_S
                self._send_frame(self.media)
            wait = max(0.0, due - time.monotonic()) if self.media else 0.02
            for sock in select.select([self._sip, self._rtp], [], [], min(wait, 0.02))[0]:
                try:
                    data, source = sock.recvfrom(65536)
                except OSError:
                    continue
                if sock is self._rtp:
                    self._on_rtp(data)
                else:
                    self._on_sip(data, source)

    def _send_frame(self, media: tuple[str, int]) -> None:
        n = self.report.sent
        header = struct.pack("!BBHII", RTP_VERSION, 0, n & 0xFFFF, n * FRAME_SAMPLES & 0xFFFFFFFF, int(self._tag, 16))
        payload = self.codes[n * FRAME_SAMPLES % len(self.codes) :][:FRAME_SAMPLES]
        self._rtp.sendto(header + payload, media)
        self.report.sent += 1

    def _on_rtp(self, data: bytes) -> None:
        if len(data) > 12 and data[1] & 0x7F == 0:
            seq, timestamp = struct.unpack("!HI", data[2:8])
            self.report.packets.append(Packet(time.monotonic(), seq, timestamp, data[12:]))

    def _on_sip(self, data: bytes, source: tuple[str, int]) -> None:
        message = parse(data)
        if message.status:
            self._answers.put(message)
            return
        copied = "".join(f"{name}: {message.headers[name.lower()]}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
        if message.start.startswith("ACK"):
            return
        self._sip.sendto(f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n".encode(), source)
        if message.start.startswith("BYE"):
            self.ended.set()

    # --- verdicts ---

    def fault(self, slip_ms: int = 500) -> str:
        """What is wrong with what came back; "" = each sent packet's samples, and no packet of the other side is missing."""
        if missing := self.report.missing():
            return f"{missing} packets of the other side never came"
        jumps = [step for step in self.report.timestamp_steps() if step != FRAME_SAMPLES]
        # Whole frames of a tick that a stalled process missed are skipped, and said so by the clock.
        if any(step % FRAME_SAMPLES or not 0 < step <= slip_ms * 8 for step in jumps):
            return f"its clock jumped: {jumps}"
        law = audio.G711["ulaw"]
        sent = law[np.frombuffer(self.codes[: self.report.sent * FRAME_SAMPLES], np.uint8)]
        heard = law[np.frombuffer(self.report.codes(), np.uint8)]
        return audio.echo_fault(sent, heard, 8000, tail_ms=UNDER_WAY_MS + slip_ms, slip_ms=slip_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if not self._stop.is_set():
            self.close()
