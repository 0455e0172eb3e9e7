# SPDX-License-Identifier: GPL-3.0-or-later
"""What a conversation remembers: who said what, as far as it was heard, and what the agent's script has noted. Plain data of
bounded size: brains read it, `sipagent.dialogue.remember` writes it, `sipagent.store` keeps it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1  # of `to_dict`
MAX_TEXT = 2000  # characters of one side of an exchange; who talks longer is cut in the middle
MAX_SUMMARY = 4000
MAX_SLOTS = 16_384  # characters of the slots as JSON


class ContextError(ValueError):
    """Not a context of this version; the text says which field is wrong."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the caller said and what he heard for an answer."""

    caller: str  # "" = the agent spoke of itself: greeting, reminder, apology
    agent: str = ""  # what was heard of it, never what was only made
    acts: tuple[str, ...] = ()  # names of the engines.base.Act that came with it
    interrupted: bool = False
    at_s: float = 0.0  # end of the exchange, seconds since 1970

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "caller": self.caller,
            "agent": self.agent,
            "acts": list(self.acts),
            "interrupted": self.interrupted,
            "at_s": round(self.at_s, 3),
        }


@dataclass(slots=True, weakref_slot=True)
class Context:
    """Of one caller with one agent. `clock` gives seconds since 1970."""

    turns: list[Exchange] = field(default_factory=list)
    summary: str = ""  # of what was said before `turns`
    slots: dict[str, Any] = field(default_factory=dict)  # the script's own, JSON
    returning: bool = False  # the caller is back: `turns` and `slots` are of before
    on_change: Callable[[], None] | None = None  # an exchange is over
    clock: Callable[[], float] = time.time
    _said: str | None = None  # the caller's words that wait for their answer's end

    @property
    def pending(self) -> str:
        """What the caller said last, while the answer is not over; "" = nothing."""
        return self._said or ""

    @property
    def talked(self) -> bool:
        """Whether there is something to go on with: the caller said something, or the script noted something."""
        return bool(self.summary or self.slots or any(e.caller for e in self.turns))

    def heard_last(self) -> str:
        """What he heard since he spoke last."""
        heard: list[str] = []
        for exchange in reversed(self.turns):
            heard.insert(0, exchange.agent)
            if exchange.caller:
                break
        return " ".join(heard)

    def caller_said(self, text: str) -> None:
        """His turn is over."""
        self._said = _cut(text, MAX_TEXT)

    def retract(self) -> None:
        """He went on before he heard an answer: the same words come again, with more."""
        self._said = None

    def agent_said(self, heard: str, acts: tuple[str, ...] = (), *, interrupted: bool = False) -> None:
        """An answer is over: `heard` of it reached the caller. Nothing said and nothing heard leaves no trace."""
        said, self._said = self._said, None
        if said or heard:
            self.turns.append(Exchange(said or "", _cut(heard, MAX_TEXT), acts, interrupted, self.clock()))
            self.changed()

    def shorten(self, count: int, summary: str) -> None:
        """The oldest `count` exchanges are in `summary` from now on."""
        del self.turns[:count]
        self.summary = _cut(summary, MAX_SUMMARY)

    def changed(self) -> None:
        """Tells who keeps it."""
        if self.on_change is not None:
            self.on_change()

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: what `from_dict` takes. Slots that are too large, or no JSON, are left out."""
        return {
            "version": VERSION,
            "summary": self.summary,
            "slots": self.slots if fits(self.slots) else {},
            "turns": [e.to_dict() for e in self.turns],
        }

    @classmethod
    def from_dict(cls, data: Any) -> Context:
        """Of what `to_dict` gave. ContextError when it is of another version or was tampered with."""
        if not isinstance(data, dict):
            raise ContextError("context: not an object")
        if data.get("version") != VERSION:
            raise ContextError(f"context of version {data.get('version')!r}; this program reads {VERSION}")
        slots, turns = _typed(data, "slots", dict), _typed(data, "turns", list)
        return cls(
            turns=[_exchange(row) for row in turns],
            summary=_typed(data, "summary", str),
            slots=slots,
        )


def fits(slots: Mapping[str, Any]) -> bool:
    """Whether slots can be kept: JSON of at most MAX_SLOTS characters."""
    try:
        return len(json.dumps(slots)) <= MAX_SLOTS
    except (TypeError, ValueError):
        return False


def _exchange(row: Any) -> Exchange:
    if not isinstance(row, dict):
        raise ContextError("turns: a row is not an object")
    acts = _typed(row, "acts", list)
    if not all(isinstance(act, str) for act in acts):
        raise ContextError("acts: not a list of names")
    at_s = row.get("at_s")
    if not isinstance(at_s, int | float):
        raise ContextError("at_s: not a number")
    said, heard = _typed(row, "caller", str), _typed(row, "agent", str)
    return Exchange(said, heard, tuple(acts), _typed(row, "interrupted", bool), float(at_s))


def _typed(data: Mapping[str, Any], name: str, kind: type) -> Any:
    value = data.get(name)
    if not isinstance(value, kind):
        raise ContextError(f"{name}: {kind.__name__} expected, not {type(value).__name__}")
    return value


def _cut(text: str, limit: int) -> str:
    """Both ends of what is too long: a request stands at the beginning or at the end of a speech."""
    if len(text) <= limit:
        return text
    half = (limit - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
