# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose RTP counts: strangers are ignored, a peer behind NAT is found."""

from __future__ import annotations

import os
import secrets
import socket

import numpy as np
import pytest

from tests.sip.seam_loop import RTP_PORTS, Loop, endpoint, loop

__all__ = ["endpoint", "loop"]  # fixtures


def rtp(seq: int, ssrc: int, payload: bytes) -> bytes:
    """PCMU, 20 ms."""
    return b"\x80\x00" + seq.to_bytes(2, "big") + (seq * 160).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + payload


LOUD = b"\x00" * 160  # full scale in mu-law


def media_ports() -> list[int]:
    """Where this process listens for RTP."""
    ports = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(fd))) as sock:
                if sock.type == socket.SOCK_DGRAM and sock.family == socket.AF_INET:
                    ports.append(int(sock.getsockname()[1]))
        except OSError:
            continue
    return [p for p in ports if RTP_PORTS[0] <= p <= RTP_PORTS[1] and p % 2 == 0]


def loudest(pcm: bytearray) -> int:
    return int(np.abs(np.frombuffer(bytes(pcm), "<i2").astype(int)).max(initial=0))


def test_a_stranger_is_neither_heard_nor_answered(loop: Loop) -> None:
    caller, called = loop.call()
    loop.until(lambda: len(called.ear.pcm) > 1600 and len(caller.ear.pcm) > 1600)
    ports = media_ports()
    assert len(ports) == 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.setblocking(False)
        for seq in range(50):
            for port in ports:
                stranger.sendto(rtp(seq, 0xDEADBEEF, LOUD), ("127.0.0.1", port))
        before = len(called.ear.pcm), len(caller.ear.pcm)
        loop.until(lambda: len(called.ear.pcm) > before[0] + 3200 and len(caller.ear.pcm) > before[1] + 3200)
        with pytest.raises(BlockingIOError):
            stranger.recv(2000)
    assert loudest(called.ear.pcm) < 1000
    assert loudest(caller.ear.pcm) < 1000


class BarePeer:
    """A caller that writes its SIP by hand and says in SDP another port than the one it sends RTP from, as behind NAT."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.id = secrets.token_hex(8)
        self.n = 0
        self.sip = self.socket()
        self.said = self.socket()  # the port of the SDP; nothing ever leaves it
        self.real = self.socket()
        self.host = f"127.0.0.1:{self.sip.getsockname()[1]}"
        self.to = f"<sip:srtp0@127.0.0.1:{loop.port}>"

    @staticmethod
    def socket() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        return sock

    def send(self, method: str, cseq: str, body: str = "") -> None:
        head = (
            f"{method} sip:srtp0@127.0.0.1:{self.loop.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host};branch=z9hG4bK{method}{self.n}{self.id}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:bare@{self.host}>;tag=1\r\nTo: {self.to}\r\nCall-ID: {self.id}\r\n"
            f"CSeq: {cseq}\r\nContact: <sip:bare@{self.host}>\r\n"
        )
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        self.sip.sendto(text.encode(), ("127.0.0.1", self.loop.port))

    def call(self) -> int:
        """Returns the port that the answer asks RTP to be sent to."""
        self.loop.account(0)
        return self.invite(self.said)

    def invite(self, said: socket.socket, lines: str = "") -> int:
        """An INVITE, in a call that is up a re-INVITE, whose SDP has the port of `said`."""
        self.n += 1
        offer = (
            f"v=0\r\no=- 1 {self.n} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {said.getsockname()[1]} RTP/AVP 0\r\n{lines}"
        )
        self.send("INVITE", f"{self.n} INVITE", offer)
        answer = ""

        def answered() -> bool:
            nonlocal answer
            got = receive(self.sip).decode()
            answer = got if got.startswith("SIP/2.0 200") and f"CSeq: {self.n} " in got else answer
            return bool(answer)

        self.loop.until(answered)
        self.to = next(line[4:] for line in answer.split("\r\n") if line.startswith("To: "))
        self.send("ACK", f"{self.n} ACK")
        return int(answer.split("m=audio ")[1].split(" ")[0])

    def end(self) -> None:
        self.send("BYE", f"{self.n + 1} BYE")
        for sock in (self.sip, self.said, self.real):
            sock.close()


def receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(4000)
    except BlockingIOError:
        return b""


def test_a_peer_behind_nat_is_found_after_several_packets(loop: Loop) -> None:
    peer = BarePeer(loop)
    port = peer.call()
    called = loop.incoming[-1]
    loop.until(lambda: receive(peer.said))  # at first RTP goes where the SDP says
    for seq in range(3):  # three packets prove nothing yet
        peer.real.sendto(rtp(seq, 7, LOUD), ("127.0.0.1", port))
    while receive(peer.said):
        pass
    loop.until(lambda: receive(peer.said))
    assert receive(peer.real) == b""
    assert called.ear.leg.stats()["rx_packets"] == 0
    for seq in range(3, 30):
        peer.real.sendto(rtp(seq, 7, LOUD), ("127.0.0.1", port))
    loop.until(lambda: receive(peer.real))
    loop.until(lambda: loudest(called.ear.pcm) > 20000)
    peer.end()
    loop.until(lambda: called.ended)


def test_packets_that_are_no_run_move_nothing(loop: Loop) -> None:
    peer = BarePeer(loop)
    port = peer.call()
    called = loop.incoming[-1]
    for seq in range(0, 60, 2):  # every second number is missing: nobody speaks like that
        peer.real.sendto(rtp(seq, 7, LOUD), ("127.0.0.1", port))
    for _ in range(10):
        loop.until(lambda: receive(peer.said))
    assert receive(peer.real) == b""
    assert called.ear.leg.stats()["rx_packets"] == 0
    peer.end()
    loop.until(lambda: called.ended)


def found(loop: Loop) -> tuple[BarePeer, int]:
    """A peer behind NAT whose real port was learnt, and our port."""
    peer = BarePeer(loop)
    port = peer.call()
    for seq in range(10):
        peer.real.sendto(rtp(seq, 7, LOUD), ("127.0.0.1", port))
    loop.until(lambda: receive(peer.real))
    return peer, port


@pytest.mark.parametrize("lines", ["", "a=sendrecv\r\n", "a=rtcp:9\r\n"], ids=["refresh", "resume", "rtcp elsewhere"])
def test_a_peer_that_was_found_stays_found_after_a_reinvite(loop: Loop, lines: str) -> None:
    peer, _ = found(loop)
    called = loop.incoming[-1]
    peer.invite(peer.said, "a=sendonly\r\n")
    peer.invite(peer.said, lines)
    for sock in (peer.said, peer.real):
        while receive(sock):
            pass
    for _ in range(10):  # without a word from the peer
        loop.until(lambda: receive(peer.real))
    assert receive(peer.said) == b""
    peer.end()
    loop.until(lambda: called.ended)


def test_a_reinvite_is_no_chance_for_strangers(loop: Loop) -> None:
    peer, port = found(loop)
    called = loop.incoming[-1]
    peer.invite(peer.said)
    before = called.ear.leg.stats()["rx_packets"]
    with BarePeer.socket() as stranger:
        for seq in range(50):
            stranger.sendto(rtp(seq, 9, LOUD), ("127.0.0.1", port))
        loop.until(lambda: called.ear.leg.stats()["rx_strangers"] >= 50)
        while receive(peer.real):
            pass
        for _ in range(10):
            loop.until(lambda: receive(peer.real))
        assert receive(stranger) == b""
    assert called.ear.leg.stats()["rx_packets"] == before
    peer.end()
    loop.until(lambda: called.ended)


def test_another_address_in_sdp_is_believed_at_once_and_then_learnt_anew(loop: Loop) -> None:
    peer, port = found(loop)
    called = loop.incoming[-1]
    with BarePeer.socket() as elsewhere, BarePeer.socket() as real:
        assert peer.invite(elsewhere) == port
        loop.until(lambda: receive(elsewhere))
        for seq in range(10):
            real.sendto(rtp(seq, 8, LOUD), ("127.0.0.1", port))
        loop.until(lambda: receive(real))
    peer.end()
    loop.until(lambda: called.ended)
