# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges that are too old to be kept word for word become a few lines: the brain's own when it can write them, else one
short line an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from sipagent.dialogue.context import MAX_SUMMARY, Exchange
from sipagent.engines.base import BrainSession
from sipagent.log import get_logger

log = get_logger(__name__)

SUMMARY_S = 20.0  # nobody waits for it
SAID_CHARS, HEARD_CHARS = 160, 80  # of one exchange in a line


@runtime_checkable
class Summariser(Protocol):
    """A brain's session that writes summaries itself."""

    async def summarise(self, before: str, turns: Sequence[Exchange]) -> str:
        """What is worth knowing of `before`, the summary up to now, and of the exchanges after it. Raises EngineError."""
        ...


async def summary_of(session: BrainSession, before: str, turns: Sequence[Exchange]) -> str:
    """By the brain, and by rule when it can't, fails or takes too long."""
    if isinstance(session, Summariser):
        try:
            async with asyncio.timeout(SUMMARY_S):
                if text := (await session.summarise(before, turns)).strip():
                    return text
            log.warning("the brain's summary is empty; older turns are shortened by rule")
        except Exception as error:
            log.warning("the brain wrote no summary; older turns are shortened by rule", error=repr(error))
    return by_rule(before, turns)


def by_rule(before: str, turns: Sequence[Exchange]) -> str:
    """One line an exchange; what is oldest goes when it is too much."""
    lines = [*before.splitlines(), *(line for turn in turns if (line := _line(turn)))]
    size = len(lines) - 1 + sum(map(len, lines))
    while lines and size > MAX_SUMMARY:
        size -= len(lines.pop(0)) + 1
    return "\n".join(lines)


def _line(turn: Exchange) -> str:
    if not turn.caller:  # greetings and reminders tell nothing
        return ""
    return f'Caller: "{_short(turn.caller, SAID_CHARS)}" Agent: "{_short(turn.agent, HEARD_CHARS)}"'


def _short(text: str, limit: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= limit else f"{words[: words.rfind(' ', limit // 2, limit) if ' ' in words else limit]} …"
