# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-sent events: bytes of any cut in, the data of whole events out (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import re

from sipagent.engines.base import EngineError

MAX_EVENT = 1 << 20  # bytes; a server that sends more in one event is broken, and must not fill our memory

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR at the very end may be half of a CRLF


class EventStream:
    """The parser of one stream; it knows no socket. An event that the end of the stream cuts off is dropped."""

    def __init__(self) -> None:
        self._held = b""
        self._seen = 0  # bytes of it that hold no line end
        self._data: list[str] = []
        self._size = 0
        self._first = True

    def push(self, piece: bytes) -> list[str]:
        """Data of the events that are whole now. Raises EngineError when one is too long."""
        self._held += piece
        events: list[str] = []
        start = 0
        for end in _LINE_END.finditer(self._held, self._seen):
            self._line(self._held[start : end.start()], events)
            start = end.end()
        self._held = self._held[start:]
        self._seen = max(0, len(self._held) - 1)  # the last may be the first half of a CRLF
        if len(self._held) + self._size > MAX_EVENT:
            raise EngineError(f"an event is longer than {MAX_EVENT} bytes")
        return events

    def _line(self, line: bytes, events: list[str]) -> None:
        if self._first:
            line, self._first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not line:
            if self._data:
                events.append("\n".join(self._data))
            self._data, self._size = [], 0
            return
        name, _, value = line.partition(b":")
        if name == b"data":  # event, id and retry say nothing here; a line that starts with a colon is a comment
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
            self._size += len(line)
