# SPDX-License-Identifier: GPL-3.0-or-later
"""One answer on its way out, as everybody sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sipagent.dialogue.ledger import Line, Turn
from sipagent.dialogue.playout import Utterance
from sipagent.dialogue.preempt import Prepared
from sipagent.engines.base import Deed, Token
from sipagent.engines.clips import Apology

Think = Callable[[], AsyncIterator[Token]]


@dataclass(slots=True)
class Reply:
    """What is said in one go, and why."""

    turn: Turn | None  # None: the bot speaks of itself (greeting, reminder, apology)
    utterance: Utterance = field(default_factory=Utterance)
    acts: list[Deed] = field(default_factory=list)
    line: Line | None = None
    entry: dict[str, Any] | None = None
    over: bool = False
    prepared: Prepared | None = None  # its first clause, spoken before anybody knew that it would be said


class ReplyFailed(Exception):
    """A part gave up; the caller is to hear `apology`."""

    def __init__(self, apology: Apology, cause: Exception) -> None:
        super().__init__(str(cause))
        self.apology = apology


async def ready_made(text: str, acts: Sequence[Deed]) -> AsyncIterator[Token]:
    """The tokens of an answer that needs no thinking."""
    if text:
        yield text
    for act in acts:
        yield act
