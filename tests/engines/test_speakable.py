# SPDX-License-Identifier: GPL-3.0-or-later
"""A model's thoughts and marks are not spoken, however its text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.engines.speakable import Speakable

ROWS = [
    ("Hello there.", "Hello there."),
    ("<think>He greets me.</think>\n\nHello there.", "Hello there."),
    ("Hello. <think>What now?</think> How are you?", "Hello.  How are you?"),
    ("<think></think>Hello.", "Hello."),
    ("<think>It never ends", ""),
    ("Is 3 < 4? Is 4 <thin?", "Is 3 < 4? Is 4 <thin?"),
    ("a <", "a <"),
    ("It is **very** `good`.", "It is very good."),
    ("</think> Hello.", "</think> Hello."),
    ("", ""),
]


@pytest.mark.parametrize(("text", "want"), ROWS)
def test_rows(text: str, want: str) -> None:
    whole, letters = Speakable(), Speakable()
    assert whole.push(text) + whole.rest() == want
    assert "".join(letters.push(c) for c in text) + letters.rest() == want


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "/", " a", "b", "\n"]), max_size=12), st.data())
def test_cuts_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    whole, cut = Speakable(), Speakable()
    want = whole.push(text) + whole.rest()
    at, out = 0, ""
    while at < len(text):
        n = data.draw(st.integers(1, len(text) - at))
        out, at = out + cut.push(text[at : at + n]), at + n
    assert out + cut.rest() == want


def test_words_are_not_held_back() -> None:
    assert Speakable().push("Hello there") == "Hello there"
