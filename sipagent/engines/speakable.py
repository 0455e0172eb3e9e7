# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a chat model's text is for the caller's ear: not its thoughts, and not the marks that a screen would need."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"  # as many open models write what they think before they answer
_MARKS = str.maketrans("", "", "*`")


class Speakable:
    """Push text in pieces of any cut."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._begun = False

    def push(self, text: str) -> str:
        """What can be said now."""
        self._held += text
        said = ""
        while True:
            tag = CLOSE if self._thinking else OPEN
            before, found, after = self._held.partition(tag)
            if not found:
                break
            said += "" if self._thinking else before
            self._held, self._thinking = after, not self._thinking
        keep = _begun_tag(self._held, tag)
        said += "" if self._thinking else self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return self._clean(said)

    def rest(self) -> str:
        """What was held back, at the end."""
        held, self._held = self._held, ""
        return "" if self._thinking else self._clean(held)

    def _clean(self, text: str) -> str:
        text = text.translate(_MARKS)
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return text


def _begun_tag(text: str, tag: str) -> int:
    """Length of the end of `text` that may be the beginning of `tag`."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-n:])), 0)
