# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a caller stands in an agent file's flows: plain data that can be taken back a turn, and kept."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sipagent.agents.slots import Found, Value
from sipagent.agents.spec import AgentFile


@dataclass(slots=True)
class Told:
    """A slot that the caller has told."""

    value: Value
    said: str  # for the voice


@dataclass(slots=True)
class State:
    """`flow` "" = in none."""

    flow: str = ""
    step: int = 0
    slots: dict[str, Told] = field(default_factory=dict)
    misses: int = 0  # not understood in a row
    offered: bool = False  # "anything else?" was asked: a bare no is a goodbye
    last: str = ""  # said
    saved: dict[str, list[dict[str, Value]]] = field(default_factory=dict)

    def copy(self) -> State:
        """Of all of it."""
        return copy.deepcopy(self)

    def tell(self, name: str, found: Found) -> None:
        """The caller told a slot."""
        self.slots[name] = Told(found.value, found.said)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def restored(data: Mapping[str, Any], file: AgentFile) -> State | None:
    """What `to_dict` gave; None when it does not fit the file, which may have changed meanwhile."""
    try:
        slots = {str(name): Told(_value(told["value"]), str(told["said"])) for name, told in data["slots"].items()}
        saved = {
            str(name): [{str(k): _value(v) for k, v in row.items()} for row in rows] for name, rows in data["saved"].items()
        }
        state = State(
            str(data["flow"]), int(data["step"]), slots, int(data["misses"]), bool(data["offered"]), str(data["last"]), saved
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    length = next((len(flow.step) for flow in file.flow if flow.name == state.flow), 0)
    return state if not state.flow or 0 <= state.step < length else None


def _value(value: Any) -> Value:
    if not isinstance(value, str | int | float | bool):
        raise TypeError
    return value
