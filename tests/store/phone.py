# SPDX-License-Identifier: GPL-3.0-or-later
"""A telephone whose number is vouched for: a user agent of our own that the switch trusts, and that speaks and hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sipagent import player
from sipagent.call import Call
from sipagent.commands.call import client
from sipagent.config import Config, Listen, Sip
from sipagent.config_protection import Protection
from sipagent.demo.hearing import BotEar
from sipagent.wavfile import read_wav
from tests.interop import ports

ANSWER_S, SPEECH_S = 60.0, 120.0  # patience of a test on a machine that stalls
FINISHED_MS = 900  # the bot has finished when it was silent so long
RTP_PORTS = 8


class Phone:
    """One call."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._ear = BotEar(call.leg.rate)
        call.leg.on_audio = self._ear.on_audio

    async def hear(self) -> None:
        """Until the bot has spoken, from now on, and has finished."""
        assert await self._ear.speaks(self._ear.now_us, ANSWER_S), "the bot says nothing"
        assert await self._ear.falls_silent(FINISHED_MS, SPEECH_S), "the bot does not stop"

    async def say(self, wav: Path) -> None:
        """Speaks, and returns when all of it is on the wire."""
        await player.write(self.call.leg, await asyncio.to_thread(read_wav, wav, self.call.leg.rate))
        await player.drained(self.call.leg)


@asynccontextmanager
async def phone(uri: str, number: str) -> AsyncIterator[Phone]:
    """Calls from `number`; the network that both are in asserts it (P-Asserted-Identity, RFC 3325)."""
    rtp = ports.block(RTP_PORTS)
    sip = Sip(listen=[Listen(port=0)], trusted_peers=[ports.HOST])
    media = {"ports": [rtp, rtp + RTP_PORTS - 1]}
    cfg = Config.model_validate({"sip": sip, "protection": Protection(allow=["*"]), "media": media})
    async with client(cfg) as agent:
        call = await agent.invite(uri, caller=number)
        try:
            async with asyncio.timeout(ANSWER_S):
                await player.answered(call)
            yield Phone(call)
        finally:
            await call.hangup()
            call.leg.close()
