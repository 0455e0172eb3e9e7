# SPDX-License-Identifier: GPL-3.0-or-later
"""The brain is a language model behind OpenAI's chat protocol, streamed by server-sent events. A conversation that is cut short
closes the request's connection, so that the server stops too."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from sipagent.config import Config
from sipagent.config_engines import Chat
from sipagent.dialogue.context import Context
from sipagent.engines.base import BrainSession, EngineError, EngineTimeout, Script, Tool
from sipagent.engines.chat_answer import ContextTooLong
from sipagent.engines.chat_messages import Message
from sipagent.engines.chat_session import ChatSession
from sipagent.engines.http import Http
from sipagent.engines.sse import EventStream

_TOO_LONG = ("context_length_exceeded", "maximum context length", "context size", "too many tokens")


class OpenAiChat:
    """One model for all calls. `table`: of [engines], with its settings."""

    def __init__(self, cfg: Config, name: str = "openai", table: str = "chat") -> None:
        self.name = name
        self._cfg: Chat = getattr(cfg.engines, table)
        self._extra = {key: _value(text) for key, text in self._cfg.extra.items()}
        self._http = Http(f"{name} chat", f"engines.{table}", self._cfg, self._cfg.timeout_s)

    async def load(self) -> None:
        """Reads the key; a server that is down now may be up when the first call comes."""
        self._http.open()

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.close()

    async def probe(self) -> None:
        """Whether the service can be reached and takes the key."""
        async with self._http.request("GET", "/models"):
            pass

    def session(self, script: Script, context: Context | None = None) -> BrainSession:
        """A conversation by the script's instructions and tools."""
        return ChatSession(self._cfg, self.ask, script, context if context is not None else Context())

    async def ask(self, messages: Sequence[Message], tools: Sequence[Tool], use: bool) -> AsyncGenerator[str, None]:
        """The data of each event of the answer. Raises EngineError, EngineBusy, EngineTimeout, ContextTooLong."""
        body: dict[str, Any] = {**self._extra, "model": self._cfg.model, "messages": messages, "stream": True}
        body[self._cfg.max_tokens_key] = self._cfg.max_tokens
        if self._cfg.temperature is not None:
            body["temperature"] = self._cfg.temperature
        if tools:
            body["tools"] = [{"type": "function", "function": _declared(tool)} for tool in tools]
            body["tool_choice"] = "auto" if use else "none"
        try:
            async with self._http.request("POST", "/chat/completions", json=body) as response:
                events = EventStream()
                async for piece in response.aiter_bytes():
                    for data in events.push(piece):
                        yield self._http.without_key(data)
        except EngineTimeout:
            raise
        except EngineError as e:
            if any(words in str(e) for words in _TOO_LONG):
                raise ContextTooLong(str(e)) from e
            raise


def second_chat(cfg: Config) -> OpenAiChat:
    """Another model, or the same one elsewhere, that can take over."""
    return OpenAiChat(cfg, "openai-2", "chat_2")


def _value(text: str) -> Any:
    """JSON where it is some."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _declared(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
