# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.signalling.errors import UriError
from sipagent.signalling.uri import host_port, parse_uri


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "transport"),
    [
        ("sip:600@192.0.2.1", "600", "192.0.2.1", 0, None),
        ("<sip:600@192.0.2.1:5070>", "600", "192.0.2.1", 5070, None),
        (" SIP:+44123@pbx.example;transport=TCP ", "+44123", "pbx.example", 0, "tcp"),
        ("sip:a@h;lr;transport=tls;x=1", "a", "h", 0, "tls"),
        ("sips:a@h", "a", "h", 0, "tls"),
        ("sip:[2001:db8::1]:5061", "", "2001:db8::1", 5061, None),
        ("sip:x@h;mytransport=tcp", "x", "h", 0, None),
    ],
)
def test_parts(text: str, user: str, host: str, port: int, transport: str | None) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port, uri.transport) == (user, host, port, transport)
    assert parse_uri(str(uri)) == uri


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("600@192.0.2.1", "write sip:600@"),
        ("tel:+44123", "not a SIP URI"),
        ("sip:a@h:70000", "above 65535"),
        ("sip:a@h\r\nVia: x", "not a SIP URI"),
        ("sip:a b@h", "not a SIP URI"),
        ("sip:a@[::1", "not a SIP URI"),
        ("sip:a@[1:2]", "not an IPv6"),
        ("sip:" + "a" * 300 + "@h", "at most 256"),
        ("sip:a@h?Replaces=x", "not a SIP URI"),
        ("sip:a@h;transport=tcp;MAddr=192.0.2.9", "maddr"),
        ("sip:a@h;%6daddr=192.0.2.9", "maddr"),
    ],
)
def test_refused(text: str, words: str) -> None:
    with pytest.raises(UriError, match=words):
        parse_uri(text)


@given(st.text(max_size=300))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        uri = parse_uri(text)
    except UriError:
        return
    assert not any(c in str(uri) for c in "\r\n<> \x00")


def test_host_and_port() -> None:
    assert host_port("::1", 5060) == "[::1]:5060"
    assert host_port("::1", 0) == "[::1]"
