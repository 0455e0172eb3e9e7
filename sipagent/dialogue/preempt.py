# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer is begun while the caller may still go on: brain and first clause run on what he seems to have said, into memory.

    pause, text --guess--> brain reads ahead --first clause--> voice reads ahead --turn ends, same words--> the reply
                                \\--he goes on, or said something else--> closed, retracted: nobody will know

Nothing of it is heard before the turn is over, and nothing is done: `UserTurn.sure` is not set until then, which is what tools
wait for, and a tool that announces itself is not asked to go on.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from sipagent.dialogue.ahead import LET_GO_S, Ahead, closing
from sipagent.dialogue.think import Clauses
from sipagent.engines.answered import ANSWERED
from sipagent.engines.base import AtWork, BrainSession, Token, Tts, UserTurn
from sipagent.engines.deadline import due
from sipagent.log import get_logger

log = get_logger(__name__)

VOICE_DUE_S = 0.15  # an end of turn is so far away when its words are guessed

OUTCOMES: Counter[str] = Counter()  # of all guesses of the process: used, thrown, failed


@dataclass(slots=True)
class Prepared:
    """The sound of a reply's first clause."""

    clause: str
    pieces: Ahead[bytes]


class Preempt:
    """Of one call. A session whose replies can't be taken back says `speculates = False` and is never asked."""

    def __init__(self, session: BrainSession, tts: Tts, rate: int, *, allowed: bool) -> None:
        self._session, self._tts, self._rate = session, tts, rate
        self._allowed = allowed and bool(getattr(session, "speculates", True))
        self._guess: _Guess | None = None
        self._taken: _Guess | None = None  # is being said
        self._ending: asyncio.Task[None] | None = None

    def begin(self, said: UserTurn) -> None:
        """He may have ended with this."""
        if not self._allowed or (self._guess is not None and self._guess.said == said):
            return
        self.drop()
        self._guess = _Guess(said, self._session, self._tts, self._rate, self._ending)

    def drop(self) -> None:
        """He has not."""
        guess, self._guess = self._guess, None
        if guess is not None:
            OUTCOMES["thrown"] += 1
            self._end(guess)

    def answer(self, said: UserTurn, engines: dict[str, str]) -> tuple[AsyncIterator[Token], Prepared | None]:
        """The brain's tokens for what he surely said, and the sound of the first clause if it has begun. Who of several engines
        made them is written into `engines`."""
        guess, self._guess = self._guess, None
        if self._taken is not None:
            self._end(self._taken)
            self._taken = None
        if guess is not None and guess.said == said and guess.tokens.error is None:
            OUTCOMES["used"] += 1
            self._taken = guess
            return guess.take(engines)
        if guess is not None:
            OUTCOMES["failed" if guess.tokens.error is not None else "thrown"] += 1
            self._end(guess)
        return self._asked(said), None

    async def close(self) -> None:
        """The call is over."""
        self.drop()
        if self._taken is not None:
            self._end(self._taken)
        if self._ending is not None:
            await asyncio.wait([self._ending], timeout=LET_GO_S)

    async def _asked(self, said: UserTurn) -> AsyncIterator[Token]:
        """Not before the last guess has left no trace."""
        if self._ending is not None:
            await asyncio.wait([self._ending])
        async with closing(self._session.reply(said)) as tokens:
            async for token in tokens:
                yield token

    def _end(self, guess: _Guess) -> None:
        guess.unwanted = True
        if guess.tokens.over:  # nothing of it is under way: the agent is at once where it was
            guess.retract()
        self._ending = asyncio.get_running_loop().create_task(guess.undo(self._ending))


class _Guess:
    def __init__(self, said: UserTurn, session: BrainSession, tts: Tts, rate: int, after: asyncio.Task[None] | None) -> None:
        self.said = said
        self._session, self._tts, self._rate = session, tts, rate
        self._sure = asyncio.Event()
        self._asked = False  # the session knows of it
        self.unwanted = False
        self._clauses = Clauses()
        self._first: Prepared | None = None
        self._engines: dict[str, str] = {}
        self._taken_by: dict[str, str] = {}
        context = contextvars.copy_context()
        context.run(ANSWERED.set, self._engines)
        self.tokens: Ahead[Token] = context.run(Ahead, lambda: self._reply(after), self._watch)

    def take(self, engines: dict[str, str]) -> tuple[AsyncIterator[Token], Prepared | None]:
        self._sure.set()
        self._taken_by = engines
        engines |= self._engines
        first = self._first
        return self.tokens.items(), first if first is not None and first.pieces.error is None else None

    async def undo(self, after: asyncio.Task[None] | None) -> None:
        """As if it had never been asked; of one that was taken, only what still runs is closed."""
        if after is not None:
            await asyncio.wait([after])
        if self._first is not None:
            await self._first.pieces.close()
        await self.tokens.close()
        self.retract()

    def retract(self) -> None:
        """Once, and only what nobody took."""
        if self._asked and not self._sure.is_set():
            self._asked = False
            try:
                self._session.retract()
            except Exception:
                log.exception("an answer that nobody heard can't be taken back")

    async def _reply(self, after: asyncio.Task[None] | None) -> AsyncIterator[Token]:
        if after is not None:
            await asyncio.wait([after])
        if self.unwanted:
            return
        self._asked = True
        async with closing(self._session.reply(replace(self.said, sure=self._sure))) as tokens:
            async for token in tokens:
                yield token

    def _watch(self, token: Token | None) -> bool:
        """The first clause is spoken as soon as it is known."""
        self._taken_by |= self._engines
        if self._first is None and not self._sure.is_set():
            clauses = self._clauses.push(token) if isinstance(token, str) else []
            if token is None or isinstance(token, AtWork):
                clauses += self._clauses.rest()
            if clauses:
                self._speak(clauses[0])
        return isinstance(token, AtWork)

    def _speak(self, clause: str) -> None:
        with due(VOICE_DUE_S):
            self._first = Prepared(clause, Ahead(lambda: self._tts.synthesize(clause, self._rate)))
