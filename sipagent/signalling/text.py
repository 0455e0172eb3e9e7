# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that came from the wire, made fit for logs, JSON and headers."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def to_wire(text: str) -> bytes:
    """The bytes of a text that SWIG handed over: those that are no UTF-8 came as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")


def readable(text: str, limit: int = 256) -> str:
    """No control characters, no undecodable bytes (SWIG hands those over as lone surrogates), bounded."""
    if text.isascii() and text.isprintable():
        return text[:limit].strip()
    whole = text[:limit].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROL.sub(" ", whole).strip()
