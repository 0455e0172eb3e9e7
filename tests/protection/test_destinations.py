# SPDX-License-Identifier: GPL-3.0-or-later
"""Toll fraud: whatever way a number is written, the same rule decides. RFC 3966 section 5.1.1, RFC 3261 section 19.1."""

from __future__ import annotations

import pytest

from sipagent.protection.destinations import Destination, DestinationError, NotAllowed, Policy, destination

PREMIUM = "+4990012345"
WRITTEN = [
    "sip:+4990012345@gw.example.com",
    "sip:004990012345@gw.example.com",
    "sip:0114990012345@gw.example.com",
    "sips:+49-900-12345@GW.example.com.:5061;transport=tls",
    "sip:+49.900(123)45@gw.example.com;user=phone",
    "sip:%2B49%39%30012345@gw.example.com",
    "sip:%252B4990012345@gw.example.com",
    "sip:+4990012345;isub=1;phone-context=x@gw.example.com?Replaces=a",
    "sip:+4990012345:secret@gw.example.com",
    '"Free call" <sip:+49 900 12345@gw.example.com>',
    "sip:+٤٩٩٠٠١٢٣٤٥@gw.example.com",
    "sip:\uff0b4990012345@gw.example.com",
]


@pytest.mark.parametrize("uri", WRITTEN)
def test_one_number_in_all_its_forms(uri: str) -> None:
    assert destination(uri) == Destination(PREMIUM, "gw.example.com")
    Policy(["+49900*"]).check(uri)
    for policy in (Policy([]), Policy(["+4989*"]), Policy(["*"], deny=["+49900*"]), Policy(["*"], deny=["0049900*"])):
        with pytest.raises(NotAllowed):
            policy.check(uri)


@pytest.mark.parametrize("uri", ["tel:+49-900-12345", "TEL:004990012345;ext=1", "tel:%2B4990012345"])
def test_tel(uri: str) -> None:
    assert destination(uri) == Destination(PREMIUM, "")
    Policy(["+49900*"]).check(uri)
    with pytest.raises(NotAllowed):
        Policy(["+49900*@gw.example.com"]).check(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "600",
        "http://600@gw",
        "sip:600@a@b",
        "sip:600@",
        "sip:600@127.1",
        "sip:600@2130706433",
        "sip:600@0x7f.0.0.1",
        "sip:600@[::1",
        "sip:600@[x]",
        "sip:600@host:port",
        "sip:600\r\n@host",
        "sip:60%000@host",
        "sip:6\u200b00@host",
        "sip:++4990012345@gw",
        "sip:+49,90012345@gw",
        "sip:+004990012345@gw",
        "sip:0000490012345@gw",
        "sip:%25252525256@host",
        "sip:%ff@host",
        "sip:" + "6" * 300 + "@host",
    ],
)
def test_what_two_could_read_differently_is_never_called(uri: str) -> None:
    with pytest.raises(DestinationError):
        Policy(["*"]).check(uri)


@pytest.mark.parametrize(
    ("pattern", "uri", "allowed"),
    [
        ("600", "sip:600@a", True),
        ("600", "sip:6000@a", False),
        ("6*", "sip:6000@a", True),
        ("*", "sip:anybody@a", True),
        ("Alice", "sip:ALICE@a", True),
        ("600@pbx.example.com", "sip:600@pbx.example.com:5070", True),
        ("600@pbx.example.com", "sip:600@pbx.example.com.evil.org", False),
        ("*@*.example.com", "sip:1@a.example.com", True),
        ("*@*.example.com", "sip:1@example.com.evil.org", False),
        ("*@*.example.com", "sip:1@evilexample.com", False),
        ("*@192.0.2.1", "sip:1@192.0.2.1", True),
        ("*@192.0.2.1", "sip:192.0.2.1@evil.org", False),
        ("@192.0.2.1", "sip:192.0.2.1", True),
        ("*@[2001:db8::1]", "sip:1@[2001:DB8:0::1]:5060", True),
        ("+49*", "sip:49891@a", False),
        ("+*", "sip:0049891@a", True),
        ("00*", "sip:+49891@a", True),
    ],
)
def test_patterns(pattern: str, uri: str, allowed: bool) -> None:
    policy = Policy([pattern])
    if allowed:
        policy.check(uri)
    else:
        with pytest.raises(NotAllowed):
            policy.check(uri)


@pytest.mark.parametrize("pattern", ["", "6\n", "600@", "*@[x]"])
def test_bad_patterns_are_named(pattern: str) -> None:
    with pytest.raises(DestinationError):
        Policy([pattern])


def test_nothing_is_allowed_unless_something_is() -> None:
    with pytest.raises(NotAllowed, match=r"protection\.allow"):
        Policy([]).check("sip:600@127.0.0.1")
