# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in a conversation, as it happens: kept in the call's notes for the API and handed to a listener."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sipagent.call import Call
from sipagent.dialogue.lanes import Control
from sipagent.dialogue.ledger import BargeIn, Line, Turn

# line: somebody said something; line_end: an agent's line was played or cut short; turn: the answer's first packet is on the
# wire (gap known); turn_end: the answer is over; barge_in: the caller interrupted; end: the conversation is over.
Kind = Literal["line", "line_end", "turn", "turn_end", "barge_in", "end"]


@dataclass(frozen=True, slots=True)
class DialogueEvent:
    """`data` is the dict of the transcript line, ledger turn or barge-in, as it was then."""

    kind: Kind
    call_id: str
    t_us: int
    data: dict[str, Any]


Listener = Callable[[DialogueEvent], None]


class Notes:
    """Keeps `call.notes["transcript"]` and `call.notes["ledger"]`: plain lists of dicts, each renewed in place."""

    def __init__(self, call: Call, listener: Listener | None) -> None:
        self._call = call
        self._listener = listener
        self._control = Control()
        self._lines: list[dict[str, Any]] = call.notes.setdefault("transcript", [])
        self._turns: list[dict[str, Any]] = call.notes.setdefault("ledger", [])

    def line(self, line: Line) -> dict[str, Any]:
        """A new line; keep what is returned for `line_end`."""
        entry = line.to_dict()
        self._lines.append(entry)
        self._tell("line", line.t_us, entry)
        return entry

    def line_end(self, entry: dict[str, Any], line: Line, t_us: int) -> None:
        """The line was played, or part of it."""
        entry.update(line.to_dict())
        self._tell("line_end", t_us, entry)

    def turn(self, turn: Turn, kind: Kind, t_us: int) -> None:
        """A turn's entry is made or renewed."""
        while len(self._turns) < turn.number:
            self._turns.append({})
        entry = self._turns[turn.number - 1]
        entry.update(turn.to_dict())
        self._tell(kind, t_us, entry)

    def barge_in(self, barge_in: BargeIn, t_us: int) -> None:
        """The caller interrupted and the bot is silent."""
        self._tell("barge_in", t_us, barge_in.to_dict())

    def end(self, t_us: int, reason: str) -> None:
        """Last event of a call."""
        self._tell("end", t_us, {"reason": reason})
        self._control.flush()

    def _tell(self, kind: Kind, t_us: int, data: dict[str, Any]) -> None:
        if (listener := self._listener) is not None:
            event = DialogueEvent(kind, self._call.id, t_us, dict(data))
            self._control.post(lambda: listener(event))
