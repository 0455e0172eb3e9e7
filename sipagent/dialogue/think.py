# SPDX-License-Identifier: GPL-3.0-or-later
"""A brain's tokens become clauses that can be spoken one at a time: the first one short, so that speech starts early."""

from __future__ import annotations

import re

MIN_FIRST_WORDS = 2  # words of a first clause that ends at a comma
MIN_WORDS = 6  # words of a later one; shorter ones sound chopped
LONG_FIRST_CHARS = 70  # a first clause that is longer is cut before a joint: 4 s of speech keep a slow voice busy for 0.4 s
MIN_JOINT_WORDS = 4  # words before it
MAX_CHARS = 220  # without any punctuation, cut between words

_END = re.compile(r'[.!?]["\')]*(?=\s)|\n')
_BREAK = re.compile(r"[,;:](?=\s)")
_JOINT = re.compile(r"\s(?=(?:and|but|because|which|while|unless|until|although|whether)\s)", re.IGNORECASE)
_ABBREVIATION = re.compile(r"(?:\b(?:mr|mrs|ms|dr|st|no|vs|etc|e\.g|i\.e|a\.m|p\.m)|\b[a-z])\.$", re.IGNORECASE)


class Clauses:
    """Push tokens, get clauses; `rest` gives what is left at the end."""

    def __init__(self) -> None:
        self._held = ""
        self._first = True

    def push(self, token: str) -> list[str]:
        """Clauses that are whole now. A mark counts once something follows it, so "3.5" is not cut."""
        self._held += token
        out: list[str] = []
        while (cut := self._cut()) is not None:
            clause, self._held = self._held[:cut].strip(), self._held[cut:]
            if any(c.isalnum() for c in clause):
                out.append(clause)
                self._first = False
        return out

    def rest(self) -> list[str]:
        """The last clause, if there is one."""
        clause, self._held, self._first = self._held.strip(), "", True
        return [clause] if any(c.isalnum() for c in clause) else []

    def _cut(self) -> int | None:
        cut = self._mark()
        if self._first and len(self._held) > LONG_FIRST_CHARS and (cut is None or cut > LONG_FIRST_CHARS):
            joints = (m.start() for m in _JOINT.finditer(self._held, 0, LONG_FIRST_CHARS))
            cut = max((at for at in joints if len(self._held[:at].split()) >= MIN_JOINT_WORDS), default=cut)
        if cut is None and len(self._held) > MAX_CHARS:
            return self._held.rfind(" ", 1, MAX_CHARS) if " " in self._held[1:MAX_CHARS] else MAX_CHARS
        return cut

    def _mark(self) -> int | None:
        """Behind the first punctuation that a clause may end with."""
        ends = (m.end() for m in _END.finditer(self._held) if not _ABBREVIATION.search(self._held[: m.end()]))
        end = next(ends, None)
        enough = MIN_FIRST_WORDS if self._first else MIN_WORDS
        for m in _BREAK.finditer(self._held):
            if end is not None and m.end() >= end:
                break
            if len(self._held[: m.end()].split()) >= enough:
                return m.end()
        return end


def split(text: str) -> list[str]:
    """All clauses of a whole answer."""
    clauses = Clauses()
    return clauses.push(text) + clauses.rest()


def pause_after_ms(clause: str) -> int:
    """How long a voice rests behind a clause."""
    last = clause.rstrip("\"')")[-1:]
    return 250 if last in ".!?" else 130 if last in ",;:" else 60
