# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenAI's chat completions on loopback, streamed, as its reference describes them. Answers are scripted; requests are checked
the way strict servers check them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.engines.http_server import Request, Response
from tests.engines.speech_services import KEY, openai_error

Events = list[dict[str, Any]]


def said(text: str, finish: str = "stop") -> Events:
    """An answer in words, a chunk each."""
    deltas: Events = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in re.findall(r"\s*\S+", text)]
    return [chunk(delta) for delta in deltas] + [chunk({}, finish)]


def called(name: str, arguments: Mapping[str, Any] | str, words: str = "", index: int = 0) -> Events:
    """An answer that wants a tool, its arguments in pieces."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    head = {"index": index, "id": f"call_{name}_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    events = said(words)[:-1] if words else [chunk({"role": "assistant", "content": None})]
    events.append(chunk({"tool_calls": [head]}))
    for at in range(0, len(text), 7):
        events.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": text[at : at + 7]}}]}))
    return [*events, chunk({}, "tool_calls")]


def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "test", "choices": [choice]}


def stream(events: Sequence[dict[str, Any]], *, done: bool = True) -> Response:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ("data: [DONE]\n\n" if done else "")
    return Response(body.encode(), kind="text/event-stream", step=97)


class ChatService:
    """/chat/completions. `answers` are given in order, then the caller's words are repeated."""

    def __init__(self, *answers: Events | Response) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []  # bodies

    def __call__(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return openai_error(401, "Incorrect API key provided.")
        if (request.method, request.path) == ("GET", "/v1/models"):
            return Response(b'{"object": "list", "data": []}')
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return openai_error(404, f"Invalid URL ({request.method} {request.path})")
        body = json.loads(request.body)
        if wrong := complaint(body):
            return openai_error(400, wrong)
        self.asked.append(body)
        answer = self.answers.pop(0) if self.answers else said(f"You said {body['messages'][-1]['content']}.")
        return answer if isinstance(answer, Response) else stream(answer)


def complaint(body: Mapping[str, Any]) -> str:
    """What a strict server would refuse; "" = nothing."""
    if not body.get("stream") or not body.get("model"):
        return "stream and model are wanted"
    roles = [message["role"] for message in body["messages"]]
    if roles[:2] != ["system", "user"]:
        return f"messages must begin with system and user, not {roles[:2]}"
    open_calls: list[str] = []
    ids: set[str] = set()
    for before, message in zip(["system", *roles], body["messages"], strict=False):
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in open_calls:
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            return "an assistant message with 'tool_calls' must be followed by tool messages"
        if role == before == "user":
            return "conversation roles must alternate"
        if role == "system" and before != "system":
            return "system message in the middle"
        for call in message.get("tool_calls", ()):
            json.loads(call["function"]["arguments"])
            if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", call["function"]["name"]) is None:
                return "a function's name has 1 to 64 letters, digits, - and _"
            if re.fullmatch(r"[A-Za-z0-9]{9}", call["id"]) is None or call["id"] in ids:
                return "the id of a tool call has 9 letters and digits, and is no other's"
            ids.add(call["id"])
            open_calls.append(call["id"])
        if not message.get("tool_calls") and not message["content"]:
            return "content is empty"
    return "tool calls without an answer" if open_calls else ""
