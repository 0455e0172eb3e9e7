# SPDX-License-Identifier: GPL-3.0-or-later
"""A call as agents, API and store see it. Signalling makes it and moves its state; it lives on the main thread."""

from __future__ import annotations

import asyncio
import enum
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sipagent.media import MediaLeg


class CallState(enum.StrEnum):
    """RFC 3261 section 13, as far as an application needs it."""

    CALLING = "calling"
    RINGING = "ringing"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class CallControl(Protocol):
    """What signalling does for a call. Safe to call from the main thread at any time; a call that ended takes no harm."""

    async def answer(self, code: int = 200) -> None: ...

    async def hangup(self, code: int = 0, reason: str = "") -> None: ...


@dataclass(slots=True)
class Call:
    """One SIP call with one audio leg."""

    leg: MediaLeg
    control: CallControl
    direction: str  # "in" or "out"
    remote_uri: str
    local_uri: str
    sip_call_id: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    state: CallState = CallState.CALLING
    started_us: int = 0
    answered_us: int = 0
    ended_us: int = 0
    end_code: int = 0  # SIP status; 0 = a normal BYE
    end_reason: str = ""  # who and why, for people
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    media_ready: asyncio.Event = field(default_factory=asyncio.Event)
    on_dtmf: Callable[[str, int], None] | None = None  # digit, milliseconds
    notes: dict[str, Any] = field(default_factory=dict)  # agent's own: ledger, transcript; shown by the API

    async def hangup(self, code: int = 0, reason: str = "") -> None:
        """Ends the call (BYE, CANCEL or a final response, whichever the state asks for)."""
        await self.control.hangup(code, reason)


class Agent(Protocol):
    """Talks with callers. `on_call` runs once for each answered call and is cancelled when the call ends."""

    name: str

    async def on_call(self, call: Call) -> None: ...


AgentFactory = Callable[[], Awaitable[Agent]]
