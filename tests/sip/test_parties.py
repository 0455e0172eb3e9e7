# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from sipagent.signalling.errors import UriError
from sipagent.signalling.parties import ANONYMOUS, InviteFacts, from_of, identity_headers, read_invite, uri_of
from sipagent.signalling.trust import Trust


def facts(lines: str, trusted: bool = True) -> InviteFacts:
    return read_invite(f"INVITE sip:600@127.0.0.1;x=1 SIP/2.0\r\n{lines}\r\n\r\n", "trunk", "127.0.0.1:5", trusted)


def test_the_line_and_where_it_came_from() -> None:
    seen = facts("X-A: 1")
    assert (seen.account, seen.source, seen.request_uri, seen.headers.get("x-a")) == (
        "trunk",
        "udp:127.0.0.1:5",
        "sip:600@127.0.0.1;x=1",
        "1",
    )


@pytest.mark.parametrize(
    ("lines", "identity"),
    [
        ('P-Asserted-Identity: "Alice, A" <sip:+4930@x>', "sip:+4930@x"),
        ("P-Asserted-Identity: tel:+4930, <sip:+4930@x;user=phone>", "sip:+4930@x;user=phone"),
        ("P-Asserted-Identity: <tel:+4930>", "tel:+4930"),
        ("P-Asserted-Identity: sip:a@x;p=1", "sip:a@x"),
        ("From: <sip:liar@x>", ""),
    ],
)
def test_identity_is_taken_from_trusted_peers_only(lines: str, identity: str) -> None:
    assert facts(lines).identity == identity
    assert facts(lines, trusted=False).identity == ""


def test_privacy() -> None:
    assert facts("Privacy: id;header, Critical;nonsense").privacy == {"id", "header", "critical"}


def test_diversion_before_history() -> None:
    history = "History-Info: <sip:3@x>;index=1.1.1\r\nHistory-Info: <sip:1@x>;index=1, <sip:2@x?Reason=SIP>;index=1.1"
    assert facts(history).diversion == ("sip:2@x?Reason=SIP", "sip:1@x")
    assert facts("Diversion: <sip:9@x>;reason=no-answer\r\nDiversion: <sip:8@x>\r\n" + history).diversion == (
        "sip:9@x",
        "sip:8@x",
    )
    assert facts("History-Info: <sip:1@x>;index=1").diversion == ()
    assert facts("History-Info: , ;index=99999999999999.x").diversion == ()


@pytest.mark.parametrize(
    ("caller", "wanted"),
    [
        ("", ""),
        ("+4930123", "<sip:+4930123@pbx.test>"),
        ("sip:7@other.test:5070", "<sip:7@other.test:5070>"),
        ('"Front Desk" <sip:7@other.test>', '"Front Desk" <sip:7@other.test>'),
        ("Desk <7>", '"Desk" <sip:7@pbx.test>'),
    ],
)
def test_callers(caller: str, wanted: str) -> None:
    assert from_of(caller, "<sip:sipagent@pbx.test>") == wanted


@pytest.mark.parametrize("caller", ["a b", 'x" <sip:1@x>', "<sip:1@x>\r\nVia: y", "sip:", "\\ <1>"])
def test_callers_that_are_none(caller: str) -> None:
    with pytest.raises(UriError):
        from_of(caller, "<sip:sipagent@pbx.test>")


def test_who_withholds_the_number_is_named_to_trusted_peers_only() -> None:
    me = "<sip:7@pbx.test>"
    assert identity_headers(me, (), trusted=False) == (me, ())
    assert identity_headers(me, ("id",), trusted=False) == (ANONYMOUS, (("Privacy", "id"),))
    assert identity_headers(me, ("ID",), trusted=True) == (ANONYMOUS, (("P-Asserted-Identity", me), ("Privacy", "id")))
    assert identity_headers(me, ("none",), trusted=True) == (me, (("P-Asserted-Identity", me),))
    with pytest.raises(UriError):
        identity_headers(me, ("secret",), trusted=False)


@pytest.mark.parametrize(("said", "taken"), [("69", 69), ("0", 0), ("255", 70), ("9" * 5000, 70), ("-1", 70), ("", 70)])
def test_hops(said: str, taken: int) -> None:
    message = f"INVITE sip:1@a SIP/2.0\r\nMax-Forwards: {said}\r\n\r\n"
    assert read_invite(message, "", "127.0.0.1:5060", trusted=False).max_forwards == taken


def test_uri_of() -> None:
    assert uri_of('"<sip:evil@x>" <sip:1@x>;tag=2') == "sip:1@x"


def test_trust_is_by_address() -> None:
    trust = Trust(["192.0.2.0/24", "2001:db8::/32"])
    assert trust.address("192.0.2.9:5060")
    assert trust.address("[2001:db8::1]:5060")
    assert not trust.address("198.51.100.1:5060")
    assert not trust.host("pbx.test")
    assert not Trust([]).host("127.0.0.1")
