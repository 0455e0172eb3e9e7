# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the log whom the gate turned away: one line a second for each address and reason, made of nothing that a sender wrote,
so that a tool such as fail2ban can act on it."""

from __future__ import annotations

import asyncio

import mediacore
from sipagent.log import get_logger

log = get_logger(__name__)

EVENT = "sip source turned away"  # docs/fail2ban.conf has the pattern for it
EVERY_S = 1.0


async def keep_watch() -> None:
    """Until it is cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        tell()


def tell() -> None:
    """What happened since the last time. `source` is the address of the socket, `reason` one of `mediacore.gate_counts()`."""
    for source, reason, n in mediacore.gate_events():
        log.warning(EVENT, source=source, reason=reason, n=n)
