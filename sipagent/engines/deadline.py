# SPDX-License-Identifier: GPL-3.0-or-later
"""When a piece of engine work is needed. It travels with the context of the task that waits, through wrappers and adapters that
know nothing of it, down to the pool (pool.py) that puts the most urgent work of all calls first."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Due:
    """Times are time.monotonic() seconds."""

    at_s: float  # the answer is needed
    until_s: float | None = None  # of no use after this: refuse what would come later; None = as long as the engine may take


_due: ContextVar[Due | None] = ContextVar("due", default=None)


@contextlib.contextmanager
def due(in_s: float, until_s: float | None = None) -> Iterator[None]:
    """Engine work started inside is needed `in_s` seconds from now, and is of no use `until_s` seconds from now. Not for use
    around a `yield` of an async generator: its context is its reader's."""
    now = time.monotonic()
    token = _due.set(Due(now + in_s, None if until_s is None else now + until_s))
    try:
        yield
    finally:
        _due.reset(token)


def due_now() -> Due | None:
    """What the surrounding task asked for."""
    return _due.get()
