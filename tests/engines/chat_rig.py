# SPDX-License-Identifier: GPL-3.0-or-later
"""A script with tools, and a chat session with a service on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sipagent.dialogue.context import Context
from sipagent.engines.base import Answer, AtWork, BrainSession, Deed, Token, Tool, UserTurn
from sipagent.engines.openai_chat import OpenAiChat
from tests.engines.chat_service import ChatService
from tests.engines.conftest import TIMEOUT_S, configured
from tests.engines.http_server import HttpServer


@dataclass
class Probe:
    """A tool that can be watched."""

    name: str = "book"
    description: str = "Books a table."
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"guests": {"type": "integer"}},
            "required": ["guests"],
            "additionalProperties": False,
        }
    )
    timeout_s: float = 5.0
    slow_s: float = 1.0
    say_slow: str = ""
    confirm: str = ""
    deed: Deed | None = None
    work: Callable[[Mapping[str, Any]], Any] = lambda arguments: "booked"
    wait_s: float = 0.0
    calls: list[dict[str, Any]] = field(default_factory=list)
    cancelled: int = 0

    async def call(self, arguments: Mapping[str, Any]) -> str:
        self.calls.append(dict(arguments))
        try:
            await asyncio.sleep(self.wait_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return str(self.work(arguments))


@dataclass
class Host:
    """A script that only has instructions and tools."""

    tools: Sequence[Tool] = ()
    instructions: str = "You take bookings."
    greeting: str = "Hello."

    def greet(self) -> Answer:
        return Answer(self.greeting)

    def reply(self, turn: UserTurn) -> Answer:
        raise AssertionError("a chat model answers")

    def idle(self, count: int) -> Answer:
        return Answer("Are you there?")

    def complete(self, text: str) -> bool | None:
        return None

    def retract(self) -> None:
        raise AssertionError("a chat model answers")

    def save(self) -> dict[str, Any]:
        return {"own": 1}

    def resume(self, slots: Mapping[str, Any]) -> Answer:
        return Answer(f"Back with {sorted(slots)}.")


@dataclass
class Rig:
    """One conversation. `turn` does what the dialogue does around a reply that was heard whole."""

    service: ChatService
    server: HttpServer
    brain: OpenAiChat
    context: Context
    session: BrainSession

    async def turn(self, text: str, **turn: Any) -> str:
        tokens = [token async for token in self.session.reply(UserTurn(text, **turn))]
        words = "".join(token for token in tokens if isinstance(token, str))
        self.context.caller_said(text)
        self.context.agent_said(words.strip())
        self.context.slots = self.session.save()
        self.tokens: list[Token] = tokens
        return words

    @property
    def deeds(self) -> list[Token]:
        return [token for token in self.tokens if not isinstance(token, str | AtWork)]

    @property
    def asked(self) -> list[dict[str, Any]]:
        return self.service.asked


@contextlib.asynccontextmanager
async def rig(
    *answers: Any, tools: Sequence[Tool] = (), timeout_s: float = TIMEOUT_S, host: Host | None = None, **chat: Any
) -> AsyncIterator[Rig]:
    service = ChatService(*answers)
    async with HttpServer(service) as server:
        cfg = configured("chat", server.url)
        table = cfg.engines.chat.model_copy(update={"timeout_s": timeout_s, **chat})
        brain = OpenAiChat(cfg.model_copy(update={"engines": cfg.engines.model_copy(update={"chat": table})}))
        await brain.load()
        context = Context()
        try:
            yield Rig(service, server, brain, context, brain.session(host or Host(tools), context))
        finally:
            await brain.close()
