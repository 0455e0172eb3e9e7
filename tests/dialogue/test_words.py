# SPDX-License-Identifier: GPL-3.0-or-later
"""Word times: exact where the voice tells them, by letters elsewhere, and never nonsense whatever a voice says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipagent.dialogue.words import word_ends
from sipagent.engines.base import Voiced, WordEnd

TEXT = "one two three four"


def test_what_the_voice_tells_is_taken_as_it_is() -> None:
    known = [WordEnd(3, 5000), WordEnd(7, 5100), WordEnd(13, 7000)]
    assert word_ends(TEXT, known, 8000) == [5000, 5100, 7000, 8000]


def test_a_word_is_over_when_the_voice_says_so_though_the_clause_goes_on() -> None:
    assert word_ends("one two", [WordEnd(3, 500), WordEnd(7, 900)], 5000) == [500, 900]


def test_between_what_is_known_time_is_shared_out_by_letters() -> None:
    assert word_ends(TEXT, [], 1900) == [400, 800, 1400, 1900]
    assert word_ends(TEXT, [WordEnd(7, 80)], 1180) == [40, 80, 680, 1180]


def test_what_can_not_be_is_left_out() -> None:
    nonsense = [WordEnd(-5, 10), WordEnd(3, 0), WordEnd(7, 2500), WordEnd(99, 50)]
    assert word_ends(TEXT, nonsense, 1900) == [400, 800, 1400, 1900]
    assert word_ends("", nonsense, 1900) == []


@given(
    st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=12),
    st.lists(st.builds(WordEnd, st.integers(-5, 120), st.integers(-5, 20_000))),
    st.integers(0, 20_000),
)
def test_times_never_fall_and_end_with_the_clause(words: list[str], known: list[WordEnd], length: int) -> None:
    text = "  ".join(words)
    ends = word_ends(text, known, length)
    assert len(ends) == len(words)
    assert ends == sorted(ends)
    assert ends[0] >= min(1, length)
    assert ends[-1] == length or ends[-1] in [mark.sample for mark in known if mark.chars == len(text)]


def test_a_voiced_piece_is_a_piece_like_any() -> None:
    piece = Voiced(b"\1\2\3\4", [WordEnd(3, 2)])
    assert b"".join([piece, piece]) == b"\1\2\3\4" * 2
    assert piece.words == (WordEnd(3, 2),)
