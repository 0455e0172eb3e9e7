# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of the week: "mon-fri 09:00-17:30", "sat,sun", "22:00-06:00"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_DAY_MINUTES = 24 * 60


class HoursError(ValueError):
    """Not a time of the week; the text says what to write."""


@dataclass(frozen=True)
class Hours:
    """Days and a span of the day, its end not included. A span over midnight belongs to the day that it begins on."""

    text: str
    days: frozenset[int]  # 0 = Monday
    start: int  # minutes after midnight
    end: int  # 1440 = midnight; at or before `start`: on the next day

    def contains(self, now: datetime) -> bool:
        """`now`: on the clock that the hours are meant by."""
        minute = now.hour * 60 + now.minute
        if self.start < self.end:
            return now.weekday() in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return now.weekday() in self.days
        return minute < self.end and (now.weekday() - 1) % 7 in self.days

    def __str__(self) -> str:
        return self.text


def parse_hours(text: str) -> Hours:
    """HoursError unless it is days, a span, or days and a span."""
    words = text.lower().split()
    if not 1 <= len(words) <= 2:
        raise HoursError(_form(text))
    span = words.pop() if _CLOCK.fullmatch(words[-1]) else None
    if len(words) > 1:
        raise HoursError(_form(text))
    days = _days(text, words[0]) if words else frozenset(range(7))
    start, end = _span(text, span) if span else (0, _DAY_MINUTES)
    return Hours(text, days, start, end)


def _days(text: str, word: str) -> frozenset[int]:
    days: set[int] = set()
    for item in word.split(","):
        first, dash, last = item.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise HoursError(f"{text!r}: {item!r} is not a day or a range of days; write for example mon-fri or sat,sun")
        at, to = DAYS.index(first), DAYS.index(last if dash else first)
        days.update((at + n) % 7 for n in range((to - at) % 7 + 1))
    return frozenset(days)


def _span(text: str, word: str) -> tuple[int, int]:
    match = _CLOCK.fullmatch(word)
    assert match is not None
    h1, m1, h2, m2 = map(int, match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if max(m1, m2) > 59 or start >= _DAY_MINUTES or end > _DAY_MINUTES or start == end:
        raise HoursError(f"{text!r}: {word} is not a span of a day; write for example 09:00-17:30, or 22:00-06:00")
    return start, end


def _form(text: str) -> str:
    return f"{text!r} is not a time of the week; write for example 'mon-fri 09:00-17:30', 'sat,sun' or '22:00-06:00'"
