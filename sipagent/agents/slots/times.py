# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of the day: "half past three", "7:30 pm", "quarter to five in the afternoon", "noon". Value "19:30"."""

from __future__ import annotations

from collections.abc import Sequence

from sipagent.agents.clocktime import phrase
from sipagent.agents.slots.found import GAP, Found, Wanted
from sipagent.agents.slots.numbers import integer_at

_NAMED = {"noon": 12 * 60, "midday": 12 * 60, "midnight": 0}
_PARTS = {"morning": "am", "afternoon": "pm", "evening": "pm", "night": "night", "tonight": "pm"}
_SMALL_HOURS = 5  # "four at night" is early in the day, "ten at night" late
_NOT_COUNTED_WORDS = """
on for please tomorrow today tonight this next and my i i'm i'd we if is it the under or because then thanks thank
"""
_NOT_COUNTED = frozenset(_NOT_COUNTED_WORDS.split())
_FRACTIONS = {"half": 30, "quarter": 15}


def find(words: Sequence[str], wanted: Wanted) -> Found | None:
    """The first time. A bare hour counts as the answer to the question, or behind "at"."""
    for i, word in enumerate(words):
        if word in _NAMED:
            return _found(_NAMED[word], i, i + 1)
        got = _clock(words, i)
        if got is None:
            continue
        hour, minute, end, clear = got
        half, end = _half(words, end)
        if not half and word.startswith("0") and hour:  # "07:30" is how a day of 24 hours is written
            half = "am"
        clear = (
            clear or bool(half) or (i > 0 and words[i - 1] in ("at", "around", "about", "by") and _nothing_counted(words, end))
        )
        if not (clear or wanted.asked) or hour > 23 or (half and not 1 <= hour <= 12 and hour < 12):
            continue
        return _found(_minute_of_day(hour, minute, half, wanted.within), i, end)
    return None


def _clock(words: Sequence[str], i: int) -> tuple[int, int, int, bool] | None:
    """(hour, minute, end, whether its form says that it is a time)."""
    word = words[i]
    hour, colon, minute = word.partition(":")
    if colon and int(minute) < 60:
        return int(hour), int(minute), i + 1, True
    start = i + 1 if word == "a" else i
    past = _past(words, start)
    if past is not None:
        return past
    got = integer_at(words, i)
    if got is None or got[0] > 23 or word == "a":
        return _run_together(words, i)
    hour_said, end = got
    if _at(words, end) == "oclock":
        return hour_said, 0, end + 1, True
    zero = _at(words, end) in ("oh", "o", "zero")
    more = integer_at(words, end + zero)
    if more is not None and (10 <= more[0] < 60 if not zero else more[0] < 10):
        return hour_said, more[0], more[1], True
    return hour_said, 0, end, False


def _run_together(words: Sequence[str], i: int) -> tuple[int, int, int, bool] | None:
    """ "730 pm": how some recognisers write it; "two thirty" never comes here."""
    word = words[i]
    if word.isdigit() and len(word) in (3, 4) and int(word[-2:]) < 60 and int(word[:-2]) < 24 and _half(words, i + 1)[0]:
        return int(word[:-2]), int(word[-2:]), i + 1, True
    return None


def _past(words: Sequence[str], i: int) -> tuple[int, int, int, bool] | None:
    """ "ten past nine", "quarter to five", "half past three"."""
    got = (_FRACTIONS[words[i]], i + 1) if _at(words, i) in _FRACTIONS else integer_at(words, i)
    if got is None:
        return None
    minutes, at = got
    if _at(words, at) in ("minute", "minutes"):
        at += 1
    way = _at(words, at)
    if way not in ("past", "after", "to", "before") or not 0 < minutes < 60:
        return None
    hour = integer_at(words, at + 1)
    if hour is None or hour[0] > 23:
        return None
    end = hour[1] + (_at(words, hour[1]) == "oclock")
    if way in ("past", "after"):
        return hour[0], minutes, end, True
    return (hour[0] - 1 if hour[0] > 1 else 12), 60 - minutes, end, True


def _half(words: Sequence[str], i: int) -> tuple[str, int]:
    """ "am", "pm", "night", or "" and where that ends: "in the evening" is "pm"."""
    if _at(words, i) in ("am", "pm"):
        return words[i], i + 1
    if list(words[i : i + 2]) == ["in", "the"] and _at(words, i + 2) in _PARTS:
        return _PARTS[words[i + 2]], i + 3
    if _at(words, i) in ("tonight", "this", "at", "tomorrow"):
        later = _at(words, i) if words[i] == "tonight" else _at(words, i + 1)
        if later in _PARTS:
            return _PARTS[later], i + 1 + (words[i] != "tonight")
    return "", i


def _minute_of_day(hour: int, minute: int, half: str, within: tuple[int, int]) -> int:
    at = 60 * hour + minute
    if half:
        late = half == "pm" or (half == "night" and hour % 12 >= _SMALL_HOURS)
        return at % 720 + (720 if late else 0)
    if hour == 0 or hour > 12:
        return at
    early = at % 720
    return early if within[0] <= early < within[1] else early + 720


def _nothing_counted(words: Sequence[str], end: int) -> bool:
    """ "at seven" is a time, "at seven places" is not."""
    return end == len(words) or words[end] == GAP or words[end] in _NOT_COUNTED


def _found(minute: int, start: int, end: int) -> Found:
    hour, rest = divmod(minute % 1440, 60)
    return Found(f"{hour:02d}:{rest:02d}", phrase(hour, rest), start, end)


def _at(words: Sequence[str], i: int) -> str:
    return words[i] if 0 <= i < len(words) else ""
