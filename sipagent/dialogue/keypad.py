# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that the caller presses become an entry: "1234", when he presses the terminator, presses no more for a while, or what he
entered is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sipagent.config import Dialogue
from sipagent.dialogue.clock import Clock

MAX_KEYS = 64  # of one entry


@dataclass(frozen=True, slots=True)
class Entry:
    """`last_us`: when the last key was let go."""

    keys: str
    last_us: int


class Keypad:
    """Of one call. `complete(keys)`: True = nothing more is expected. An entry of nothing but the terminator is that."""

    def __init__(
        self, cfg: Dialogue, clock: Clock, complete: Callable[[str], bool | None], on_entry: Callable[[Entry], None]
    ) -> None:
        self._end_s, self._terminator = cfg.keys_end_s, cfg.keys_terminator
        self._clock, self._complete, self._on_entry = clock, complete, on_entry
        self._keys = ""
        self._last_us = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def entering(self) -> bool:
        """Between the first key and the end of the entry."""
        return self._timer is not None

    def press(self, key: str) -> None:
        """One key of 0-9 * # A-D, when it is let go."""
        self._last_us = self._clock()
        ends = key == self._terminator
        if not ends or not self._keys:
            self._keys += key
        self._stop_timer()
        if ends or len(self._keys) >= MAX_KEYS or self._complete(self._keys) is True:
            self._end()
        else:
            self._timer = asyncio.get_running_loop().call_later(self._end_s, self._end)

    def clear(self) -> None:
        """What was entered so far is forgotten."""
        self._stop_timer()
        self._keys = ""

    def _end(self) -> None:
        keys, self._keys = self._keys, ""
        self._stop_timer()
        self._on_entry(Entry(keys, self._last_us))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
