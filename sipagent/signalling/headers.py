# SPDX-License-Identifier: GPL-3.0-or-later
"""Header fields of a SIP message as applications see them, and the checks on those that they send."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from sipagent.signalling.text import readable

MAX_FIELDS = 128
MAX_VALUE = 2048
MAX_HEAD = 16384

# RFC 3261 section 7.3.3 and section 20, RFC 3515, RFC 3891, RFC 3892, RFC 4028: one letter for a name.
_COMPACT: Final = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
_FOLD = re.compile(r"\r?\n[ \t]+")  # RFC 3261 section 7.3.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LINE_END = re.compile(r"\r?\n|\r")
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,64}")  # RFC 3261 section 25.1

# Written by the stack alone: a second one, or another value, would break the dialog or speak for us.
_OURS: Final = frozenset(
    {
        "via",
        "from",
        "to",
        "call-id",
        "cseq",
        "contact",
        "max-forwards",
        "route",
        "record-route",
        "content-length",
        "content-type",
        "content-encoding",
        "content-disposition",
        "authorization",
        "proxy-authorization",
        "www-authenticate",
        "proxy-authenticate",
        "allow",
        "supported",
        "require",
        "proxy-require",
        "session-expires",
        "min-se",
        "rseq",
        "rack",
        "replaces",
        "refer-to",
        "p-asserted-identity",
        "p-preferred-identity",
        "privacy",
    }
)

Pairs = Iterable[tuple[str, str]]


class HeaderError(ValueError):
    """A header field that can't be sent; the text says which and why."""


class Headers:
    """The fields of one message in their order, bounded; names compare without case and in their compact form too."""

    __slots__ = ("_fields", "_names")

    def __init__(self, fields: Pairs = ()) -> None:
        self._fields = tuple([(_full(name), value) for name, value in fields][:MAX_FIELDS])
        self._names = frozenset([name for name, _ in self._fields])

    @classmethod
    def parse(cls, message: str) -> Headers:
        """Of a whole message, first line included. Lines that are no fields are left out."""
        head = _FOLD.sub(" ", message[:MAX_HEAD].replace("\r\n\r\n", "\n\n", 1).split("\n\n", 1)[0])
        # Not splitlines(): to SIP the separators of Unicode are text, and a header made of them would be a stranger's.
        rows = [line.partition(":") for line in _LINE_END.split(head)[1:]]
        return cls([(name.strip(), readable(value, MAX_VALUE)) for name, colon, value in rows if colon and _TOKEN.match(name)])

    def get(self, name: str, default: str = "") -> str:
        """The first value."""
        wanted = _full(name)
        return next((value for field, value in self._fields if field == wanted), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value, a row for each line; see `split` for lists in one line."""
        wanted = _full(name)
        return tuple([value for field, value in self._fields if field == wanted]) if wanted in self._names else ()

    def split(self, name: str) -> tuple[str, ...]:
        """Every value of a field whose lines may hold comma-separated lists (RFC 3261 section 7.3.1)."""
        return tuple(part for value in self.all(name) for part in split_list(value))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _full(name) in self._names

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({list(self._fields)!r})"


def _full(name: str) -> str:
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def split_list(value: str, separator: str = ",") -> list[str]:
    """Splits where the separator stands outside of "quotes" and <angle brackets>."""
    parts, start, quoted, depth, skip = [], 0, False, 0, False
    for i, char in enumerate(value):
        if skip:
            skip = False
        elif quoted:
            skip = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            depth = 1 if char == "<" else 0
        elif char == separator and not depth:
            parts.append(value[start:i])
            start = i + 1
    parts.append(value[start:])
    return [part.strip() for part in parts if part.strip()]


def checked(headers: Pairs) -> tuple[tuple[str, str], ...]:
    """Fields that an application wants to send, as they go out. HeaderError for a name or value that can't."""
    rows = tuple(headers)
    if len(rows) > MAX_FIELDS:
        raise HeaderError(f"{len(rows)} headers; at most {MAX_FIELDS} can be sent")
    for name, value in rows:
        if _TOKEN.fullmatch(name) is None:
            raise HeaderError(f"{name!r} is not a header name (RFC 3261 section 25.1)")
        if _full(name) in _OURS:
            raise HeaderError(f"{name} is written by the stack; choose another name, such as X-{name}")
        if _CONTROL.search(value) or len(value) > MAX_VALUE:
            raise HeaderError(f"value of {name}: at most {MAX_VALUE} characters and no line breaks or control characters")
    return rows
