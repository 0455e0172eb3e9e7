# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP messages as they were on the wire (csrc/siptrace.h)."""
import secrets
from typing import NamedTuple

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from mediacore.c_worker cimport mc_clock_us
from mediacore.errors cimport check


cdef extern from "<arpa/inet.h>" nogil:
    enum: AF_INET, AF_INET6
    const char *inet_ntop(int family, const void *addr, char *out, unsigned size)


cdef extern from "gate.h" nogil:
    const char *const *mc_gate_names


cdef extern from "pcap.h" nogil:
    cdef struct mc_pcap_end:
        uint8_t addr[16]
        uint16_t port
        uint8_t version


cdef extern from "siptrace.h" nogil:
    cdef struct mc_span:
        const char *at
        size_t len

    cdef struct mc_siptrace_msg:
        uint64_t wall_us
        uint64_t mono_us
        uint64_t number
        mc_pcap_end src
        mc_pcap_end dst
        uint32_t len
        uint8_t transport
        bint sent
        uint8_t verdict

    cdef struct mc_siptrace_row:
        mc_siptrace_msg msg
        uint32_t n_id
        uint32_t n_lost

    cdef struct mc_siptrace_counts:
        uint64_t bytes
        uint64_t dialogs
        uint64_t lost

    cdef struct mc_siptrace:
        pass

    mc_siptrace *mc_siptrace_the()
    int mc_siptrace_open(mc_siptrace *t, size_t bytes, size_t dialog_bytes, uint64_t keep_us, uint64_t seed)
    void mc_siptrace_own(mc_siptrace *t, mc_span call_id, const char *owner, uint64_t now_us)
    void mc_siptrace_call_over "mc_siptrace_end"(mc_siptrace *t, mc_span call_id, const char *owner, uint64_t now_us)
    size_t mc_siptrace_read(mc_siptrace *t, const char *owner, mc_span call_id, uint64_t after, uint64_t now_us, uint8_t *out,
                            size_t room)
    void mc_siptrace_read_counts "mc_siptrace_counts"(mc_siptrace *t, mc_siptrace_counts *out)


class SipMessage(NamedTuple):
    """See siptrace.pyi."""

    number: int
    wall_us: int
    mono_us: int
    sent: bool
    transport: str
    src: tuple
    dst: tuple
    verdict: str
    n_lost: int
    call_id: bytes
    text: bytes


TRANSPORTS = ("udp", "tcp", "tls")


def set_siptrace(max_bytes, dialog_bytes, keep_s) -> None:
    """See siptrace.pyi."""
    check(mc_siptrace_open(mc_siptrace_the(), max_bytes, dialog_bytes, round(keep_s * 1e6), secrets.randbits(64)), "memory for SIP")


cdef mc_span span_of(bytes text):
    cdef mc_span span
    span.at, span.len = text, len(text)
    return span


def siptrace_own(bytes call_id, str owner) -> None:
    """See siptrace.pyi."""
    mc_siptrace_own(mc_siptrace_the(), span_of(call_id), owner.encode(), mc_clock_us())


def siptrace_end(bytes call_id, str owner) -> None:
    """See siptrace.pyi."""
    mc_siptrace_call_over(mc_siptrace_the(), span_of(call_id), owner.encode(), mc_clock_us())


cdef tuple place_of(const mc_pcap_end *end):
    cdef char text[64]
    if end.version == 0:
        return "", 0
    return inet_ntop(AF_INET if end.version == 4 else AF_INET6, end.addr, text, sizeof(text)).decode(), end.port


def siptrace_read(*, str owner="", bytes call_id=b"", after=0) -> list:
    """See siptrace.pyi."""
    cdef bytes name = owner.encode(), data = b""
    cdef mc_siptrace_row row
    cdef size_t room = 0, need = 1 << 14, at = 0
    while need > room:  # more may come meanwhile
        room = need
        data = bytes(room)
        need = mc_siptrace_read(mc_siptrace_the(), name, span_of(call_id), after, mc_clock_us(), <uint8_t *><char *>data, room)
    messages = []
    while at < need:
        memcpy(&row, <const char *>data + at, sizeof(row))
        at += sizeof(row)
        messages.append(SipMessage(
            row.msg.number, row.msg.wall_us, row.msg.mono_us, bool(row.msg.sent), TRANSPORTS[row.msg.transport],
            place_of(&row.msg.src), place_of(&row.msg.dst), mc_gate_names[row.msg.verdict].decode(), row.n_lost,
            data[at:at + row.n_id], data[at + row.n_id:at + row.n_id + row.msg.len],
        ))
        at += row.n_id + row.msg.len
    messages.sort()
    return messages


def siptrace_counts() -> dict:
    """See siptrace.pyi."""
    cdef mc_siptrace_counts counts
    mc_siptrace_read_counts(mc_siptrace_the(), &counts)
    return {"bytes": counts.bytes, "dialogs": counts.dialogs, "lost": counts.lost}
