# SPDX-License-Identifier: GPL-3.0-or-later
"""Days: "tomorrow", "next Friday", "the third of May", "May 3rd 2027", "in two weeks", "2027-05-03". Value: ISO 8601.

A weekday is its next one after today; "next Friday" is the one of next week (weeks begin on Monday). A day without a year, or
without a month, is the next one that comes, today included. "3/5" is month and day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sipagent.agents.slots.found import Found, Wanted
from sipagent.agents.slots.numbers import integer_at, ordinal_at

_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = "january february march april may june july august september october november december"
DAYS, MONTHS = _DAYS.split(), _MONTHS.split()
_NAMED = {"today": 0, "tonight": 0, "tomorrow": 1}
_UNITS = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_ORDINALS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth
seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth
twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first
"""
_ORDINAL_WORDS = _ORDINALS.split()
_AHEAD = 9  # years that are looked through for a 29th of February


def find(words: Sequence[str], wanted: Wanted) -> Found | None:
    """The first day that is told. A day of the month alone counts as the answer to the question only."""
    today = wanted.now.date()
    for i in range(len(words)):
        for rule in (_written, _named, _weekday, _month_first, _day_first, _from_now):
            if (got := rule(words, i, today)) is not None:
                return _found(*got, i)
        if wanted.asked and (bare := _bare_day(words, i, today)) is not None:
            return _found(*bare, i)
    return None


def say(day: date) -> str:
    """ "Friday, the third of May"."""
    return f"{DAYS[day.weekday()].title()}, the {_ORDINAL_WORDS[day.day - 1]} of {MONTHS[day.month - 1].title()}"


def _found(day: date, end: int, start: int) -> Found:
    return Found(day.isoformat(), say(day), start, end)


def _written(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    parts = words[i].replace("-", "/").split("/")
    if len(parts) < 2 or not all(part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    if len(parts[0]) == 4:
        year, month, day = numbers
        return _day(year, month, day, i + 1)
    if len(numbers) == 3:
        month, day, year = numbers
        return _day(year + 2000 if year < 100 else year, month, day, i + 1)
    return _next(numbers[0], numbers[1], today, i + 1)


def _named(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    if list(words[i : i + 4]) == ["the", "day", "after", "tomorrow"]:
        return today + timedelta(2), i + 4
    if list(words[i : i + 3]) == ["day", "after", "tomorrow"]:
        return today + timedelta(2), i + 3
    return (today + timedelta(_NAMED[words[i]]), i + 1) if words[i] in _NAMED else None


def _weekday(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    which = words[i] if words[i] in ("next", "this", "on") else ""
    name = _at(words, i + bool(which)).removesuffix("'s")
    if name not in DAYS and name.removesuffix("s") not in DAYS:
        return None
    end = i + 1 + bool(which)
    number = DAYS.index(name if name in DAYS else name.removesuffix("s"))
    if which == "next":
        day = today - timedelta(today.weekday()) + timedelta(7 + number)
    else:
        day = today + timedelta((number - today.weekday() - 1) % 7 + 1)
    told = _day_of_month(words, end, today)
    return told if told is not None else (day, end)


def _day_of_month(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    """ "Friday, the third of May", "Friday, May 3rd": what stands behind the weekday says more."""
    return (_month_first(words, i, today) or _day_first(words, i, today)) if i < len(words) else None


def _month_first(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    if words[i] not in MONTHS:
        return None
    at = i + 1 + (_at(words, i + 1) == "the")
    got = ordinal_at(words, at) or integer_at(words, at)
    if got is None:
        return None
    return _with_year(words, MONTHS.index(words[i]) + 1, got[0], got[1], today)


def _day_first(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    start = i + (words[i] == "the")
    got = ordinal_at(words, start) or integer_at(words, start)
    if got is None:
        return None
    at = got[1] + (_at(words, got[1]) == "of")
    if _at(words, at) not in MONTHS:
        return None
    return _with_year(words, MONTHS.index(words[at]) + 1, got[0], at + 1, today)


def _from_now(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    if words[i] != "in":
        return None
    got = (1, i + 2) if _at(words, i + 1) == "a" else integer_at(words, i + 1)
    if got is None or _at(words, got[1]) not in _UNITS or got[0] > 1000:
        return None
    return today + timedelta(got[0] * _UNITS[words[got[1]]]), got[1] + 1


def _bare_day(words: Sequence[str], i: int, today: date) -> tuple[date, int] | None:
    start = i + (words[i] == "the")
    got = ordinal_at(words, start)
    if got is None or not 1 <= got[0] <= 31 or _at(words, got[1] + (_at(words, got[1]) == "of")) in MONTHS:
        return None
    for ahead in range(12):
        year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
        day = _day(year, month + 1, got[0], got[1])
        if day is not None and day[0] >= today:
            return day
    return None


def _with_year(words: Sequence[str], month: int, day: int, at: int, today: date) -> tuple[date, int] | None:
    year = _at(words, at)
    if len(year) == 4 and year.isdigit():
        return _day(int(year), month, day, at + 1)
    spoken = integer_at(words, at) if year == "two" else None  # "two thousand and twenty seven"
    if spoken is not None and 2000 <= spoken[0] < 2100:
        return _day(spoken[0], month, day, spoken[1])
    return _next(month, day, today, at)


def _next(month: int, day: int, today: date, end: int) -> tuple[date, int] | None:
    for year in range(today.year, today.year + _AHEAD):
        got = _day(year, month, day, end)
        if got is not None and got[0] >= today:
            return got
    return None


def _day(year: int, month: int, day: int, end: int) -> tuple[date, int] | None:
    try:
        return date(year, month, day), end
    except ValueError:
        return None


def _at(words: Sequence[str], i: int) -> str:
    return words[i] if 0 <= i < len(words) else ""
