# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules brain: an agent's script answers, and its answer is streamed word by word, the way a language model's would be."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from sipagent.dialogue.context import Context
from sipagent.engines.base import Answer, BrainSession, Script, Token, UserTurn

if TYPE_CHECKING:
    from sipagent.config import Config

_PIECES = re.compile(r"\s*\S+")


class RulesBrain:
    """Needs no model."""

    name = "rules"

    def __init__(self, cfg: Config) -> None:
        pass

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    def session(self, script: Script, context: Context | None = None) -> BrainSession:
        """A conversation that follows `script`."""
        return _Session(script, context or Context())


class _Session:
    def __init__(self, script: Script, context: Context) -> None:
        self._script = script
        self._context = context

    def greet(self) -> AsyncIterator[Token]:
        return _stream(self._script.greet)

    def reply(self, turn: UserTurn) -> AsyncIterator[Token]:
        return _stream(lambda: self._script.reply(turn))

    def idle(self, count: int) -> AsyncIterator[Token]:
        return _stream(lambda: self._script.idle(count))

    def complete(self, text: str) -> bool | None:
        return self._script.complete(text)

    def retract(self) -> None:
        self._script.retract()

    def save(self) -> dict[str, Any]:
        return self._script.save()

    def resume(self) -> AsyncIterator[Token]:
        return _stream(lambda: self._script.resume(self._context.slots))


async def _stream(think: Callable[[], Answer]) -> AsyncIterator[Token]:
    answer = think()
    for piece in _PIECES.findall(answer.text):
        yield piece
    for act in answer.acts:
        yield act
