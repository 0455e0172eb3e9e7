# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the caller agreed to what a tool is about to do. Whoever is not sure has not agreed."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_WORDS = 6  # a yes with more behind it is a new wish: the model must look at it
# Beside a yes these make it another wish, or a question ("okay, what does it cost").
DOUBT = (
    *("but", "except", "instead", "actually", "rather", "only", "make it", "change", "if", "unless", "cannot"),
    *("what", "how", "when", "where", "who", "why", "which", "are you", "is that", "do you", "can i", "can you", "could"),
)


def agreed(text: str, yes: Sequence[str], no: Sequence[str]) -> bool | None:
    """True: clearly yes; False: clearly no; None: neither. `yes` and `no` are words or phrases in lower case."""
    said = " ".join(re.findall(r"[\w']+", text.lower().replace("\u2019", "'")))  # recognisers write both apostrophes
    if _has(said, no):
        return False
    doubtful = "?" in text or _has(said, DOUBT) or re.search(r"n't\b", said) is not None
    return True if _has(said, yes) and not doubtful and len(said.split()) <= MAX_WORDS else None


def _has(said: str, phrases: Sequence[str]) -> bool:
    return any(f" {phrase} " in f" {said} " for phrase in phrases)
