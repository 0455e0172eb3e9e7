# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chat model streams, put together: text as it comes, tool calls once they are whole.

Shapes as in OpenAI's chat completion chunks; servers that speak the same protocol leave fields out, so nothing is taken for
granted, and whatever is not understood is an EngineError that shows a little of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sipagent.engines.base import EngineError
from sipagent.engines.speakable import Speakable

DONE = "[DONE]"
MAX_TEXT = 20_000  # characters of one answer: a quarter of an hour of speech
MAX_CALLS = 8  # of one answer
MAX_ARGUMENTS = 65_536  # characters of one call
SHOWN = 120  # characters of what was not understood


@dataclass(slots=True)
class ToolCall:
    """One call that the model wants made. `arguments` is JSON text, as the model wrote it."""

    name: str = ""
    arguments: str = ""


class ContextTooLong(EngineError):
    """The model can't take so much of the conversation."""


class ChatAnswer:
    """One answer. `push` each event's data; at the end of the stream ask `whole`."""

    def __init__(self) -> None:
        self.text = ""  # that is spoken
        self.calls: list[ToolCall] = []
        self.finish = ""  # "stop", "tool_calls", "length", ...; empty = it has not ended
        self._done = False
        self._speakable = Speakable()
        self._by_index: dict[int, ToolCall] = {}

    def push(self, data: str) -> str:
        """What is spoken of the text in one event, "" when there is none. Raises EngineError."""
        if data.strip() == DONE:
            self._done = True
            return ""
        chunk = _object(data)
        if error := chunk.get("error"):
            raise EngineError(f"the model failed: {_words(error)}")
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            raise EngineError(f"an event without choices: {data[:SHOWN]!r}")
        if not choices:  # usage, or a filter's verdict
            return ""
        choice = choices[0] if isinstance(choices[0], dict) else {}
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise EngineError(f"an event without delta: {data[:SHOWN]!r}")
        for part in delta.get("tool_calls") or []:
            self._add_call(part)
        self.finish = choice.get("finish_reason") or self.finish
        text = delta.get("content") or delta.get("refusal") or ""
        if not isinstance(text, str):
            raise EngineError(f"content that is no text: {data[:SHOWN]!r}")
        return self._said(self._speakable.push(text))

    def rest(self) -> str:
        """What was held back of it, when the stream has ended."""
        return self._said(self._speakable.rest())

    def _said(self, text: str) -> str:
        self.text += text
        if len(self.text) > MAX_TEXT:
            raise EngineError(f"the answer has no end: more than {MAX_TEXT} characters")
        return text

    def whole(self, *, calls: bool) -> None:
        """Raises EngineError when the stream broke off, or brought nothing of use. `calls`: whether tool calls are."""
        if not self._done and not self.finish:
            raise EngineError("the answer broke off")
        if not self.text.strip() and not (calls and self.calls):
            raise EngineError(f"the answer was empty (finish_reason {self.finish or 'none'})")

    def _add_call(self, part: Any) -> None:
        """Pieces of one call share an index; servers that send a call in one piece may leave the index out."""
        if not isinstance(part, dict) or not isinstance(part.get("function") or {}, dict):
            raise EngineError(f"a tool call that is none: {str(part)[:SHOWN]}")
        function = part.get("function") or {}
        index = part.get("index")
        call = self._by_index.get(index) if isinstance(index, int) else None
        if call is None:
            if len(self.calls) >= MAX_CALLS:
                raise EngineError(f"more than {MAX_CALLS} tool calls in one answer")
            call = ToolCall()
            self.calls.append(call)
            self._by_index[index if isinstance(index, int) else -len(self.calls)] = call
        call.name += str(function.get("name") or "")
        call.arguments += _arguments(function.get("arguments"))
        if len(call.arguments) > MAX_ARGUMENTS:
            raise EngineError(f"arguments longer than {MAX_ARGUMENTS} characters")


def _arguments(value: Any) -> str:
    """JSON text in pieces; some servers send the object itself."""
    return json.dumps(value) if isinstance(value, dict) else str(value or "")


def _object(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        chunk = None
    if not isinstance(chunk, dict):
        raise EngineError(f"an event that is no JSON object: {data[:SHOWN]!r}")
    return chunk


def _words(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return str(message)[:SHOWN]
