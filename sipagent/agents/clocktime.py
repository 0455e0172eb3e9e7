# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of day as people say it."""

from __future__ import annotations

from datetime import datetime

_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen
"""
_ONES = _NUMBERS.split()
_NAMED = {15: "a quarter", 30: "half"}


def say_time(now: datetime) -> str:
    """ "It is twenty past nine in the morning"."""
    return f"It is {phrase(now.hour, now.minute)}."


def phrase(hour: int, minute: int) -> str:
    """ "twenty past nine in the morning"."""
    if minute == 0:
        return f"{_hour(hour)} o'clock {_part_of_day(hour)}"
    if minute <= 30:
        return f"{_minutes(minute)} past {_hour(hour)} {_part_of_day(hour)}"
    return f"{_minutes(60 - minute)} to {_hour(hour + 1)} {_part_of_day(hour)}"


def _hour(hour: int) -> str:
    return _ONES[hour % 12 or 12]


def _minutes(n: int) -> str:
    if n in _NAMED:
        return _NAMED[n]
    number = _ONES[n] if n < 20 else "twenty" + (f"-{_ONES[n - 20]}" if n > 20 else "")
    return number if n % 5 == 0 else f"{number} minute{'' if n == 1 else 's'}"


def _part_of_day(hour: int) -> str:
    if hour < 5 or hour >= 21:
        return "at night"
    return "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
