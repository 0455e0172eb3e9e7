# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is known again: nobody is ever met with what was said to another."""

from __future__ import annotations

from typing import Any

import pytest

from sipagent.store.rows import Key, caller_of, key_of
from sipagent.testing import FakeLeg, fake_call


def key(by_from: bool = False, **facts: Any) -> Key | None:
    call, _ = fake_call(FakeLeg())
    call.direction = "in"
    for name, value in facts.items():
        setattr(call, name, value)
    return key_of(call, "reception", by_from=by_from)


@pytest.mark.parametrize(
    ("uri", "caller"),
    [
        ("sip:+49-30-123@gw1.example;user=phone", "+4930123"),
        ("tel:+4930123", "+4930123"),
        ("sip:%2B4930123@gw2.example:5070", "+4930123"),
        ("sip:101@PBX.example", "101@pbx.example"),
        ("sips:Alice@example.org;transport=tls", "Alice@example.org"),
        ("sip:alice@[2001:db8::1]", "alice@2001:db8::1"),
        ("sip:anonymous@anonymous.invalid", ""),
        ("sip:Anonymous@pbx.example", ""),
        ("sip:pbx.example", ""),
        ("tel:101;phone-context=example.org", ""),
        ("garbage", ""),
        ("", ""),
    ],
)
def test_one_name_for_a_caller_however_it_is_written(uri: str, caller: str) -> None:
    assert caller_of(uri) == caller


def test_the_same_extension_of_two_houses_is_two_callers() -> None:
    assert key(identity="sip:101@pbx1.example") != key(identity="sip:101@pbx2.example")
    assert key(identity="sip:101@pbx.example", account="a") != key(identity="sip:101@pbx.example", account="b")


@pytest.mark.parametrize(
    "facts",
    [
        {"remote_uri": "sip:alice@example.org"},  # anybody writes what he likes into From
        {"remote_uri": "sip:alice@example.org", "account": "trunk"},
        {"identity": "sip:alice@example.org", "privacy": frozenset({"id"})},
        {"identity": "sip:alice@example.org", "privacy": frozenset({"user", "critical"})},
        {"identity": "sip:alice@example.org", "direction": "out"},
    ],
)
def test_nobody_is_known_who_is_not_vouched_for(facts: dict[str, Any]) -> None:
    assert key(**facts) is None


def test_from_counts_by_an_account_alone_and_if_the_configuration_says_so() -> None:
    said = '"Alice" <sip:+4930123@provider.example>;tag=x'
    assert key(by_from=True, remote_uri=said, account="trunk") == Key("trunk", "+4930123", "reception")
    assert key(by_from=True, remote_uri=said) is None
    named = key(by_from=True, remote_uri=said, account="trunk", identity="sip:+4930999@provider.example")
    assert named == Key("trunk", "+4930999", "reception")
