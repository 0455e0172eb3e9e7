# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies are made: brain, voice and playing, each ahead of the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial

from sipagent.config import Dialogue
from sipagent.dialogue.ahead import closing, stop
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

    def __init__(self, leg: MediaLeg, engines: EngineSet, cfg: Dialogue, records: Records) -> None:
        self._leg, self._engines, self._cfg, self._records = leg, engines, cfg, records
        self._speaker = Speaker(leg, engines.tts, cfg.tts_timeout_s)

    async def make(self, reply: Reply, think: Think) -> None:
        """Returns when the last of it is in the ring. Raises ReplyFailed."""
        clauses: asyncio.Queue[str | None] = asyncio.Queue()
        thinking = asyncio.create_task(self._think(reply, think, clauses))
        try:
            while (clause := await clauses.get()) is not None:
                mark = partial(self._records.mark, reply, "first_tts")
                await self._speaker.say(reply.utterance, clause, mark, _prepared(reply, clause))
        except (Exception, asyncio.CancelledError) as e:
            await stop(thinking)  # a tool that it had begun is known from then on
            if isinstance(e, EngineError):
                raise ReplyFailed(Apology.VOICE, e) from e
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
        fillers = iter(self._cfg.fillers)

        def put(ready: list[str]) -> None:
            for clause in ready:
                reply.utterance.waiting.append(clause)
                clauses.put_nowait(clause)

        def fill(say: str = "") -> None:
            """The caller hears that it takes time, unless he hears something anyway."""
            put(splitter.rest())
            if reply.utterance.waiting or self._leg.pending or not (filler := say or next(fillers, "")):
                return
            self._records.mark(reply, "first_token")  # what the gap ends with
            put([filler])

        late = asyncio.get_running_loop().call_later(self._cfg.filler_after_s, fill)
        try:
            async with closing(think()) as tokens:
                while (token := await self._next_token(tokens)) is not None:
                    late.cancel()
                    if isinstance(token, AtWork):
                        fill(token.say) if token.waited_s else put(splitter.rest())
                        continue
                    self._records.mark(reply, "first_token")
                    if isinstance(token, Act | HandOver):
                        reply.acts.append(token)
                    else:
                        put(splitter.push(token))
            put(splitter.rest())
            self._records.line(reply)
        finally:
            late.cancel()
            clauses.put_nowait(None)

    async def _next_token(self, tokens: AsyncIterator[Token]) -> Token | None:
        try:
            async with asyncio.timeout(BRAIN_TIMEOUT_S):
                return await anext(tokens, None)
        except TimeoutError:
            raise EngineTimeout(f"{self._engines.brain.name}: no token within {BRAIN_TIMEOUT_S:g} s") from None


def _prepared(reply: Reply, clause: str) -> AsyncGenerator[bytes, None] | None:
    """The sound that was made of it already."""
    prepared = reply.prepared
    if prepared is None or prepared.clause != clause:
        return None
    reply.prepared = None
    return prepared.pieces.items()
