# SPDX-License-Identifier: GPL-3.0-or-later
"""One number, whatever way it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.routing.number import number_of, plain
from sipagent.routing.template import TemplateError, check, fill
from sipagent.signalling.uri import parse_uri


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:600@192.0.2.1", "600"),
        ('"A <b>" <sip:alice@example.com;transport=tcp>;tag=1', "alice"),
        ("<sip:+49-30.12(34)@x>", "+49301234"),
        ("sip:%2B4930@x", "+4930"),
        ("sip:+4930;phone-context=x;ext=5@x;user=phone", "+4930"),
        ("tel:+49-30-1234;ext=5", "+49301234"),
        ("TEL:112", "112"),
        ("sips:j.doe@x", "j.doe"),
        ("sip:a:secret@x", "a"),
        ("sip:x.example", ""),
        ("sip:*43#@x", "*43#"),
        ("sip:bad1@x", "bad1"),
        ("sip:6%1b%5b2J%0b%c2%85@x", "6 [2J"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_rows(uri: str, number: str) -> None:
    assert number_of(uri) == number


@given(st.text(max_size=60))
def test_never_fails_and_needs_no_second_turn(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    number_of(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=15), st.integers(0, 5))
def test_what_a_caller_dials_stays_a_user_part(called: str, skip: int) -> None:
    uri = parse_uri(fill(f"sip:9{{called:{skip}}}@192.0.2.7:5070", called, "", uri=True))
    assert (uri.host, uri.port, uri.params) == ("192.0.2.7", 5070, "")
    assert number_of(str(uri)) == plain("9" + called[skip:]).partition(";")[0] or not called.isdigit()


def test_fields() -> None:
    assert fill("{calling}-{called:2}", "0049", "7", uri=False) == "7-49"
    for text in ("{caled}", "{called:}", "{called", "called}", "{called:-1}"):
        with pytest.raises(TemplateError):
            check(text)
