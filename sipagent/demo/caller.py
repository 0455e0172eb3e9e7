# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's caller: a process of its own with its own user agent, leg and clockwork; it shares nothing with the switch but the
wire.

    python -m sipagent.demo.caller URI SCRIPT

SCRIPT is a JSON list of {"text", "manner", "wav"}. Each thing that happens is one JSON line on standard output; times are
CLOCK_MONOTONIC, microseconds, so another process of this machine can compare them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

import mediacore
from sipagent import log, player
from sipagent.call import Call
from sipagent.commands.call import client
from sipagent.config import Config, Listen, Log, Sip
from sipagent.config_protection import Protection
from sipagent.demo.hearing import BotEar
from sipagent.demo.script import Manner
from sipagent.wavfile import read_wav

ANSWER_S = 15.0  # for the call to be answered, and for the bot to begin an answer
SPEECH_S = 60.0  # longest answer
FINISHED_MS = 700  # the bot has finished when it was silent so long
INTERRUPT_MS = 1500  # of the bot's speech before somebody who interrupts begins
GOODBYE_S = 15.0


@dataclass(frozen=True)
class Line:
    """An utterance with its speech."""

    text: str
    manner: Manner
    pcm: bytes


def tell(event: str, **facts: Any) -> None:
    """One line of output."""
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


class Caller:
    """Says its lines, each when the bot has finished, or into its answer."""

    def __init__(self, call: Call, lines: list[Line]) -> None:
        self._call = call
        self._leg = call.leg
        self._lines = lines
        self._ear = BotEar(call.leg.rate)
        self._began: asyncio.Future[int] | None = None
        call.on_event = self._event
        call.leg.on_audio = self._ear.on_audio

    async def talk(self) -> None:
        """The whole conversation. Ends when the bot has hung up, or early when it does not answer."""
        spoken_us = 0
        if not await self._listen("greeting", -1, spoken_us):
            return
        for index, line in enumerate(self._lines):
            if line.manner is Manner.INTERRUPT and not await self._bot_is_in_full_flow(spoken_us):
                tell("no answer", index=index - 1)
                return
            spoken_us = await self._say(index, line)
            following = self._lines[index + 1].manner if index + 1 < len(self._lines) else None
            waits = line.manner is not Manner.LAST and following is not Manner.INTERRUPT
            if waits and not await self._listen("answer", index, spoken_us):
                return
        await asyncio.wait([asyncio.ensure_future(self._call.ended.wait())], timeout=GOODBYE_S)

    async def _say(self, index: int, line: Line) -> int:
        """Speaks; returns the time at which the last sample was sent."""
        self._began = asyncio.get_running_loop().create_future()
        await player.write(self._leg, line.pcm)
        start_us = await self._began
        await player.drained(self._leg)
        end_us = start_us + _us(len(line.pcm) // 2, self._leg.rate)
        tell("said", index=index, text=line.text, start_us=start_us, end_us=end_us)
        if line.manner is Manner.INTERRUPT:
            tell("interrupted", index=index)
        return end_us

    async def _listen(self, event: str, index: int, since_us: int) -> bool:
        """Hears the bot out; False when it did not speak or would not stop."""
        if await self._ear.speaks(since_us, ANSWER_S):
            start_us = self._ear.stretch_us
            if await self._ear.falls_silent(FINISHED_MS, SPEECH_S):
                tell(event, index=index, start_us=start_us, end_us=self._ear.voiced_us)
                return True
        tell("no answer", index=index)
        return False

    async def _bot_is_in_full_flow(self, since_us: int) -> bool:
        ear = self._ear
        return await ear.speaks(since_us, ANSWER_S) and await ear.until(
            lambda: ear.stretch_us > since_us and ear.voiced_us - ear.stretch_us >= INTERRUPT_MS * 1000, ANSWER_S
        )

    def _event(self, kind: int, a: int, b: int, t_us: int) -> None:
        if kind == mediacore.EV_PLAY_START and self._began is not None and not self._began.done():
            self._began.set_result(t_us)


def _us(samples: int, rate: int) -> int:
    return samples * 1_000_000 // rate


def read_script(path: Path, rate: int) -> list[Line]:
    """The lines of SCRIPT with their speech."""
    return [Line(row["text"], Manner(row["manner"]), read_wav(Path(row["wav"]), rate)) for row in json.loads(path.read_text())]


async def phone(uri: str, script: Path) -> bool:
    """One call. False when it was not answered."""
    sip = Sip(listen=[Listen(port=0)], user_agent="sipagent-demo-caller")
    cfg = Config(sip=sip, protection=Protection(allow=["*"]), log=Log(level="warning"))
    log.setup(cfg.log)
    lines = await asyncio.to_thread(read_script, script, cfg.media.rate)
    async with client(cfg) as agent:
        call = await agent.invite(uri)
        caller = Caller(call, lines)
        try:
            async with asyncio.timeout(ANSWER_S):
                await player.answered(call)
        except TimeoutError:
            tell("not answered", code=call.end_code, reason=call.end_reason)
            return False
        stats = call.leg.stats()
        tell("answered", t_us=call.answered_us, codec=stats["codec"])
        talk = asyncio.ensure_future(caller.talk())
        ended = asyncio.ensure_future(call.ended.wait())
        await asyncio.wait([talk, ended], return_when=asyncio.FIRST_COMPLETED)
        by_bot = call.ended.is_set()
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)
        await call.hangup()
        await asyncio.wait([ended], timeout=player.HANGUP_S)
        stats = call.leg.stats()
        tell("ended", by="bot" if by_bot else "caller", code=call.end_code, lost=stats["rx_lost"], received=stats["rx_packets"])
        call.leg.close()
    return True


def main() -> int:
    return 0 if uvloop.run(phone(sys.argv[1], Path(sys.argv[2]))) else 1


if __name__ == "__main__":
    sys.exit(main())
