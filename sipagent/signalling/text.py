# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that came from the wire, made fit for logs, JSON and headers."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def readable(text: str, limit: int = 256) -> str:
    """No control characters, no undecodable bytes (SWIG hands those over as lone surrogates), bounded."""
    whole = text[:limit].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROL.sub(" ", whole).strip()
