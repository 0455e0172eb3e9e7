# SPDX-License-Identifier: GPL-3.0-or-later
"""Yes or no, and one of several choices."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz

from sipagent.agents.intents import ENOUGH, Matcher, words
from sipagent.agents.slots.found import Found, Wanted

_YES_WORDS = "yes yeah yep yup correct right sure exactly okay ok absolutely indeed fine affirmative true please perfect"
_NO_WORDS = "no nope nah not wrong incorrect don't isn't false never neither nothing negative"
_YES, _NO = frozenset(_YES_WORDS.split()), frozenset(_NO_WORDS.split())
_SOON = 4  # words that it may take to say it
_CLOSE = 88.0


def yes_or_no(text: str) -> bool | None:
    """What the first words say; None = neither."""
    said = words(text)[:_SOON]
    if any(w in _NO for w in said):
        return False
    return True if any(w in _YES for w in said) else None


def find_yes_no(text: str, wanted: Wanted) -> Found | None:
    """The answer to the question that was asked, never told in passing."""
    verdict = yes_or_no(text) if wanted.asked else None
    return None if verdict is None else Found(verdict, "yes" if verdict else "no")


def find_choice(text: str, wanted: Wanted) -> Found | None:
    """The choice that is said; asked for, the one that is meant most likely, by its number too ("the second one")."""
    said = words(text)
    hits = [(at, choice) for choice in wanted.choices if (at := _place(said, words(choice))) is not None]
    if len(hits) == 1:
        return Found(hits[0][1], hits[0][1])
    if hits or not wanted.asked:
        return None
    name, score = Matcher({choice: [choice] for choice in wanted.choices}).best(text)
    if score >= ENOUGH:
        return Found(name, name)
    for number, word in enumerate(("first", "second", "third", "fourth", "fifth")[: len(wanted.choices)]):
        if word in said:
            return Found(wanted.choices[number], wanted.choices[number])
    return None


def _place(said: Sequence[str], choice: Sequence[str]) -> int | None:
    """Where the words of a choice stand together in what was said."""
    for i in range(len(said) - len(choice) + 1):
        if choice and all(_same(a, b) for a, b in zip(said[i:], choice, strict=False)):
            return i
    return None


def _same(a: str, b: str) -> bool:
    return a == b or (min(len(a), len(b)) > 3 and fuzz.ratio(a, b) >= _CLOSE)
