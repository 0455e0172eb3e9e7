# SPDX-License-Identifier: GPL-3.0-or-later
"""When each word of a clause is spoken: by the voice's own word times where it gives them, between them by letters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sipagent.engines.base import WordEnd

_WORD = re.compile(r"\S+")


def word_ends(text: str, known: Sequence[WordEnd], length: int) -> list[int]:
    """For each word of `text`, in samples from the clause's first: where it has been spoken. Never falls; the last one is
    `length` unless the voice tells. What of `known` can't be, beyond text or clause or back in time, is left out."""
    ends = [m.end() for m in _WORD.finditer(text)]
    points = _line(known, ends[-1] if ends else 0, length)
    return [_at(points, end) for end in ends]


def _line(known: Sequence[WordEnd], chars: int, length: int) -> list[tuple[int, int]]:
    """Points (letters, samples), both rising, from (0, 0) to the end. The letters of a word include the space behind it, the
    time that a voice takes from one word to the next."""
    points = [(0, 0)]
    for mark in sorted(known):
        at = mark.chars + 1
        if points[-1][0] < at <= chars + 1 and points[-1][1] < mark.sample < length:
            points.append((at, mark.sample))
    return points if points[-1][0] == chars + 1 else [*points, (chars + 1, length)]


def _at(points: Sequence[tuple[int, int]], end: int) -> int:
    """Rounded up: a word is not over before its last sample."""
    i = next(i for i, (letters, _) in enumerate(points) if letters >= end + 1)
    (x0, y0), (x1, y1) = points[i - 1], points[i]
    return y0 + -(-(y1 - y0) * (end + 1 - x0) // (x1 - x0))
