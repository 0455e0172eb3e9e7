# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies are made: brain, voice and playing, each ahead of the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sipagent.dialogue.records import Records
from sipagent.dialogue.reply import Reply, ReplyFailed, Think
from sipagent.dialogue.speak import Speaker
from sipagent.dialogue.think import Clauses
from sipagent.engines import EngineSet
from sipagent.engines.base import Act, AtWork, EngineError, EngineTimeout, HandOver, Token
from sipagent.engines.clips import Apology
from sipagent.media import MediaLeg

BRAIN_TIMEOUT_S = 8.0  # for each token
WAIT_STEP_S = 0.02


class ReplyMaker:
    """Makes the replies of one call. Cancel the task that runs `make` or `play` to stop; flushing is the playout's."""

    def __init__(self, leg: MediaLeg, engines: EngineSet, tts_timeout_s: float, records: Records) -> None:
        self._leg, self._engines, self._records = leg, engines, records
        self._speaker = Speaker(leg, engines.tts, tts_timeout_s)

    async def make(self, reply: Reply, think: Think) -> None:
        """Returns when the last of it is in the ring. Raises ReplyFailed."""
        clauses: asyncio.Queue[str | None] = asyncio.Queue()
        thinking = asyncio.create_task(self._think(reply, think, clauses))
        try:
            while (clause := await clauses.get()) is not None:
                await self._speaker.say(reply.utterance, clause, lambda: self._records.mark(reply, "first_tts"))
        except EngineError as e:
            thinking.cancel()
            raise ReplyFailed(Apology.VOICE, e) from e
        except asyncio.CancelledError:
            thinking.cancel()
            raise
        try:
            await thinking
            if not reply.utterance.segments and not reply.acts:
                raise EngineError("the answer was empty")
        except Exception as e:
            raise ReplyFailed(Apology.THINKING, e) from e

    async def play(self, reply: Reply, apology: Apology) -> None:
        """Writes a recorded apology to the ring."""
        await self._speaker.play(reply.utterance, apology.value, self._engines.clips.get(apology, self._leg.rate))

    async def played(self, reply: Reply) -> None:
        """Waits for the last sample to leave."""
        while True:
            left = reply.utterance.end - self._leg.played
            if left <= 0:
                return
            await asyncio.sleep(max(WAIT_STEP_S, left / self._leg.rate))

    async def _think(self, reply: Reply, think: Think, clauses: asyncio.Queue[str | None]) -> None:
        splitter = Clauses()

        def put(ready: list[str]) -> None:
            for clause in ready:
                reply.utterance.waiting.append(clause)
                clauses.put_nowait(clause)

        try:
            tokens = think()
            while (token := await self._next_token(tokens)) is not None:
                if isinstance(token, AtWork):
                    continue
                self._records.mark(reply, "first_token")
                if isinstance(token, Act | HandOver):
                    reply.acts.append(token)
                else:
                    put(splitter.push(token))
            put(splitter.rest())
            self._records.line(reply)
        finally:
            clauses.put_nowait(None)

    async def _next_token(self, tokens: AsyncIterator[Token]) -> Token | None:
        try:
            async with asyncio.timeout(BRAIN_TIMEOUT_S):
                return await anext(tokens, None)
        except TimeoutError:
            raise EngineTimeout(f"{self._engines.brain.name}: no token within {BRAIN_TIMEOUT_S:g} s") from None
