# SPDX-License-Identifier: GPL-3.0-or-later
"""RTCP read and written by hand, so that the core is not its own judge."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SR, RR, SDES, BYE, XR = 200, 201, 202, 203, 207


@dataclass(frozen=True, slots=True)
class Block:
    """RFC 3550 section 6.4.1: what one side received of the other."""

    ssrc: int
    fraction: int = 0
    lost: int = 0
    ext_seq: int = 0
    jitter: int = 0
    lsr: int = 0
    dlsr: int = 0

    def pack(self) -> bytes:
        loss = struct.pack("!I", self.fraction << 24 | self.lost & 0xFFFFFF)
        return struct.pack("!I", self.ssrc) + loss + struct.pack("!IIII", self.ext_seq, self.jitter, self.lsr, self.dlsr)

    @staticmethod
    def unpack(data: bytes) -> Block:
        ssrc, loss, ext_seq, jitter, lsr, dlsr = struct.unpack("!IIIIII", data)
        lost = (loss & 0xFFFFFF) - (1 << 24 if loss & 0x800000 else 0)
        return Block(ssrc, loss >> 24, lost, ext_seq, jitter, lsr, dlsr)


@dataclass(slots=True)
class Compound:
    """What a two-party leg may say in one compound packet."""

    ssrc: int
    types: list[int] = field(default_factory=list)
    ntp: int | None = None  # of an SR, as are the next three
    rtp_ts: int = 0
    n_packets: int = 0
    n_octets: int = 0
    blocks: list[Block] = field(default_factory=list)
    cname: str | None = None
    bye: bool = False
    voip: bytes | None = None  # the VoIP metrics block of RFC 3611 section 4.7 behind its header

    @staticmethod
    def unpack(data: bytes) -> Compound:
        out = Compound(struct.unpack("!I", data[4:8])[0])
        at = 0
        while at < len(data):
            first, kind, words = struct.unpack("!BBH", data[at : at + 4])
            assert first >> 6 == 2
            body = data[at + 4 : at + 4 + 4 * words]
            assert len(body) == 4 * words, "the length fits"
            out.types.append(kind)
            out._take(kind, first & 0x1F, body)
            at += 4 + 4 * words
        assert out.types[0] in (SR, RR)
        return out

    def _take(self, kind: int, count: int, body: bytes) -> None:
        assert struct.unpack("!I", body[:4])[0] == self.ssrc, "all packets are of one source"
        if kind in (SR, RR):
            at = 4
            if kind == SR:
                self.ntp, self.rtp_ts, self.n_packets, self.n_octets = struct.unpack("!QIII", body[4:24])
                at = 24
            assert len(body) == at + 24 * count
            self.blocks += [Block.unpack(body[i : i + 24]) for i in range(at, len(body), 24)]
        elif kind == SDES:
            assert (count, body[4]) == (1, 1)
            self.cname = body[6 : 6 + body[5]].decode()
            assert len(body) - 6 - body[5] in (1, 2, 3, 4), "zeros up to the next word, one at least"
            assert not any(body[6 + body[5] :])
        elif kind == BYE:
            assert count == 1
            self.bye = True
        elif kind == XR:
            block, _, words = struct.unpack("!BBH", body[4:8])
            assert (block, words, len(body)) == (7, 8, 40)
            self.voip = body[8:]


def receiver_report(ssrc: int, *blocks: Block) -> bytes:
    body = struct.pack("!I", ssrc) + b"".join(block.pack() for block in blocks)
    return struct.pack("!BBH", 0x80 | len(blocks), RR, len(body) // 4) + body


def bye(ssrc: int) -> bytes:
    return receiver_report(ssrc) + struct.pack("!BBHI", 0x81, BYE, 1, ssrc)
