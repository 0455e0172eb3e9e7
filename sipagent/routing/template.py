# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that take in what was dialled: "sip:{called:1}@192.0.2.7" drops the first sign of the called number."""

from __future__ import annotations

import re
from urllib.parse import quote

_FIELD = re.compile(r"\{([^{}]*)\}")
_NAMED = re.compile(r"(called|calling)(?::(\d{1,2}))?")
_UNRESERVED = "-_.!~*'()&=+$,"  # of the user part as it is (RFC 3261 section 25.1); ; / ? would begin something else


class TemplateError(ValueError):
    """Not a target; the text says what to write."""


def check(text: str) -> str:
    """The text itself. TemplateError names a field that there isn't."""
    for found in _FIELD.finditer(text):
        if _NAMED.fullmatch(found[1]) is None:
            raise TemplateError(
                f"{text!r}: {found[0]} is not known; write {{called}}, {{calling}}, or {{called:N}} without the first N signs"
            )
    if "{" in _FIELD.sub("", text) or "}" in _FIELD.sub("", text):
        raise TemplateError(f"{text!r}: a brace without its other half")
    return text


def fill(text: str, called: str, calling: str, *, uri: bool) -> str:
    """`uri`: what a caller sent is percent-encoded, so that it stays a user part (RFC 3261 section 19.1.2)."""

    def value(found: re.Match[str]) -> str:
        named = _NAMED.fullmatch(found[1])
        assert named is not None
        said = (called if named[1] == "called" else calling)[int(named[2] or 0) :]
        return quote(said, safe=_UNRESERVED) if uri else said

    return _FIELD.sub(value, text)
