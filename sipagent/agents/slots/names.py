# SPDX-License-Identifier: GPL-3.0-or-later
"""People's names: what stands behind "my name is", and spelled ones ("Smith, S M I T H")."""

from __future__ import annotations

import re

from sipagent.agents import spelling
from sipagent.agents.slots.found import Found, Wanted

MAX_WORDS = 4
_CALLED = re.compile(r"\b(?:my (?:full |last |first )?name(?: is|'s)|the name(?: is|'s)|name(?: is|'s))\b", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:this is|it is|it's|i am|i'm|call me|for|under)\b", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:um|uh|er|well|okay|ok|yes|yeah|sure|hi|hello|so|oh|and|mr|mrs|ms|miss|doctor|dr)\b[ .,]*", re.IGNORECASE
)
_TAIL = re.compile(r"[ ,]*\b(?:speaking|here|please|thank you|thanks|calling)\b.*$", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_SPELLED = re.compile(r"(?:\b[a-z]\b[\s,.-]*){3,}$", re.IGNORECASE)
_NO_NAME_WORDS = """
what why who when how the a an not no know don't can't want need like would could is are was do does did you your
and or but if that this it of in on at to from with have has had sorry pardon table room reservation book booking yes
"""
_NO_NAME = frozenset(_NO_NAME_WORDS.split())


def find(text: str, wanted: Wanted) -> Found | None:
    """A name of up to four words. In passing, only behind the words that announce one."""
    said = text.strip()
    announced = _CALLED.search(said) or (_BEFORE.search(said) if wanted.asked else None)
    if announced is not None:
        said = said[announced.end() :]
    elif not wanted.asked:
        return None
    while (lead := _LEAD.match(said.strip(" ,."))) is not None:
        said = said.strip(" ,.")[lead.end() :]
    said = _TAIL.sub("", said)
    spelled = _SPELLED.search(said)
    if spelled is not None:
        first = _WORD.findall(said[: spelled.start()])
        last = spelling.parse(spelled.group()).capitalize()
        return _found([*_unlike(first, last), last])
    words = _WORD.findall(said)
    if not wanted.asked:  # only what is written like one
        words = _leading(words)
    return _found(words)


def _unlike(words: list[str], last: str) -> list[str]:
    """ "Anna Smyth, S M I T H": what is spelled stands for the word before it, when both begin alike."""
    return words[:-1] if words and words[-1][:1].lower() == last[:1].lower() else words


def _leading(words: list[str]) -> list[str]:
    out = []
    for word in words:
        if not word[:1].isupper():
            break
        out.append(word)
    return out


def _found(words: list[str]) -> Found | None:
    if not 0 < len(words) <= MAX_WORDS or any(word.lower() in _NO_NAME for word in words):
        return None
    name = " ".join(word if word[:1].isupper() else word.capitalize() for word in words)
    return Found(name, name)
