# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the caller agreed to what a tool is about to do. Whoever is not sure has not agreed."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_WORDS = 6  # a yes with more behind it is a new wish ("yes, but for five people"): the model must look at it


def agreed(text: str, yes: Sequence[str], no: Sequence[str]) -> bool | None:
    """True: clearly yes; False: clearly no; None: neither. `yes` and `no` are words or phrases in lower case."""
    said = " ".join(re.findall(r"[\w']+", text.lower()))
    if _has(said, no):
        return False
    return True if _has(said, yes) and len(said.split()) <= MAX_WORDS else None


def _has(said: str, phrases: Sequence[str]) -> bool:
    return any(f" {phrase} " in f" {said} " for phrase in phrases)
