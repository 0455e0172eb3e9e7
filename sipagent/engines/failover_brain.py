# SPDX-License-Identifier: GPL-3.0-or-later
"""Several brains as one. Each has a session of the same conversation; the first token decides who answers a turn.

A tool's announcement is such a token, and a tool runs only when the next one is asked for: of two brains that are asked side
by side, at most one has anything done.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, cast

from sipagent.dialogue.context import Context, Exchange
from sipagent.engines.answered import answered
from sipagent.engines.base import Brain, BrainSession, EngineError, Script, Token, UserTurn
from sipagent.engines.failover import Members, first_of, let_go
from sipagent.engines.health import Health
from sipagent.engines.race import Attempt, race

Ask = Callable[[BrainSession], AsyncIterator[Token]]


class FailoverBrain(Members[Brain]):
    """Decides what to say."""

    def __init__(self, brains: Sequence[Brain], late_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("brain", brains, late_s, clock)

    def session(self, script: Script, context: Context | None = None) -> BrainSession:
        """One conversation, whoever answers."""
        shared = context if context is not None else Context()
        return FailoverSession(self, [brain.session(script, shared) for brain in self.engines])


class FailoverSession:
    """A BrainSession."""

    def __init__(self, brain: FailoverBrain, sessions: Sequence[BrainSession]) -> None:
        self._brain, self._sessions = brain, sessions
        self._last = sessions[0]  # who spoke last
        self._replied: BrainSession | None = None  # who answered the newest turn; None = nobody yet
        self.speculates = all(getattr(session, "speculates", True) for session in sessions)

    def greet(self) -> AsyncIterator[Token]:
        """First words."""
        return self._tokens(lambda session: session.greet())

    def resume(self) -> AsyncIterator[Token]:
        """First words to a caller who is back."""
        return self._tokens(lambda session: session.resume())

    def idle(self, count: int) -> AsyncIterator[Token]:
        """Nobody spoke."""
        return self._tokens(lambda session: session.idle(count))

    def reply(self, turn: UserTurn) -> AsyncIterator[Token]:
        """An answer."""
        self._replied = None
        return self._tokens(lambda session: session.reply(turn), reply=True)

    def complete(self, text: str) -> bool | None:
        """Of who answered last: it may have asked something."""
        return self._last.complete(text)

    def retract(self) -> None:
        """Who answered takes it back; those who were asked in vain have done so already."""
        if self._replied is not None:
            self._replied.retract()

    def save(self) -> dict[str, Any]:
        """The script is the same for all; what a brain adds has keys of its own."""
        saved: dict[str, Any] = {}
        for session in (*self._sessions, self._last):  # who spoke last knows of all tools that ran
            saved |= session.save()
        return saved

    async def summarise(self, before: str, turns: Sequence[Exchange]) -> str:
        """By the first that can. EngineError when none can."""
        for session in self._sessions:
            if hasattr(session, "summarise"):
                with contextlib.suppress(EngineError):
                    return cast(str, await session.summarise(before, turns))
        raise EngineError(f"{self._brain.name}: none of them can sum up")

    async def _tokens(self, ask: Ask, *, reply: bool = False) -> AsyncGenerator[Token, None]:
        """`reply`: it answers a turn, so whoever began in vain takes it back."""
        for session in self._sessions:
            if (learn := getattr(session, "learn", None)) is not None:
                learn(self._last)
        order = [(brain.name, self._session_of(brain), health) for brain, health in self._brain.order()]
        streams: dict[int, AsyncGenerator[Token, None]] = {}

        def attempt(place: int, name: str, session: BrainSession, health: Health) -> Attempt[Token]:
            async def first_token() -> Token:
                streams[place] = cast(AsyncGenerator[Token, None], ask(session))
                return await first_of(streams[place], name)

            def undo(ended: asyncio.Future[Token]) -> None:
                stream = streams.pop(place, None)
                retract = session.retract if reply else _nothing
                if stream is None or ended.cancelled() or ended.exception() is not None:
                    retract()
                else:  # it had a token already
                    let_go(stream, retract)

            return Attempt(health, first_token, undo)

        place, token = await race([attempt(i, *row) for i, row in enumerate(order)], self._brain.late_s)
        name, self._last, _ = order[place]
        self._replied = self._last if reply else self._replied
        answered("brain", name)
        for session in self._sessions:
            if session is not self._last and (passed_over := getattr(session, "passed_over", None)) is not None:
                passed_over()
        async with contextlib.aclosing(streams[place]) as tokens:
            yield token
            async for token in tokens:
                yield token

    def _session_of(self, brain: Brain) -> BrainSession:
        return self._sessions[next(i for i, other in enumerate(self._brain.engines) if other is brain)]


def _nothing() -> None:
    """A greeting or a reminder is not taken back."""
