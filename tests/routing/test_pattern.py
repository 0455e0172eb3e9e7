# SPDX-License-Identifier: GPL-3.0-or-later
"""Dial patterns: against a plain reading of the same rules as a regular expression."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.routing.pattern import MAX_LENGTH, Pattern, PatternError

SETS = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
PLACES = st.sampled_from(["X", "Z", "N", "[1-5]", "[a-c7]", "+", "0", "7", "a", "-", "*", "#"])
NUMBERS = st.text("0123456789+*#abc-XZN[]", max_size=10)


def as_regex(places: list[str], end: str) -> str:
    body = "".join(SETS.get(p, p if p.startswith("[") else re.escape(p)) for p in places)
    return body + {"": "", ".": ".+", "!": ".*"}[end]


@given(st.lists(PLACES, min_size=1, max_size=8), st.sampled_from(["", ".", "!"]), NUMBERS)
def test_as_its_regular_expression(places: list[str], end: str, value: str) -> None:
    expected = re.fullmatch(as_regex(places, end), value, re.DOTALL) is not None
    assert Pattern("_" + "".join(places) + end).matches(value) == expected


@given(st.lists(PLACES, min_size=1, max_size=8), st.data())
def test_what_was_made_to_fit_fits(places: list[str], data: st.DataObject) -> None:
    value = data.draw(st.from_regex(as_regex(places, ""), fullmatch=True, alphabet=st.characters(max_codepoint=127)))
    assert Pattern("_" + "".join(places)).matches(value)


@given(st.text("0123456789+*#abcXZN.!", min_size=1, max_size=20))
def test_exact_text_is_itself_and_nothing_else(text: str) -> None:
    assert Pattern(text).matches(text)
    assert not Pattern(text).matches(text + "0")
    assert not Pattern(text).matches("")


@given(st.text(min_size=1, max_size=100), st.text(max_size=100))
def test_any_text_is_a_pattern_or_a_clear_error(text: str, value: str) -> None:
    with contextlib.suppress(PatternError):
        Pattern(text).matches(value)


@pytest.mark.parametrize(
    ("text", "fits", "fits_not"),
    [
        ("_9XXX.", ["90001", "9000123"], ["9000", "80001", "9000"]),
        ("_+49.", ["+4930"], ["+49", "4930"]),
        ("_0!", ["0", "0123"], ["1"]),
        ("_[1-35]X", ["10", "59"], ["40", "60", "1"]),
        ("_[-+]1", ["-1", "+1"], ["01"]),
        ("_NXX", ["200"], ["100"]),
        ("_[X]1", ["X1"], ["11"]),
        ("sales", ["sales"], ["Sales", "sales1"]),
    ],
)
def test_rows(text: str, fits: list[str], fits_not: list[str]) -> None:
    assert [v for v in fits if not Pattern(text).matches(v)] == []
    assert [v for v in fits_not if Pattern(text).matches(v)] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "leave the key out"),
        ("_", "'_!' for anything"),
        ("_9.1", "ends a pattern"),
        ("_[12", "without ']'"),
        ("_12]", "without '['"),
        ("_[]", "matches nothing"),
        ("_[5-1]", "write [1-5]"),
        ("_" + "X" * MAX_LENGTH, "at most 80"),
    ],
)
def test_errors_say_what_to_write(text: str, words: str) -> None:
    with pytest.raises(PatternError, match=re.escape(words)):
        Pattern(text)
