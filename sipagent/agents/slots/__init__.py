# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots: what a flow wants to know, found in the caller's words. English.

| kind | value | said |
|---|---|---|
| date | "2027-05-03" | Monday, the third of May |
| time | "19:30" | half past seven in the evening |
| number | 12, 2.5 | 12 |
| money | "20.50 dollars" | 20 dollars and 50 cents |
| name | "Anna Smith" | Anna Smith |
| phone | "+15551234" | plus one five five, five one two, three four |
| letters | "AB3C" | A for Alpha, B for Bravo, three, C for Charlie |
| yes_no | true | yes |
| choice | one of the step's choices | the same |
| text | "I am late." | the same |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from sipagent.agents import spelling
from sipagent.agents.slots import dates, money, numbers, times
from sipagent.agents.slots.answers import find_choice, find_yes_no, yes_or_no
from sipagent.agents.slots.codes import find_letters, find_phone
from sipagent.agents.slots.found import GAP, Found, Value, Wanted, words_of
from sipagent.agents.slots.names import find as find_name

__all__ = ["KINDS", "Found", "Kind", "Value", "Wanted", "find", "in_passing", "whole", "yes_or_no"]

Kind = Literal["date", "time", "number", "money", "name", "phone", "letters", "yes_no", "choice", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_BY_WORDS: Mapping[str, Callable[[Sequence[str], Wanted], Found | None]] = {
    "date": dates.find,
    "time": times.find,
    "money": money.find,
    "number": numbers.find,
}
_BY_TEXT: Mapping[str, Callable[[str, Wanted], Found | None]] = {
    "phone": find_phone,
    "name": find_name,
    "choice": find_choice,
    "letters": find_letters,
    "yes_no": find_yes_no,
}


def find(kind: Kind, text: str, wanted: Wanted) -> Found | None:
    """The value that the caller told, None when there is none."""
    if kind == "text":
        said = text.strip().rstrip(",;:- ")
        sentence = said if said.endswith((".", "!", "?")) else said + "."
        return Found(sentence, sentence) if any(c.isalnum() for c in said) else None
    if kind in _BY_WORDS:
        return _BY_WORDS[kind](words_of(text), wanted)
    return _BY_TEXT[kind](text, wanted)


def in_passing(slots: Mapping[str, tuple[Kind, Wanted]], text: str) -> dict[str, Found]:
    """Which of the slots a sentence fills that asked for something else: "a table for four on Friday at seven". Words that one
    slot takes are no longer there for the next; the kinds with the clearest forms come first."""
    words = words_of(text)
    out: dict[str, Found] = {}
    order = [*_BY_WORDS, *_BY_TEXT]
    for name, (kind, wanted) in sorted(slots.items(), key=lambda row: order.index(row[1][0]) if row[1][0] in order else 99):
        if kind in _BY_WORDS:
            found = _BY_WORDS[kind](words, wanted)
            if found is not None:
                words[found.start : found.end] = [GAP] * (found.end - found.start)
        elif kind in _BY_TEXT:
            found = _BY_TEXT[kind](text, wanted)
        else:
            found = None
        if found is not None:
            out[name] = found
    return out


def whole(kind: Kind, text: str, wanted: Wanted) -> bool | None:
    """Whether the caller has said all of it, for the end of his turn. None = the form of the text decides."""
    if kind == "text":
        return False  # a message has pauses in it
    if kind == "letters":
        return None if len(spelling.parse(text)) > wanted.min_length else False
    if kind == "phone":
        return None if len(spelling.parse(text, lenient=False)) >= max(7, wanted.min_length) else False
    if kind in ("yes_no", "choice"):
        return True if find(kind, text, wanted) is not None else None
    return None
