# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.signalling.headers import MAX_FIELDS, HeaderError, Headers, checked, split_list

MESSAGE = (
    "INVITE sip:600@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1\r\nX-Tenant: blue\r\nx-tenant:  green \r\n"
    'Subject: folded\r\n\tline\r\ndiversion: "a, b" <sip:1@x>;reason=unknown, <sip:2@x>\r\nbroken line\r\n\r\nX-Body: no\r\n'
)


def test_names_compare_without_case_and_in_their_compact_form() -> None:
    headers = Headers.parse(MESSAGE)
    assert headers.get("Via") == headers.get("V") == "SIP/2.0/UDP 127.0.0.1"
    assert headers.all("X-TENANT") == ("blue", "green")
    assert headers.get("s") == "folded line"
    assert headers.split("Diversion") == ('"a, b" <sip:1@x>;reason=unknown', "<sip:2@x>")
    assert "x-body" not in headers
    assert (headers.get("none", "otherwise"), "none" in headers, len(headers)) == ("otherwise", False, 5)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_a_field_ends_with_its_line_and_nowhere_else(separator: str) -> None:
    subject = f"Subject: x{separator}P-Asserted-Identity: <sip:ceo@a>"
    headers = Headers.parse(f"INVITE sip:1@a SIP/2.0\r\n{subject}\r\nX-B: 2\r\n\r\n")
    assert headers.get("p-asserted-identity") == ""
    assert headers.get("x-b") == "2"


def test_bounded() -> None:
    many = Headers.parse("OPTIONS sip:x SIP/2.0\r\n" + "A:" + "b" * 5000 + "\r\n" + "".join(f"H{i}: x\r\n" for i in range(900)))
    assert len(many) == MAX_FIELDS
    assert len(many.get("accept-contact")) == 2048


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    for name, value in Headers.parse("INVITE sip:x SIP/2.0\r\n" + text):
        assert name == name.lower()
        assert "\r" not in value
        assert "\n" not in value
    assert all(split_list(text)) or not split_list(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nVia: x"),
        ("X-A", "a\0"),
        ("X-A", "x" * 3000),
        ("X A", "a"),
        ("", "a"),
        ("X:", "a"),
        ("Via", "SIP/2.0/UDP x"),
        ("f", "<sip:x>"),
        ("P-Asserted-Identity", "<sip:x>"),
        ("X-\u00e4", "a"),
    ],
)
def test_what_would_break_the_message_is_not_sent(name: str, value: str) -> None:
    with pytest.raises(HeaderError):
        checked([(name, value)])


def test_what_may_be_sent_is_sent_as_it_is() -> None:
    rows = (("X-Tenant", "blue"), ("Subject", 'a "b"'), ("X-Empty", ""))
    assert checked(rows) == rows
