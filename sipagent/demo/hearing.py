# SPDX-License-Identifier: GPL-3.0-or-later
"""How the demo's caller knows when the bot speaks: by the level of what arrives on the wire, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sipagent.dialogue.levels import block_levels

VOICED_DB = -50.0  # dBFS; the bot's silence is digital or comfort noise, far below
BRIDGE_US = 300_000  # pauses inside speech; a longer one ends a stretch


class BotEar:
    """Takes Leg.on_audio of the caller's leg."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._packet = asyncio.Event()
        self.now_us = 0  # arrival of the newest packet
        self.stretch_us = 0  # arrival of the first voiced packet of the newest stretch of speech; 0 = never spoke
        self.voiced_us = 0  # arrival of the newest voiced packet

    def on_audio(self, pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        """One packet."""
        self.now_us = arrival_us
        levels = block_levels(pcm, self._rate)
        if len(levels) and not lost and levels.max() > VOICED_DB:
            if self.stretch_us == 0 or arrival_us - self.voiced_us > BRIDGE_US:
                self.stretch_us = arrival_us
            self.voiced_us = arrival_us
        self._packet.set()

    async def until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Waits, packet by packet, for `true()`; False when `timeout_s` passed first."""
        try:
            async with asyncio.timeout(timeout_s):
                while not true():
                    self._packet.clear()
                    await self._packet.wait()
        except TimeoutError:
            return False
        return True

    async def speaks(self, since_us: int, timeout_s: float) -> bool:
        """Until the bot has spoken after `since_us`."""
        return await self.until(lambda: self.voiced_us > since_us, timeout_s)

    async def falls_silent(self, silence_ms: int, timeout_s: float) -> bool:
        """Until the bot was silent for `silence_ms`."""
        return await self.until(lambda: self.now_us - self.voiced_us >= silence_ms * 1000, timeout_s)
