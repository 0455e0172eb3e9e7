# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the things it knows a caller is asking for: fuzzy matching of distinctive words, made for text with hearing errors.

Each intent has some ways to say it. A word counts by how rarely it occurs over all intents, so "time" weighs little where many
ask for a time and "parking" decides alone. Words match when they are spelled nearly alike, which "barking" and "parking" are.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from rapidfuzz import fuzz

NEAR = 80.0  # rapidfuzz ratio from which two words count as the same
SAME_LENGTH_NEAR = 75.0  # "part" and "park"; words of up to three letters must be equal
PHRASE_WEIGHT = 0.7  # of how much of the phrase was said, against how much of what was said the phrase explains
UNKNOWN_WORD = 0.35  # weight of a word no intent knows, in units of a word that one intent knows
ENOUGH = 0.62
SURE = 0.8  # understood so well that the request may be whole, whatever punctuation was heard

_STOP_WORDS = """
a an the i i'm i'd i'll me my you your you're we our it it's its is are was were am be been do does did have has had can could
would will shall should may might must to of on at for from with and or but so that this these those there here please just
um uh er hello hi hey well okay ok what what's which how tell know like want need get give any some if about say ask let us
want wondering wanted thanks then now also actually really maybe question quick one
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_JOINED = (("check in", "checkin"), ("check out", "checkout"), ("wi fi", "wifi"), ("car park", "parking"))


# How a small recogniser writes the last word of many calls.
_GOODBYE = re.compile(r"\b(?:good|the|to|de|could)[ ]?(?:bye|by|bay)$|\bdebay$")


def words(text: str) -> list[str]:
    """Lower-case words, hyphens opened, some pairs joined."""
    flat = " ".join(re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower().replace("\u2019", "'")))
    flat = _GOODBYE.sub("goodbye", flat)
    for pair, joined in _JOINED:
        flat = re.sub(rf"\b{pair}\b", joined, flat)
    return flat.split()


class Matcher:
    """Intents by name, each with phrases."""

    def __init__(self, intents: Mapping[str, Sequence[str]]) -> None:
        self._phrases: list[tuple[str, frozenset[str], str]] = []  # intent, words that carry meaning, the last of them
        seen: Counter[str] = Counter()
        for name, phrases in intents.items():
            of_intent = set[str]()
            for phrase in phrases:
                content = _content(phrase)
                self._phrases.append((name, frozenset(content), content[-1] if content else ""))
                of_intent |= {_stem(word) for word in content}
            seen.update(of_intent)
        self._top = math.log(1 + len(intents))
        self._weight = {word: math.log(1 + len(intents) / n) for word, n in seen.items()}
        self._newest: tuple[str, tuple[str, float, bool]] = ("", ("", 0.0, False))

    def best(self, text: str) -> tuple[str, float]:
        """The likeliest intent and its score, 0..1. A score under ENOUGH is a guess."""
        return self._best(text)[:2]

    def whole(self, text: str) -> bool:
        """A request that is surely understood and was said to the end of a way to say it: "enter your password" is understood
        and may go on, where callers are known to say "enter your password followed by the pound key"."""
        _, score, ended = self._best(text)
        return score >= SURE and ended

    def _best(self, text: str) -> tuple[str, float, bool]:
        if text == self._newest[0]:  # judged in the pause, guessed, answered: three times the same words
            return self._newest[1]
        content = _content(text)
        said, known = set(content), [w for w in content if _stem(w) in self._weight]
        best = ("", 0.0, False)
        for name, phrase, last in self._phrases:
            score = self._score(phrase, said)
            ended = bool(known) and _alike(known[-1], last) > 0
            if score > best[1]:
                best = (name, score, ended)
            elif score == best[1] and name == best[0]:
                best = (name, score, ended or best[2])
        self._newest = (text, best)
        return best

    def match(self, text: str) -> str | None:
        """The intent, if one is likely enough."""
        name, score = self.best(text)
        return name if score >= ENOUGH else None

    def _score(self, phrase: frozenset[str], said: set[str]) -> float:
        if not phrase or not said:
            return 0.0
        like = {w: max((_alike(w, s), s) for s in said) for w in phrase}
        total = sum(self._weight[_stem(w)] for w in phrase)
        covered = sum(self._weight[_stem(w)] * score for w, (score, _) in like.items()) / total
        explained = {s for score, s in like.values() if score > 0}
        heavy = sum(self._weight.get(_stem(s), UNKNOWN_WORD * self._top) for s in said - explained)
        known = sum(self._weight.get(_stem(s), self._top) for s in explained)
        clear = known / (known + heavy) if known else 0.0
        return PHRASE_WEIGHT * covered + (1 - PHRASE_WEIGHT) * clear


def _content(text: str) -> list[str]:
    """The words that carry meaning; all of them when none does ("what is it")."""
    every = words(text)
    return [w for w in every if w not in STOP_WORDS] or every


@lru_cache(4096)
def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


@lru_cache(65536)
def _alike(a: str, b: str) -> float:
    if _stem(a) == _stem(b):
        return 1.0
    if min(len(a), len(b)) <= 3:
        return float(a == b)
    score = fuzz.ratio(a, b)
    return score / 100 if score >= (SAME_LENGTH_NEAR if len(a) == len(b) else NEAR) else 0.0
