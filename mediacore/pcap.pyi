# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files as libpcap writes them, of raw IP packets. A file is `pcap_head()` and then packets; all stand there as UDP."""

from mediacore.leg import Leg

def pcap_head() -> bytes:
    """What a file begins with."""

def pcap_packet(wall_us: int, src: tuple[str, int], dst: tuple[str, int], payload: bytes) -> bytes:
    """A packet with headers made up. wall_us: Unix time, microseconds; src, dst: numeric address ("" = not known) and port.
    ArgumentError: longer than 65,000 bytes, or an IPv4 and an IPv6 address."""

class Capture:
    """RTP and RTCP of a leg as they are on the wire, from now on until it is closed. One for each leg."""

    def __init__(self, leg: Leg, *, whole: bool, room: int = 1 << 18) -> None:
        """whole: with the payload; else of RTP its header alone. room: bytes that wait for `read`, a power of two. StateError:
        the leg is closed, or has one."""
    def read(self) -> bytes:
        """Packets since the last time. One thread at a time; also after the leg was closed."""
    @property
    def lost(self) -> int:
        """Packets that found no room."""
