# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for one of several things."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


async def first(*things: Awaitable[object], timeout_s: float | None = None) -> int | None:
    """Which of them was done first, None when the time was over before. The others are cancelled; an error of a thing that is
    done is raised."""
    tasks = [asyncio.ensure_future(thing) for thing in things]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return next((i for i, task in enumerate(tasks) if task in done), None)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
