# SPDX-License-Identifier: GPL-3.0-or-later
"""The play agent: a WAV file, then goodbye."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mediacore import Leg, Prompt
from sipagent.call import Call
from sipagent.config import Config
from sipagent.player import announce, play
from sipagent.wavfile import read_wav

AFTER_S = 0.3  # the caller's jitter buffer still plays when our last packet has left


class PlayAgent:
    """`play:FILE`. The file is read when the agent is made, so that a wrong name is found before a caller finds it; all calls
    share its sound, coded once for each codec."""

    def __init__(self, path: Path, cfg: Config) -> None:
        self.name = f"play:{path}"
        self._path = path
        self._rate = cfg.media.rate
        self._pcm = read_wav(path, self._rate)
        self._prompt = Prompt(self._pcm, self._rate)

    async def on_call(self, call: Call) -> None:
        """Plays all of it and hangs up."""
        leg = call.leg
        if isinstance(leg, Leg) and leg.rate == self._rate:
            await announce(leg, self._prompt)
        else:
            await play(leg, await asyncio.to_thread(read_wav, self._path, leg.rate))
        await asyncio.sleep(AFTER_S)
        await call.hangup()
