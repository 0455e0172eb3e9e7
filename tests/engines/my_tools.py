# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions that an agent file names."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

seen: list[Any] = []


def opening_hours(day: str) -> dict[str, str]:
    """Plain: it may block."""
    seen.append(threading.current_thread().name)
    return {"day": day, "from": "nine"}


release = threading.Event()


def hang() -> str:
    """Blocks until it is let go."""
    release.wait()
    return "back"


async def book(guests: int, name: str = "") -> str:
    """Asynchronous: it can be cancelled."""
    try:
        await asyncio.sleep(0 if guests < 100 else 60)
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise
    return f"{guests} for {name or 'nobody'}"


def leave() -> str:
    """Ends the program, if it is let."""
    raise SystemExit(1)


async def leave_later() -> str:
    """The same."""
    raise SystemExit(1)


NOT_A_FUNCTION = 7
