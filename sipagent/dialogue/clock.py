# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of the dialogue engine: CLOCK_MONOTONIC in microseconds, the same as mediacore.clock_us."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]


def clock_us() -> int:
    """Now. Tests pass another."""
    return time.monotonic_ns() // 1000
