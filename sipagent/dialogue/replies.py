# SPDX-License-Identifier: GPL-3.0-or-later
"""The bot's side of a conversation: one reply at a time is made and played. One that fails becomes an apology."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from sipagent.dialogue.ahead import stop
from sipagent.dialogue.records import Records
from sipagent.dialogue.reply import Reply, ReplyFailed, Think
from sipagent.dialogue.reply_maker import ReplyMaker
from sipagent.engines.answered import ANSWERED
from sipagent.engines.base import Act
from sipagent.engines.clips import Apology

MAX_FAILURES = 3  # failed turns in a row; then the call ends with an apology


class Replies:
    """Of one call. `on_start`: a reply begins; `on_played`: the last sample of one has left, it is no longer `current`."""

    def __init__(
        self,
        maker: ReplyMaker,
        records: Records,
        log: Any,
        *,
        on_start: Callable[[], None],
        on_played: Callable[[Reply], Coroutine[None, None, None]],
    ) -> None:
        self._maker, self._records, self._log = maker, records, log
        self._on_start, self._on_played = on_start, on_played
        self.current: Reply | None = None  # being made or played
        self._task: asyncio.Task[None] | None = None
        self._failures = 0

    def say(self, reply: Reply, think: Think) -> None:
        """Makes and plays it."""
        self._start(reply, self._answer(reply, think))

    def fail(self, apology: Apology, error: Exception) -> None:
        """The caller hears why; after too many failures the call ends."""
        self._failures += 1
        self._log.error("the caller gets an apology", reason=str(error), apology=apology.name.lower(), failures=self._failures)
        self.end(interrupted=True)
        self.apologise(Apology.GIVE_UP if self._failures >= MAX_FAILURES else apology)

    def apologise(self, apology: Apology) -> None:
        """Plays what was recorded for this."""
        reply = Reply(None, acts=[Act.HANGUP] if apology is Apology.GIVE_UP else [])
        reply.utterance.waiting.append(apology.value)
        self._records.line(reply)
        self._start(reply, self._apology(reply, apology))

    def cancel(self) -> None:
        """Makes no more of it; what is queued is not touched."""
        if self._task is not None:
            self._task.cancel()

    def take(self) -> Reply | None:
        """The current one; there is none afterwards."""
        reply, self.current = self.current, None
        return reply

    def end(self, *, interrupted: bool) -> None:
        """The current one is over: what was heard of it is written down."""
        reply = self.take()
        if reply is not None:
            self._records.end(reply, interrupted=interrupted)

    async def close(self) -> None:
        """Nothing is said after this."""
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await stop(self._task)
        self.end(interrupted=True)

    def _start(self, reply: Reply, work: Coroutine[None, None, None]) -> None:
        self._on_start()
        self.current = reply
        self._task = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """A fault of ours costs the caller an answer, too, and not the rest of the call in silence."""
        try:
            await work
        except Exception as e:
            self._log.exception("a reply broke off")
            if self._failures < MAX_FAILURES:
                self.fail(Apology.THINKING, e)
            else:  # the last apology itself
                self.end(interrupted=True)
                await self._on_played(Reply(None, acts=[Act.HANGUP]))

    async def _answer(self, reply: Reply, think: Think) -> None:
        if reply.turn is not None:
            ANSWERED.set(reply.turn.engines)
        try:
            await self._maker.make(reply, think)
        except ReplyFailed as e:
            await self._maker.played(reply)  # what there is of it will be heard, before the apology
            self.fail(e.apology, e)
            return
        self._failures = 0
        await self._played(reply)

    async def _apology(self, reply: Reply, apology: Apology) -> None:
        await self._maker.play(reply, apology)
        await self._played(reply)

    async def _played(self, reply: Reply) -> None:
        await self._maker.played(reply)
        self.end(interrupted=False)
        await self._on_played(reply)
