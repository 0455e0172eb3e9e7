# SPDX-License-Identifier: GPL-3.0-or-later
"""The play agent: a WAV file, then goodbye."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sipagent.call import Call
from sipagent.config import Config
from sipagent.player import play
from sipagent.wavfile import read_wav

AFTER_S = 0.3  # the caller's jitter buffer still plays when our last packet has left


class PlayAgent:
    """`play:FILE`. The file is read when the agent is made, so that a wrong name is found before a caller finds it."""

    def __init__(self, path: Path, cfg: Config) -> None:
        self.name = f"play:{path}"
        self._path = path
        self._rate = cfg.media.rate
        self._pcm = read_wav(path, self._rate)

    async def on_call(self, call: Call) -> None:
        """Plays all of it and hangs up."""
        rate = call.leg.rate
        pcm = self._pcm if rate == self._rate else await asyncio.to_thread(read_wav, self._path, rate)
        await play(call.leg, pcm)
        await asyncio.sleep(AFTER_S)
        await call.hangup()
