# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens in, clauses out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.dialogue.think import MAX_CHARS, Clauses, pause_after_ms


def clauses(tokens: list[str]) -> list[str]:
    splitter = Clauses()
    out = [c for token in tokens for c in splitter.push(token)]
    return out + splitter.rest()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Hello there.", ["Hello there."]),
        ("Of course. What is it?", ["Of course.", "What is it?"]),
        ("Our desk is open every day, from seven until eleven.", ["Our desk is open every day,", "from seven until eleven."]),
        ("Yes, we do. It is free.", ["Yes, we do.", "It is free."]),
        ("It costs 3.50 dollars, or 4.", ["It costs 3.50 dollars,", "or 4."]),
        ("Ask Dr. Smith. He knows.", ["Ask Dr. Smith.", "He knows."]),
        ("Come at 9 a.m. today.", ["Come at 9 a.m. today."]),
        ('He said "go!" Then he left.', ['He said "go!"', "Then he left."]),
        ("  ...  ", []),
        ("", []),
    ],
)
def test_where_clauses_end(text: str, want: list[str]) -> None:
    assert clauses([text]) == want
    assert clauses(list(text)) == want


@given(st.lists(st.text(alphabet="ab ,.!?;:\n'", max_size=30), max_size=30))
def test_no_word_is_lost_or_moved(tokens: list[str]) -> None:
    letters = [c for c in "".join(tokens) if c.isalnum()]
    out = clauses(tokens)
    assert [c for clause in out for c in clause if c.isalnum()] == letters
    assert all(any(c.isalnum() for c in clause) for clause in out)


@given(st.text(alphabet="ab ", min_size=1000, max_size=2000))
def test_a_text_without_marks_is_cut_between_words(text: str) -> None:
    for clause in clauses([text]):
        assert len(clause) <= MAX_CHARS or " " not in clause
    if "a" * MAX_CHARS not in text and "b" * MAX_CHARS not in text:
        assert " ".join(clauses([text])).split() == text.split() or any(len(w) >= MAX_CHARS for w in text.split())


def test_the_voice_rests_longer_behind_a_sentence() -> None:
    assert pause_after_ms("Yes.") > pause_after_ms("Yes,") > pause_after_ms("Yes") > 0


LONG = "The restaurant is open every single day of the week and it serves warm dishes until late, except on Mondays. Come in."


def test_a_long_first_clause_is_cut_where_a_speaker_may_breathe() -> None:
    want = ["The restaurant is open every single day of the week", "and it serves warm dishes until late,"]
    assert clauses([LONG]) == [*want, "except on Mondays.", "Come in."]
    for size in range(1, 40):
        assert clauses([LONG[at : at + size] for at in range(0, len(LONG), size)]) == clauses([LONG]), size
    short = "We open at nine and close at five every day."
    assert clauses([short]) == [short]
    assert clauses([f"So. {LONG}"])[1].endswith("until late,"), "only the first is waited for"
