# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole and decimal numbers: "a hundred and twenty", "two and a half", "1,200", digits in a row are one number."""

from __future__ import annotations

from collections.abc import Sequence

from sipagent.agents.slots.found import Found, Wanted

_SMALL_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen
"""
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: n for n, word in enumerate(_SMALL_WORDS.split())}
TENS = {word: 10 * n for n, word in enumerate(_TENS_WORDS.split(), 2)}
_SCALES = {"thousand": 1_000, "million": 1_000_000}
_GROUPS = {"dozen": 12, "couple": 2}
_ORDINALS = {
    **{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9},
    **{"tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16},
    **{"seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30},
}


def integer_at(words: Sequence[str], i: int) -> tuple[int, int] | None:
    """The number that begins at word `i`, and where it ends."""
    total, part, at = 0, 0, i
    fresh = True  # nothing stands yet below the last "thousand"
    while at < len(words):
        word = words[at]
        if fresh and total == 0 and (group := _group(words, at)) is not None:
            return group
        if (plain := _plain(word)) is not None and (fresh or _may_follow(part, plain)):
            part, fresh = part + plain, False
        elif word == "hundred" and 0 < part < 100:
            part *= 100
        elif word == "a" and fresh and _at(words, at + 1) in ("hundred", *_SCALES):
            part, fresh = 1, False
        elif word in _SCALES and part > 0:
            total, part, fresh = total + part * _SCALES[word], 0, True
        elif not (word == "and" and at > i and _at(words, at - 1) in ("hundred", *_SCALES) and _below(words, at + 1)):
            break
        at += 1
    return None if fresh and total == 0 else (total + part, at)


def ordinal_at(words: Sequence[str], i: int) -> tuple[int, int] | None:
    """ "3rd", "third", "twenty third" -> 3, 3, 23, and where it ends."""
    word = _at(words, i)
    if word[:-2].isdigit() and word[-2:] in ("st", "nd", "rd", "th"):
        return int(word[:-2]), i + 1
    if word in _ORDINALS:
        return _ORDINALS[word], i + 1
    if word in TENS and _ORDINALS.get(_at(words, i + 1), 10) < 10:
        return TENS[word] + _ORDINALS[words[i + 1]], i + 2
    return None


def number_at(words: Sequence[str], i: int) -> tuple[float, int] | None:
    """A whole or decimal number, and where it ends."""
    whole: tuple[float, int] | None
    try:
        whole = float(_at(words, i)), i + 1
    except ValueError:
        whole = integer_at(words, i)
    if whole is None or words[i] in ("nan", "inf", "infinity"):
        return None
    value, at = whole
    if words[at : at + 3] == ["and", "a", "half"]:
        return value + 0.5, at + 3
    if _at(words, at) == "point":
        digits = ""
        at += 1
        while (digit := SMALL.get(_at(words, at), 10)) < 10 or (_at(words, at).isdigit() and len(words[at]) == 1):
            digits += str(digit if digit < 10 else words[at])
            at += 1
        return (float(f"{int(value)}.{digits}"), at) if digits else whole
    return value, at


def find(words: Sequence[str], wanted: Wanted) -> Found | None:
    """The first number; digits said one by one are one number. In passing, "one" and "a couple" are too often no number."""
    for i in range(len(words)):
        if (got := number_at(words, i)) is None:
            continue
        value, end = got
        digits = str(int(value)) if 0 <= value < 10 and value == int(value) else ""
        while digits and (more := integer_at(words, end)) is not None and more[0] < 10 and more[1] == end + 1:
            digits += str(more[0])
            end += 1
        if len(digits) > 1:
            value = int(digits)
        if not wanted.asked and words[i] in ("one", "a", "couple"):
            continue
        if i > 0 and words[i - 1] == "minus":
            value, i = -value, i - 1
        number: int | float = int(value) if value == int(value) else value
        return Found(number, str(number), i, end)
    return None


def _group(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """ "a dozen", "a couple of"."""
    start = at + 1 if words[at] == "a" else at
    size = _GROUPS.get(_at(words, start))
    if size is None:
        return None
    return size, start + (2 if _at(words, start + 1) == "of" else 1)


def _plain(word: str) -> int | None:
    digits = word.replace(",", "")
    if digits.isascii() and digits.isdigit():
        return int(digits)
    return SMALL.get(word, TENS.get(word))


def _below(words: Sequence[str], at: int) -> bool:
    """A number below a hundred: "two hundred and five"."""
    plain = _plain(_at(words, at))
    return plain is not None and plain < 100


def _may_follow(part: int, plain: int) -> bool:
    """Ones after tens, both after hundreds: "twenty one", "two hundred thirty"."""
    return (part % 100 == 0 and part > 0 and plain < 100) or (part % 10 == 0 and part % 100 >= 20 and 0 < plain < 10)


def _at(words: Sequence[str], i: int) -> str:
    return words[i] if 0 <= i < len(words) else ""
