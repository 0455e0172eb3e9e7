# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters and digits as people say them and recognisers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.agents.spelling import ALPHABET, parse, say


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("A B 3 C 7 K", "AB3C7K"),
        ("A, B, 3, C, 7, K.", "AB3C7K"),
        ("AB3C7K.", "AB3C7K"),
        ("A-B-3-C", "AB3C"),
        ("alpha bravo three charlie seven kilo", "AB3C7K"),
        ("Alfa, brovo, tree, Charly, seven, keylo", "AB3C7"),
        ("B as in Bravo, double five, C for Charlie", "B55C"),
        ("bee for bravo, oh", "B0"),
        ("one twenty three", "123"),
        ("K L M four four two", "KLM442"),
        ("Kay el em for for two", "KLM442"),
        ("X-ray, whisky, zed, zee", "XWZZ"),
        ("triple nine sixty fifteen", "9996015"),
        ("you see are", "UCR"),
        ("", ""),
        ("I don't know", "I"),
    ],
)
def test_spelled(text: str, want: str) -> None:
    assert parse(text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("My booking reference is alpha bravo three seven.", "AB37"),
        ("Can you see whether I have a booking for you", ""),
        ("my reference is AB3C7", "AB3C7"),
    ],
)
def test_inside_a_sentence_only_what_is_surely_spelling_counts(text: str, want: str) -> None:
    assert parse(text, lenient=False) == want


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=10))
def test_what_is_said_back_is_understood_as_the_same(reference: str) -> None:
    assert parse(say(reference)) == reference
    assert parse(" ".join(ALPHABET.get(c, c) for c in reference)) == reference
