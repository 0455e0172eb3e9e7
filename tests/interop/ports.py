# SPDX-License-Identifier: GPL-3.0-or-later
"""Free ports on loopback, below the kernel's own ephemeral range so that no outgoing socket takes one in between."""

from __future__ import annotations

import os
import random
import socket

HOST = "127.0.0.1"
LOWEST, HIGHEST = {"0": (10000, 21000), "1": (21000, 32000)}.get(os.environ.get("INTEROP_HALF", ""), (10000, 32000))
_next = random.Random().randrange(LOWEST, HIGHEST, 2)  # another run beside this one begins elsewhere


def free(port: int, host: str = HOST) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def block(count: int) -> int:
    """First of `count` neighbouring free ports, even. One after the other, so that none comes again soon, and large blocks are
    still found when many small ones were given."""
    global _next
    tried = 0
    while tried < HIGHEST - LOWEST:
        first = _next if _next + count <= HIGHEST else LOWEST
        taken = next((port for port in range(first, first + count) if not free(port)), None)
        if taken is None:
            _next = first + count + count % 2
            return first
        _next = taken + 2 - taken % 2
        tried += _next - first
    raise RuntimeError(f"no {count} neighbouring free ports on {HOST}")


def one() -> int:
    return block(2)
