# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns for numbers and names, written as in the dial plans of most PBXes.

600        exactly that                    X      a digit
_9XXX      starts with _: a pattern        Z      1 to 9
_+49.      + and other signs: themselves   N      2 to 9
                                           [1-5a] one of these
                                           .      at the end: one or more of anything
                                           !      at the end: anything, or nothing
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_LENGTH = 80  # of a pattern: the longest extension that PBXes take

_SETS = {"X": "0123456789", "Z": "123456789", "N": "23456789"}


class PatternError(ValueError):
    """Not a pattern; the text says which sign and what to write."""


@dataclass(frozen=True)
class Pattern:
    """PatternError when the text is not one. Matching takes time in proportion to the pattern's length, whatever is matched."""

    text: str
    _exact: str | None = field(init=False, repr=False, compare=False)
    _places: tuple[frozenset[str], ...] = field(init=False, repr=False, compare=False)
    _rest: int | None = field(init=False, repr=False, compare=False)  # least characters beyond the places; None = no more

    def __post_init__(self) -> None:
        if not self.text:
            raise PatternError("empty pattern; leave the key out to match everything")
        if len(self.text) > MAX_LENGTH:
            raise PatternError(f"pattern of {len(self.text)} characters; at most {MAX_LENGTH} are allowed")
        if self.text == "_":
            raise PatternError("'_' alone matches nothing; write what follows, as in _9XXX, or '_!' for anything")
        places, rest = _parse(self.text) if self.text.startswith("_") else ((), None)
        object.__setattr__(self, "_exact", None if self.text.startswith("_") else self.text)
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "_rest", rest)

    def matches(self, value: str) -> bool:
        """Whether all of `value` fits."""
        if self._exact is not None:
            return value == self._exact
        more = len(value) - len(self._places)
        if more < 0 or (more > 0 if self._rest is None else more < self._rest):
            return False
        return all(character in place for character, place in zip(value, self._places, strict=False))

    def __str__(self) -> str:
        return self.text


def _parse(text: str) -> tuple[tuple[frozenset[str], ...], int | None]:
    places: list[frozenset[str]] = []
    at = 1
    while at < len(text):
        sign = text[at]
        if sign in ".!":
            if at != len(text) - 1:
                raise PatternError(
                    f"{text!r}: {sign!r} ends a pattern; take away what follows it, or write [{sign}] for the sign"
                )
            return tuple(places), 1 if sign == "." else 0
        if sign == "[":
            end = text.find("]", at + 1)
            if end < 0:
                raise PatternError(f"{text!r}: '[' without ']'; write for example [1-5]")
            places.append(_set(text, text[at + 1 : end]))
            at = end + 1
            continue
        if sign == "]":
            raise PatternError(f"{text!r}: ']' without '['; write for example [1-5]")
        places.append(frozenset(_SETS.get(sign, sign)))
        at += 1
    return tuple(places), None


def _set(text: str, inside: str) -> frozenset[str]:
    """ "1-5a" -> {1, 2, 3, 4, 5, a}."""
    if not inside:
        raise PatternError(f"{text!r}: [] matches nothing; write for example [1-5]")
    signs: set[str] = set()
    for item in re.finditer(r"(.)-(.)|(.)", inside, re.DOTALL):
        if item[3] is not None:
            signs.add(item[3])
        elif item[1] > item[2]:
            raise PatternError(f"{text!r}: [{item[0]}] runs backwards; write [{item[2]}-{item[1]}]")
        else:
            signs.update(map(chr, range(ord(item[1]), ord(item[2]) + 1)))
    return frozenset(signs)
