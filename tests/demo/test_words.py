# SPDX-License-Identifier: GPL-3.0-or-later
"""Word error rate, against a library that many trust."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.demo.words import normal_words, word_error_rate

texts = st.lists(st.sampled_from(["open", "door", "at", "nine", "please", "the"]), min_size=1, max_size=12).map(" ".join)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_equals_jiwer(pairs: list[tuple[str, str]]) -> None:
    assert word_error_rate(pairs) == pytest.approx(jiwer.wer([r for r, _ in pairs], [h for _, h in pairs]))


@pytest.mark.parametrize(
    ("reference", "heard"),
    [
        ("What time is it?", "what time is it"),
        ("What is the time", "What's the time?"),
        ("at nine thirty", "At 9:30."),
        ("room twenty one", "Room 21"),
        ("we open at nine am", "We open at 9am."),
        ("Good-bye", "goodbye"),
        ("code zero seven", "Code 07"),
        ("I don\u2019t know", "I do not know"),
    ],
)
def test_spelling_is_no_error(reference: str, heard: str) -> None:
    assert word_error_rate([(reference, heard)]) == 0


@pytest.mark.parametrize(("heard", "wrong"), [("", 4), ("what time", 2), ("what time is it now", 1), ("what dime is it", 1)])
def test_errors_count(heard: str, wrong: int) -> None:
    assert word_error_rate([("What time is it?", heard)]) == wrong / 4


def test_hearing_words_in_silence_is_wrong() -> None:
    assert word_error_rate([("", "thank you")]) == 1
    assert word_error_rate([]) == 0


def test_normal_words() -> None:
    assert normal_words("It's 15 past, the caller's e-mail.") == ["it", "is", "fifteen", "past", "the", "callers", "e", "mail"]
