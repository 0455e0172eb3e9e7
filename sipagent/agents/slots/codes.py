# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone numbers, and references that are spelled letter by letter."""

from __future__ import annotations

import re

from sipagent.agents import spelling
from sipagent.agents.slots.found import Found, Wanted

MIN_PHONE, MAX_PHONE = 3, 15  # digits; the longest number of ITU-T E.164 has 15
GROUP = 3  # digits that the voice says in one breath
_HUNDREDS = ((re.compile(r"\bhundred\b"), "zero zero"), (re.compile(r"\bthousand\b"), "zero zero zero"))
_PLUS = re.compile(r"^\W*(?:.*?\b(?:is|it's)\b\W*)?(?:\+|plus\b)", re.IGNORECASE)


def find_phone(text: str, wanted: Wanted) -> Found | None:
    """Its digits, with a plus in front when one was said."""
    flat = text.lower()
    for pattern, zeros in _HUNDREDS:
        flat = pattern.sub(zeros, flat)
    digits = "".join(c for c in spelling.parse(flat, lenient=False) if c.isdigit())
    low = max(MIN_PHONE, wanted.min_length) if wanted.asked else max(7, wanted.min_length)
    if not low <= len(digits) <= min(MAX_PHONE, wanted.max_length):
        return None
    plus = "+" if _PLUS.match(text) else ""
    return Found(plus + digits, ("plus " if plus else "") + _say_digits(digits))


def find_letters(text: str, wanted: Wanted) -> Found | None:
    """Letters and digits. In passing, only clear spelling counts (single letters, code words, groups with a digit)."""
    reference = spelling.parse(text, lenient=wanted.asked)
    if not wanted.asked and len(reference) < max(wanted.min_length, 3):
        return None
    if not max(1, wanted.min_length) <= len(reference) <= wanted.max_length:
        return None
    return Found(reference, spelling.say(reference))


def _say_digits(digits: str) -> str:
    """ "five five five, one two three four": the last group takes the rest."""
    groups, rest = [], digits
    while len(rest) > GROUP + 1:
        groups.append(rest[:GROUP])
        rest = rest[GROUP:]
    return ", ".join(" ".join(spelling.DIGITS[d] for d in group) for group in (*groups, rest))
