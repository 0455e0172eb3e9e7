# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation as a chat model reads it: instructions, what was said and heard, which tools ran and what came of them.

Roles alternate: many models' templates refuse two messages of one side in a row, or an assistant who begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sipagent.dialogue.context import Context, Exchange

Message = dict[str, Any]

SPOKEN = (
    "Your words are spoken on the telephone, and you read what a speech recogniser understood. Answer in one to three short "
    "sentences of plain speech: no lists, no markup, no emoji, no web addresses; write numbers and times as they are said. "
    "Ask when something was unclear. A dash at the end of your words shows where the caller interrupted you: he did not hear "
    "the rest."
)
BEGINS = "(the call begins)"
CUT = " —"
SAVED_CHARS = 8000  # of all runs together: a context keeps no more (sipagent.dialogue.context.MAX_SLOTS)
SAVED_RESULT = 1000  # characters of what came of one


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool that ran, or was asked for and did not. `at_s`: seconds since 1970, whole milliseconds, never late."""

    at_s: float
    id: str
    name: str
    arguments: str  # JSON
    result: str
    said: str = ""  # before it, in the same answer

    def messages(self, *, said: bool) -> list[Message]:
        """The model's call, and the answer to it. `said`: with the words before it, and all of the answer."""
        function = {"name": self.name, "arguments": self.arguments}
        call = {"id": self.id, "type": "function", "function": function}
        return [
            {"role": "assistant", "content": (said and self.said) or None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": self.id, "content": self.result if said else self.result[:SAVED_RESULT]},
        ]


def floor_ms(t_s: float) -> float:
    """Exchanges are kept in milliseconds, rounded: a run must not seem to come after the exchange that it belongs to."""
    return math.floor(t_s * 1000) / 1000


def save_runs(runs: Sequence[ToolRun]) -> list[dict[str, Any]]:
    """The newest ones, ready for JSON."""
    rows: list[dict[str, Any]] = []
    room = SAVED_CHARS
    for run in reversed(runs):
        row = {**asdict(run), "result": run.result[:SAVED_RESULT], "said": ""}
        room -= len(str(row))
        if room < 0:
            break
        rows.insert(0, row)
    return rows


def load_runs(rows: Any) -> list[ToolRun]:
    """What `save_runs` gave; rows of another make are left out."""
    names = set(ToolRun.__slots__)
    fit = [row for row in rows if isinstance(row, dict) and set(row) == names] if isinstance(rows, list) else []
    return [ToolRun(**row) for row in fit if isinstance(row["at_s"], float)]


def conversation(instructions: str, context: Context, now: str, runs: Sequence[ToolRun], limit: int) -> list[Message]:
    """All of it, up to `now`, the caller's new words; of earlier exchanges the newest that fit into `limit` characters."""
    system = f"{instructions}\n\n{SPOKEN}".strip()
    left = list(runs)
    parts = [_exchange(exchange, _until(left, exchange.at_s)) for exchange in context.turns]
    new: list[Message] = [{"role": "user", "content": now or BEGINS}]
    new += [message for run in left for message in run.messages(said=True)]
    before: list[Message] = []
    if context.summary:  # no instruction: it holds a caller's words
        before.append({"role": "user", "content": f"(What was said before, summed up: {context.summary})"})
    room = limit - len(system) - _size(before) - _size(new)
    kept = [new]
    for part in reversed(parts):
        room -= _size(part)
        if room < 0:
            break
        kept.insert(0, part)
    return [{"role": "system", "content": system}, *_alternating([*before, *(message for part in kept for message in part)])]


def _until(left: list[ToolRun], end_s: float) -> list[ToolRun]:
    """Takes out of `left` the runs of the exchange that ended then."""
    count = sum(run.at_s <= end_s for run in left)
    found, left[:count] = left[:count], []
    return found


def _exchange(exchange: Exchange, runs: Iterable[ToolRun]) -> list[Message]:
    messages: list[Message] = []
    if exchange.caller:
        messages.append({"role": "user", "content": exchange.caller})
    messages += [message for run in runs for message in run.messages(said=False)]
    if exchange.agent:
        messages.append({"role": "assistant", "content": exchange.agent + (CUT if exchange.interrupted else "")})
    return messages


def _alternating(messages: Sequence[Message]) -> list[Message]:
    out: list[Message] = []
    for message in messages:
        if not out and message["role"] != "user":
            out.append({"role": "user", "content": BEGINS})
        last = out[-1] if out else {}
        words = message["role"] in ("user", "assistant") and "tool_calls" not in message and "tool_calls" not in last
        if words and message["role"] == last.get("role"):
            out[-1] = {**message, "content": f"{last['content']}\n{message['content']}"}
        else:
            out.append(message)
    return out


def _size(messages: Iterable[Message]) -> int:
    return sum(len(str(message)) for message in messages)
