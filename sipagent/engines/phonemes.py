# SPDX-License-Identifier: GPL-3.0-or-later
"""Which written word a spoken one is. A voice joins some ("with you" may be one word in phonemes) and makes several of others
("25"), so places where both end are found by counting sounds: each written word is spoken by itself, too, for its number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

# Of piper: text to the phonemes of each of its sentences, words parted by " ".
Phonemize = Callable[[str], Sequence[Sequence[str]]]

SLACK = 1  # sounds that a word may gain or lose beside another


def written_ends(text: str, phonemize: Phonemize) -> list[int | None]:
    """For each spoken word of `text`: how many characters of `text` have been spoken at its end; None = in the middle of a
    written word, or nobody can tell."""
    written = [(m.end(), sum(_sounds(phonemize(m[0])))) for m in re.finditer(r"\S+", text)]
    places: list[int | None] = []
    at = heard = spelled = 0
    for sounds in _sounds(phonemize(text)):
        heard += sounds
        first = at
        while at < len(written) and _belongs(spelled, written[at][1], heard, tie=at == first):
            spelled += written[at][1]
            at += 1
        together = at > 0 and abs(spelled - heard) <= SLACK
        places.append(written[at - 1][0] if together else None)
        if together:
            heard = spelled
    return places


def _belongs(spelled: int, more: int, heard: int, *, tie: bool) -> bool:
    """Whether one more written word comes nearer to what was heard, or, at a `tie`, as near; a mark by itself goes with the
    word before it."""
    nearer = abs(spelled - heard) - abs(spelled + more - heard)
    return nearer > 0 or (nearer == 0 and tie) or (more == 0 and spelled > 0)


def _sounds(sentences: Sequence[Sequence[str]]) -> list[int]:
    """The number of sounds in each spoken word; marks, stress and length are none."""
    words = (word for sentence in sentences for word in "".join(sentence).split(" "))
    counts = (sum(c.isalpha() and unicodedata.category(c) != "Lm" for c in word) for word in words)
    return [n for n in counts if n]
