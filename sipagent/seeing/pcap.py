# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files: SIP as packets, and packets of several sources in the order of their times."""

from __future__ import annotations

import contextlib
import heapq
import io
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from mediacore import ArgumentError, SipMessage, pcap_head, pcap_packet

_HEAD = struct.Struct("=IIII")  # seconds, microseconds, bytes that follow, bytes that there were
MAX_PACKET = 1 << 18  # what readers of such files take for broken when it is longer

Packet = tuple[tuple[int, int], bytes]  # its time, and all of it


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
    return b"".join(in_order(map(packets_of, full)))


def in_order(sources: Iterable[Iterable[Packet]]) -> Iterator[bytes]:
    """The same, one packet of each source in memory at a time."""
    return (packet for _, packet in heapq.merge(*sources, key=lambda row: row[0]))


def packets_of(source: bytes) -> Iterator[Packet]:
    """Of memory. What is cut off at the end is left out."""
    return _read(io.BytesIO(source))


def file_packets(path: Path) -> Iterator[Packet]:
    """What stands in a file of ours behind its head; nothing when there is none, or another kind. What is cut off at the end is
    left out."""
    head = pcap_head()
    with contextlib.suppress(OSError), path.open("rb") as file:
        if file.read(len(head)) == head:
            yield from _read(file)


def _read(source: BinaryIO) -> Iterator[Packet]:
    while len(head := source.read(_HEAD.size)) == _HEAD.size:
        seconds, us, size, _ = _HEAD.unpack(head)
        if size > MAX_PACKET or len(body := source.read(size)) < size:
            return
        yield (seconds, us), head + body
