# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts of money: "$20.50", "twenty euros and fifty cents", "a hundred pounds". Value: "20.50 dollars"."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sipagent.agents.slots.found import Found, Wanted
from sipagent.agents.slots.numbers import number_at

_SIGNS = {"$": "dollars", "\u20ac": "euros", "\u00a3": "pounds"}
_UNITS = {"dollar": "dollars", "dollars": "dollars", "buck": "dollars", "bucks": "dollars", "euro": "euros", "euros": "euros"}
_UNITS |= {"pound": "pounds", "pounds": "pounds", "quid": "pounds", "franc": "francs", "francs": "francs"}
_PARTS = {"cent", "cents", "pence", "p", "penny", "pennies"}


def find(words: Sequence[str], wanted: Wanted) -> Found | None:
    """The first amount. A bare number counts as the answer to the question, in the slot's currency."""
    for i in range(len(words)):
        start = i + (words[i] in _SIGNS)
        got = number_at(words, start) if start < len(words) else None
        if got is None:
            continue
        amount, end = Decimal(repr(got[0])), got[1]
        if words[i] in _SIGNS:
            unit = _SIGNS[words[i]]
        elif end < len(words) and words[end] in _UNITS:
            unit, end = _UNITS[words[end]], end + 1
            amount, end = _and_parts(words, end, amount)
        elif end < len(words) and words[end] in _PARTS:
            unit, amount, end = wanted.currency, amount / 100, end + 1
        elif wanted.asked:
            unit = wanted.currency
        else:
            continue
        return Found(f"{amount:.2f} {unit}", _say(amount, unit), i, end)
    return None


def _and_parts(words: Sequence[str], at: int, amount: Decimal) -> tuple[Decimal, int]:
    """ "... and fifty cents", "... fifty"."""
    start = at + (at < len(words) and words[at] == "and")
    got = number_at(words, start) if start < len(words) else None
    if got is None or not 0 < got[0] < 100 or amount != int(amount):
        return amount, at
    named = got[1] < len(words) and words[got[1]] in _PARTS
    if start > at and not named:  # "ten dollars and two beers"
        return amount, at
    return amount + Decimal(repr(got[0])) / 100, got[1] + named


def _say(amount: Decimal, unit: str) -> str:
    whole, rest = divmod(amount, 1)
    said = f"{int(whole)} {unit[:-1] if whole == 1 else unit}"
    if not rest:
        return said
    parts = "pence" if unit == "pounds" else "cents"
    return f"{said} and {int(rest * 100)} {parts}" if whole else f"{int(rest * 100)} {parts}"
