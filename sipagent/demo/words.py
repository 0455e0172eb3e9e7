# SPDX-License-Identifier: GPL-3.0-or-later
"""Word error rate: substitutions, deletions and insertions over the words of the reference, after both texts are brought to
one spelling (case, punctuation, digits as words, common contractions)."""

from __future__ import annotations

import re
from collections.abc import Sequence

# fmt: off
_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# fmt: on
_SPELLINGS = {
    "what's": "what is",
    "it's": "it is",
    "that's": "that is",
    "there's": "there is",
    "where's": "where is",
    "i'd": "i would",
    "i'm": "i am",
    "i'll": "i will",
    "don't": "do not",
    "can't": "can not",
    "cannot": "can not",
    "ok": "okay",
    "good-bye": "goodbye",
    "bye-bye": "bye bye",
}


def normal_words(text: str) -> list[str]:
    """Words of a text in the one spelling."""
    text = text.lower().replace("\u2019", "'")
    text = re.sub(r"(?<=\d)(?=[a-z])|(?<=[a-z])(?=\d)", " ", text)
    words: list[str] = []
    for token in re.findall(r"[a-z0-9'\-]+", text):
        token = token.strip("'-")
        spelled = _SPELLINGS.get(token, token.replace("-", " "))
        for word in spelled.split():
            words += _number(word) if word.isdigit() else [word.replace("'", "")]
    return words


def _number(digits: str) -> list[str]:
    value = int(digits)
    if len(digits) > 2 or (len(digits) == 2 and digits[0] == "0"):
        return [_ONES[int(d)] for d in digits]
    if value < 20:
        return [_ONES[value]]
    return [_TENS[value // 10]] + ([_ONES[value % 10]] if value % 10 else [])


def edits(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard) + 1))
    for i, expected in enumerate(reference, 1):
        before, row[0] = row[0], i
        for j, word in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (expected != word))
    return row[-1]


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Over (reference, heard) texts taken together. 0 when there are no reference words and nothing was heard."""
    wrong = n = 0
    for reference, heard in pairs:
        expected = normal_words(reference)
        wrong += edits(expected, normal_words(heard))
        n += len(expected)
    return wrong / n if n else float(wrong > 0)
