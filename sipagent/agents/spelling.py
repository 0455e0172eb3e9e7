# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters and digits as people say them: "bee", "B for Bravo", "double five", "oh", spelling alphabet (ICAO), and back."""

from __future__ import annotations

import re

from rapidfuzz import fuzz, process

_ICAO = """
Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliet Kilo Lima Mike
November Oscar Papa Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu
"""
_NUMBERS = "zero one two three four five six seven eight nine"
ALPHABET = {word[0]: word for word in _ICAO.split()}
DIGITS = dict(zip("0123456789", _NUMBERS.split(), strict=True))

_CODE_WORDS = {word.lower().replace("-", ""): letter for letter, word in ALPHABET.items()}
_CODE_WORDS |= {"alfa": "A", "juliett": "J", "whisky": "W", "oskar": "O", "xray": "X", "ex-ray": "X"}
_SPOKEN = {word: digit for digit, word in DIGITS.items()}
_SPOKEN |= {"oh": "0", "nought": "0", "won": "1", "too": "2", "tree": "3", "fore": "4", "fife": "5", "ate": "8", "niner": "9"}
# Names of letters as they are written down when they are heard as words.
_LETTER_NAMES = {
    **{"bee": "B", "be": "B", "see": "C", "sea": "C", "dee": "D", "gee": "G", "jay": "J", "kay": "K", "okay": "K"},
    **{"el": "L", "ell": "L", "em": "M", "en": "N", "pee": "P", "pea": "P", "queue": "Q", "cue": "Q", "are": "R", "ar": "R"},
    **{"ess": "S", "tea": "T", "tee": "T", "you": "U", "vee": "V", "ex": "X", "why": "Y", "zed": "Z", "zee": "Z", "eye": "I"},
    **{"eff": "F", "ef": "F", "aitch": "H", "haitch": "H", "ay": "A", "eh": "A"},
}
_TENS = {"twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8", "ninety": "9"}
_TEENS = {"ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15"}
_TEENS |= {"sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19"}
_REPEAT = {"double": 2, "triple": 3, "treble": 3}
_INTRODUCES = {"as", "for", "like", "in"}  # "B as in Bravo", "B for Bravo": the letter was said already
_CODE_WORD_SCORE = 75.0
_NO_LETTERS = frozenset({"hm", "hmm", "mm", "mmm", "mhm", "shh", "pst", "mr", "mrs", "dr"})


def parse(text: str, *, lenient: bool = True) -> str:
    """The letters and digits in what was heard, upper case. Lenient: words that sound like a letter's name ("see") count, as
    when nothing but a spelling is expected. Otherwise only single letters, digits, code words and groups with a digit do."""
    words = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower().replace("-", " ").replace("x ray", "xray"))
    out: list[str] = []
    repeat = 1
    i = 0
    while i < len(words):
        word = words[i]
        if word in _REPEAT and i + 1 < len(words):
            repeat = _REPEAT[word]
        elif (skip := _explains(words[i:], out)) > 0:
            i += skip
        else:
            follows = words[i + 1] if i + 1 < len(words) else ""
            if word in _TENS and follows in _SPOKEN and follows != "zero":
                said = _TENS[word] + _SPOKEN[follows]
                i += 1
            else:
                said = _one(word, lenient)
            out += list(said * repeat)
            repeat = 1
        i += 1
    return "".join(out)


def _explains(words: list[str], out: list[str]) -> int:
    """How many words follow in "for Bravo", "as in Bravo" when that explains the letter that was just said; else 0."""
    if not out or words[0] not in _INTRODUCES:
        return 0
    n = 2 if words[:2] == ["as", "in"] else 1
    return n if len(words) > n and words[n][0].upper() == out[-1] else 0


def _one(word: str, lenient: bool) -> str:
    if word.isdigit() or (len(word) == 1 and (lenient or word not in "ai")):
        return word.upper()
    if any(c.isdigit() for c in word):
        return word.upper()
    for table in (_SPOKEN, _CODE_WORDS, _TEENS):
        if word in table:
            return table[word]
    if word in _TENS:
        return _TENS[word] + "0"
    if not lenient:
        return ""
    if word in _LETTER_NAMES:
        return _LETTER_NAMES[word]
    if word in ("to", "for", "double"):
        return {"to": "2", "for": "4", "double": ""}[word]
    near = process.extractOne(word, _CODE_WORDS.keys(), scorer=fuzz.ratio, score_cutoff=_CODE_WORD_SCORE)
    if near is not None and len(word) > 3:
        return _CODE_WORDS[near[0]]
    return word.upper() if 2 <= len(word) <= 8 and word not in _NO_LETTERS and not re.search("[aeiouy]", word) else ""


def say(reference: str) -> str:
    """For the voice: "A for Alpha, B for Bravo, three"."""
    return ", ".join(DIGITS[c] if c.isdigit() else f"{c} for {ALPHABET[c]}" for c in reference.upper() if c.isalnum())
