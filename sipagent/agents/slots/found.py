# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of slot shares: the words of a text, and what was found in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

Value = str | int | float | bool

# ISO dates, 3/5, 3:30, 1,200, 2.5, 3rd, currency signs, words.
_WORDS = re.compile(
    r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{1,2}:\d{2}|\d{1,3}(?:,\d{3})+|\d+\.\d+|\d+(?:st|nd|rd|th)\b|\d+|[$\u20ac\u00a3]|[^\W\d_]+(?:'[^\W\d_]+)*"
)
_JOINED = ((re.compile(r"\b([ap])\.?\s?m\b\.?"), r"\1m"), (re.compile(r"\bo'?\s?clock\b"), "oclock"))
GAP = ""  # stands for words that an earlier slot has taken


def words_of(text: str) -> list[str]:
    """Lower-case words and numbers, hyphens opened: "Twenty-one, 3 p.m." -> twenty one 3 pm."""
    flat = text.lower().replace("\u2019", "'")
    for pattern, joined in _JOINED:
        flat = pattern.sub(joined, flat)
    return _WORDS.findall(flat)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a step asks for, beside its kind. `now` is the caller's wall clock."""

    now: datetime
    choices: Sequence[str] = ()
    within: tuple[int, int] = (7 * 60, 19 * 60)  # minutes of the day that a time without "am" or "pm" falls in: [from, to)
    min_length: int = 1  # of letters and phone numbers
    max_length: int = 64
    currency: str = "dollars"  # of an amount that names none
    asked: bool = True  # it is the answer to the question; False: it may be told in passing, and only clear forms count


class WantedKeys(TypedDict, total=False):
    """What a program may want of an answer: see `Wanted`."""

    choices: Sequence[str]
    within: tuple[int, int]
    min_length: int
    max_length: int
    currency: str


@dataclass(frozen=True, slots=True)
class Found:
    """A value and how the voice says it; words [start, end) told it."""

    value: Value
    said: str
    start: int = 0
    end: int = field(default=0)
