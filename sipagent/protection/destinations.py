# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom we may call: one question for the API, REFER, redirection and routes alike. What no pattern allows is denied.

A pattern is "[number][@host]": the number "+49*", "00*", "600" or "*" (any user), the host a name, an address,
"*.example.com" or "*". Numbers are compared in one form: 0049 89 1, +49-89-1, 011 49 89 1 and %2B49891 are the same one. A deny
pattern wins over every allow pattern."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

MAX_URI = 256

_SEPARATORS = re.compile(r"[-.() \t]")  # RFC 3966 section 5.1.1, visual-separator
_NUMBER = re.compile(r"\+?[0-9A-Da-d*#]+")
_TWO_WAYS = re.compile(r"(?=[^0-9]*[0-9])[0-9*#+,/]+")  # no number, and somebody may make one of it
_PATTERN_NUMBER = re.compile(r"\+?[0-9*#]*|\*")


class DestinationError(ValueError):
    """A URI or a pattern that can't be read; nothing of the sort is ever called."""


class NotAllowed(ValueError):
    """The policy does not allow this destination."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom a URI calls. `user`: a number in its one form ("+4989...", "600"), else the name in lower case; `host` in lower
    case, an address in its usual form, "" for a tel: URI."""

    user: str
    host: str


@dataclass(frozen=True, slots=True)
class Dialling:
    """How numbers are written here: `international` prefixes stand for the +, and `national` for `country` ("" = not known)."""

    international: Sequence[str] = ("00", "011")
    national: str = "0"
    country: str = ""


HERE = Dialling()


def destination(uri: str, dialling: Dialling = HERE) -> Destination:
    """Reads a sip:, sips: or tel: URI, with or without brackets and a display name. DestinationError for anything that two
    readers could take for two numbers."""
    if len(uri) > MAX_URI or not uri.isprintable():
        raise DestinationError("a destination is at most 256 printable characters")
    bare = uri.strip()
    if bare.endswith(">") and "<" in bare:
        bare = bare[bare.rindex("<") + 1 : -1]
    scheme, colon, rest = bare.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips", "tel"):
        raise DestinationError(f"{bare!r} is no sip:, sips: or tel: URI")
    if scheme.lower() == "tel":
        user, host = rest, ""
    else:
        if rest.count("@") > 1:
            raise DestinationError(f"{bare!r} has two @")
        user, at, behind = rest.rpartition("@")
        user = user.partition(":")[0]  # no password
        host = _host(behind if at else rest)
    return Destination(_user(user, dialling), host)


def _user(text: str, dialling: Dialling) -> str:
    """A number in its one form, or a name."""
    plain = text
    try:
        for _ in range(3):  # %252B is no way round
            plain = unquote(plain, errors="strict")
    except UnicodeDecodeError:
        plain = "%"
    if "%" in plain or not plain.isprintable() or any(unicodedata.category(c) == "Cf" for c in plain):
        raise DestinationError(f"user part {text!r} can't be read")
    plain = unicodedata.normalize("NFKC", plain)  # digits of other scripts are digits to somebody
    plain, _, parameters = plain.partition(";")
    number = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in _SEPARATORS.sub("", plain))
    if _NUMBER.fullmatch(number) is None:
        if _TWO_WAYS.fullmatch(number):
            raise DestinationError(f"user part {text!r} can be read as two numbers")
        return plain.strip().casefold()
    number = number.upper()
    number = _international(number, dialling)
    if any(_leads_elsewhere(row, number) for row in parameters.split(";")):
        raise DestinationError(f"user part {text!r} can be read as two numbers")
    if re.match(r"\+0.{6}", number):  # no country's code begins with 0 (E.164): somebody will leave it out
        raise DestinationError(f"user part {text!r} can be read as two numbers")
    return number


def _international(number: str, dialling: Dialling) -> str:
    for prefix in sorted(dialling.international, key=len, reverse=True):
        if number.startswith(prefix):
            return "+" + number[len(prefix) :].lstrip("+")
    if dialling.country and dialling.national and number.startswith(dialling.national):
        return dialling.country + number[len(dialling.national) :]
    return number


def _leads_elsewhere(parameter: str, number: str) -> bool:
    """A parameter of a number that makes some gateways dial another one: what a local number is local to (RFC 3966 section
    5.1.5), where it was ported to (RFC 4694 section 5.1), by which trunks it goes (RFC 4904 section 5)."""
    name = parameter.partition("=")[0].strip().casefold()
    return name in ("rn", "cic", "tgrp", "trunk-context") or (name == "phone-context" and not number.startswith("+"))


def _host(text: str) -> str:
    """Without port, parameters and headers."""
    bare = re.split(r"[;?]", text, maxsplit=1)[0]
    if bare.startswith("["):
        inner, bracket, port = bare[1:].partition("]")
        if not bracket or not re.fullmatch(r"(:[0-9]{1,5})?", port):
            raise DestinationError(f"{text!r} is no host")
        return str(ipaddress.IPv6Address(inner)) if _is_ipv6(inner) else _bad_host(text)
    name, _, port = bare.partition(":")
    if not re.fullmatch(r"[0-9]{0,5}", port) or not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?", name):
        return _bad_host(text)
    name = name.rstrip(".").lower()
    if name.replace(".", "").isdigit() or re.fullmatch(r"[0-9.]*0x[0-9a-f.x]+", name):
        try:  # 127.1, 0x7f.0.0.1 and 2130706433 are addresses to some resolvers
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            return _bad_host(text)
    return name


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _bad_host(text: str) -> str:
    raise DestinationError(f"{text!r} is no host")


class Policy:
    """Allowed and denied patterns. An empty `allow` allows nothing."""

    def __init__(self, allow: Iterable[str], deny: Iterable[str] = (), dialling: Dialling = HERE) -> None:
        """DestinationError names a pattern that can't be read."""
        self._dialling = dialling
        self._allow = [self._pattern(text) for text in allow]
        self._deny = [self._pattern(text) for text in deny]

    def _pattern(self, text: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
        user, at, host = text.rpartition("@") if "@" in text else (text, "", "*")
        if not text or not text.isprintable() or (at and not host):
            raise DestinationError(f'{text!r} is no pattern; write for example "+49*", "600@pbx.example.com" or "*@192.0.2.1"')
        user = user or "*"
        ends_open = user.endswith("*")
        stem = user[:-1] if ends_open else user
        if stem:
            stem = _user(stem, self._dialling) or stem
            if stem == "+" and not ends_open:
                raise DestinationError(f"{text!r} allows the number of nobody")
        return (
            re.compile(re.escape(stem) + (".*" if ends_open else ""), re.DOTALL),
            re.compile(
                ".*"
                if host == "*"
                else re.escape(_host(host))
                if not host.startswith("*.")
                else ".*" + re.escape(host[1:].lower())
            ),
        )

    def check(self, uri: str) -> Destination:
        """The destination, when it may be called. NotAllowed or DestinationError when not."""
        found = destination(uri, self._dialling)
        if any(self._is(found, p) for p in self._deny) or not any(self._is(found, p) for p in self._allow):
            raise NotAllowed(
                f"calls to {found.user}{'@' + found.host if found.host else ''} are not allowed; see protection.allow"
            )
        return found

    @staticmethod
    def _is(found: Destination, pattern: tuple[re.Pattern[str], re.Pattern[str]]) -> bool:
        user, host = pattern
        return user.fullmatch(found.user) is not None and host.fullmatch(found.host) is not None
