# SPDX-License-Identifier: GPL-3.0-or-later
"""Free ports on loopback, below the kernel's own ephemeral range so that no outgoing socket takes one in between."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
LOWEST, HIGHEST = 10000, 32000
_given: set[int] = set()
_dice = random.Random()


def _free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def block(count: int) -> int:
    """First of `count` neighbouring free ports, even; never given twice in one run."""
    for _ in range(1000):
        first = _dice.randrange(LOWEST, HIGHEST - count, 2)
        ports = range(first, first + count)
        if _given.isdisjoint(ports) and all(_free(port) for port in ports):
            _given.update(ports)
            return first
    raise RuntimeError(f"no {count} neighbouring free ports on {HOST}")


def one() -> int:
    return block(2)
