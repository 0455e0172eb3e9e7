# SPDX-License-Identifier: GPL-3.0-or-later
"""The one writer of a conversation's context: what the caller said, what he heard of the answer, what the script noted. Old
exchanges become a summary while the call goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from sipagent.dialogue.context import Context, fits
from sipagent.dialogue.summary import by_rule, summary_of
from sipagent.engines.base import Act, BrainSession, Token
from sipagent.log import get_logger

log = get_logger(__name__)


class Remembrance:
    """Of one call. `limit`: exchanges that are kept word for word; half of them go into the summary when there are more."""

    def __init__(self, context: Context, session: BrainSession, limit: int, welcome: str) -> None:
        self._context, self._session, self._limit, self._welcome = context, session, limit, welcome
        self._shortening: asyncio.Task[None] | None = None
        self._told_size = False

    def greet(self) -> AsyncIterator[Token]:
        """First words: a caller who is back hears so, and is asked what was open."""
        if not self._context.returning:
            return self._session.greet()
        self._context.returning = False
        return self._welcome_back()

    def caller_said(self, text: str) -> None:
        """A turn of the caller's begins to be answered."""
        self._context.caller_said(text)

    def retract(self) -> None:
        """No word of the answer was heard, and the caller goes on."""
        try:
            self._session.retract()
        except Exception:  # somebody's script; the call goes on
            log.exception("an answer that nobody heard can't be taken back")
        self._context.retract()

    def answered(self, heard: str, acts: Sequence[object], *, interrupted: bool) -> None:
        """A reply is over."""
        try:
            slots = self._session.save()
        except Exception:  # somebody's script; the call goes on
            log.exception("the agent's script could not save")
        else:
            self._note(slots)
        self._context.agent_said(heard, tuple(map(_name, acts)), interrupted=interrupted)
        self._shorten()

    def _note(self, slots: dict[str, Any]) -> None:
        if fits(slots):
            self._context.slots = slots
        elif not self._told_size:
            self._told_size = True
            log.error("what the agent's script saves is too large, or no JSON: it is not kept", keys=sorted(slots))

    async def close(self) -> None:
        """The call is over."""
        if self._shortening is not None:
            self._shortening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._shortening

    async def _welcome_back(self) -> AsyncIterator[Token]:
        if self._welcome:
            yield f"{self._welcome} "
        tokens = self._session.resume()
        try:
            async for token in tokens:
                yield token
        finally:
            if isinstance(tokens, AsyncGenerator):
                await tokens.aclose()  # a model that is still talking to us stops

    def _shorten(self) -> None:
        count = len(self._context.turns)
        if count > 2 * self._limit:  # the brain is slower than the two talk
            self._context.shorten(
                count - self._limit, by_rule(self._context.summary, self._context.turns[: count - self._limit])
            )
        elif count > self._limit and (self._shortening is None or self._shortening.done()):
            self._shortening = asyncio.get_running_loop().create_task(self._summarise(count - self._limit // 2))

    async def _summarise(self, count: int) -> None:
        context = self._context
        before, turns = context.summary, context.turns[:count]
        summary = await summary_of(self._session, before, turns)
        if context.turns[:count] == turns and context.summary == before:  # else they were shortened meanwhile
            context.shorten(count, summary)
            context.changed()


def _name(act: object) -> str:
    return act.name.lower() if isinstance(act, Act) else type(act).__name__.lower()
