# SPDX-License-Identifier: GPL-3.0-or-later
"""However a denied number is written, it is never called: thousands of writings of one number, at random with a seed. What is
asked is the policy's reading of the very URI that would be sent."""

from __future__ import annotations

import random
import sys
import unicodedata
from collections import Counter

import pytest

from sipagent.protection.destinations import DestinationError, Dialling, NotAllowed, Policy, destination
from sipagent.signalling.errors import UriError
from sipagent.signalling.uri import parse_uri

N = 4000
DIGITS = [[chr(c) for c in range(sys.maxunicode) if unicodedata.decimal(chr(c), None) == d] for d in range(10)]
SEPARATORS = ("", "", "", "", "-", ".", "(", ")", "%2D", "%28", "%20", "--")
USER_PARAMETERS = ("", "", ";ext=1", ";isub=99", ";postd=pp22", ";npdi", ";phone-context=example.com", ";x=%2B1")
URI_PARAMETERS = ("", ";user=phone", ";transport=udp", ";user=phone;isub=1", "?Subject=x", ";maddr")
HOSTS = ("gw.example.com", "GW.EXAMPLE.COM", "gw.example.com.", "192.0.2.1", "[2001:db8::1]", "gw.example.com:5060")
HERE = Dialling(("00", "011"), "0", "+49")


def digit(d: str, rng: random.Random) -> str:
    match rng.randrange(8):
        case 0:
            return f"%3{d}"
        case 1:
            return f"%253{d}"
        case 2:
            return rng.choice(DIGITS[int(d)])
        case 3:
            return "".join(f"%{byte:02X}" for byte in rng.choice(DIGITS[int(d)]).encode())
    return d


def written(number: str, rng: random.Random) -> str:
    """A URI of "+49...", one that some gateway or phone would dial as it."""
    digits = number.removeprefix("+")
    start, rest = rng.choice(
        [(p, digits) for p in ("+", "%2B", "%252b", "\uff0b", "\ufe62", "00", "011", "0\u06600", "%300")]
        + [("0", digits.removeprefix("49")), ("(0)", digits.removeprefix("49"))]
    )
    if start == "0\u06600":
        start = "\u06600"
    user = start + "".join(rng.choice(SEPARATORS) + digit(d, rng) for d in rest) + rng.choice(USER_PARAMETERS)
    if rng.random() < 0.15:
        text = f"{rng.choice(('tel', 'TEL', 'Tel'))}:{user}"
    else:
        password = rng.choice(("", "", "", ":secret", ":+491"))
        text = f"{rng.choice(('sip', 'SIP', 'sips', 'Sip'))}:{user}{password}@{rng.choice(HOSTS)}{rng.choice(URI_PARAMETERS)}"
    return rng.choice((text, text, f"<{text}>", f'"Free" <{text}>', f" {text} "))


@pytest.mark.parametrize("seed", range(3))
def test_a_denied_number_is_denied_however_it_is_written(seed: int) -> None:
    rng = random.Random(seed)
    denied, allowed = Policy(["*"], ["+49900*"], HERE), Policy(["+49900*"], (), HERE)
    read: Counter[str] = Counter()
    for _ in range(N):
        number = "+49900" + "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 9)))
        uri = written(number, rng)
        for text in (uri, _sent(uri)):
            try:
                assert destination(text, HERE).user == number, text
                allowed.check(text)
                read["read"] += 1
            except DestinationError:
                read["unreadable"] += 1  # never called either
            with pytest.raises((NotAllowed, DestinationError)):
                denied.check(text)
    assert read["read"] > N, read  # the forms above are read, and not just refused


def _sent(uri: str) -> str:
    """What stands in the request line, where the URI can be called at all."""
    try:
        return str(parse_uri(uri))
    except UriError:
        return uri


@pytest.mark.parametrize("number", ["600", "0900", "110", "0049", "+49", "anna", "*69", "12#"])
def test_a_number_without_its_country_is_another_one(number: str) -> None:
    """Nothing is added where no country is given, and no extension becomes a number of the world."""
    assert destination(f"sip:{number}@gw").user == {"0049": "+49"}.get(number, number)


@pytest.mark.parametrize(
    "user",
    [
        "900123;phone-context=+49",
        "900123;phone-context=%2B49",
        "0900;PHONE-CONTEXT=x",
        "+4989123;rn=+49900123;npdi",
        "+4989123;ext=1;RN=+49900123",
        "+4989123;cic=+1234",
        "+4989123;tgrp=premium;trunk-context=example.com",
        "+4989123%3Brn=+49900123",
    ],
)
def test_a_parameter_that_leads_elsewhere_is_never_called(user: str) -> None:
    """RFC 3966 section 5.1.5, RFC 4694 section 5.1, RFC 4904 section 5."""
    for uri in (f"sip:{user}@gw", f"tel:{user}", f"sip:{user}@gw;user=phone"):
        with pytest.raises(DestinationError):
            Policy(["*"]).check(uri)


def test_national_numbers_of_a_country() -> None:
    policy = Policy(["*"], ["+49900*"], HERE)
    for user in ("0900123", "(0)900-123", "%30900123", "00900"):
        if user == "00900":  # international: another country
            policy.check(f"sip:{user}123@gw")
            continue
        with pytest.raises(NotAllowed):
            policy.check(f"sip:{user}@gw")
    Policy(["0900*"], (), HERE).check("sip:+49900123@gw")
