# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files: SIP as packets, and packets of several sources in the order of their times."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from mediacore import ArgumentError, SipMessage, pcap_head, pcap_packet

_HEAD = struct.Struct("=IIII")  # seconds, microseconds, bytes that follow, bytes that there were


def sip_packets(messages: Iterable[SipMessage]) -> bytes:
    """As UDP, whatever they came by, so that readers need neither put segments together nor open TLS."""
    packets = []
    for message in messages:
        try:
            packets.append(pcap_packet(message.wall_us, message.src, message.dst, message.text))
        except ArgumentError:  # ends of two kinds: a public IPv4 address in front of an IPv6 socket
            packets.append(pcap_packet(message.wall_us, ("", message.src[1]), ("", message.dst[1]), message.text))
    return b"".join(packets)


def merged(*sources: bytes) -> bytes:
    """Their packets by time; each source is in order."""
    full = [source for source in sources if source]
    if len(full) < 2:
        return b"".join(full)
    return b"".join(packet for _, packet in heapq.merge(*map(_packets, full), key=lambda row: row[0]))


def file_packets(path: Path) -> bytes:
    """What stands in a file of ours behind its head; nothing when there is none, or another kind. What is cut off at the end is
    left out."""
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    head = pcap_head()
    return b"".join(packet for _, packet in _packets(data[len(head) :])) if data.startswith(head) else b""


def _packets(source: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    at = 0
    while at + _HEAD.size <= len(source):
        seconds, us, size, _ = _HEAD.unpack_from(source, at)
        end = at + _HEAD.size + size
        if end > len(source):
            return
        yield (seconds, us), source[at:end]
        at = end
