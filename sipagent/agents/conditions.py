# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of flows: `when = { people = "> 8", room = "suite or single room", phone = "unknown" }`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.agents.slots import Value

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_FORM = re.compile(r"(!=|>=|<=|=|>|<)?\s*([^\s=<>!].*)")


@dataclass(frozen=True, slots=True)
class Condition:
    """One slot's. `values`: one of them fits; () = the slot must be `known`, or must not."""

    compare: str
    values: tuple[str, ...]
    known: bool = True

    def holds(self, value: Value | None) -> bool:
        """None: nobody has told it. Such a slot fits "unknown" and nothing else."""
        if not self.values:
            return (value is not None) is self.known
        if value is None:
            return False
        wants = [_pair(value, want) for want in self.values]
        fits = any if self.compare == "=" else all
        return fits(_COMPARE[self.compare](a, b) for a, b in wants)


def parse(text: str) -> Condition:
    """ValueError with the forms that there are."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise ValueError(f'{text!r} is no condition; write a value, "a or b", "> 8", "!= suite", "known" or "unknown"')
    if form[1] is None and form[2] in ("known", "unknown"):
        return Condition("=", (), form[2] == "known")
    compare = form[1] or "="
    values = tuple(part.strip() for part in re.split(r"\s+or\s+", form[2]))
    if len(values) > 1 and compare not in ("=", "!="):
        raise ValueError(f'{text!r}: "or" goes with = and != only')
    return Condition(compare, values)


def _pair(value: Value, want: str) -> tuple[object, object]:
    """Numbers as numbers, yes and no as they are said; dates and times are in an order as they are written."""
    if isinstance(value, bool):
        return ("yes" if value else "no"), want.lower()
    if isinstance(value, int | float):
        try:
            return float(value), float(want)
        except ValueError:
            return str(value), want
    return value.lower(), want.lower()
