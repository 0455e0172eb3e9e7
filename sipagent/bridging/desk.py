# SPDX-License-Identifier: GPL-3.0-or-later
"""What all ways of handling a call share: the switch's parts, and the few steps that each way is made of."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from mediacore import Worker
from sipagent.bridging.minder import Minder
from sipagent.bridging.tones import Tones
from sipagent.call import Agent, Call
from sipagent.callbook import CallBook
from sipagent.config import Config
from sipagent.config_memory import Memory as Settings
from sipagent.engines.base import EngineError, Tts
from sipagent.log import get_logger
from sipagent.player import speak
from sipagent.protection.strangers import REFUSED, Strangers
from sipagent.routing.number import number_of
from sipagent.signalling.agent import UserAgent
from sipagent.signalling.causes import Reason
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.parties import MAX_FORWARDS, name_of
from sipagent.store.memory import Memory
from sipagent.waiting import first

log = get_logger(__name__)

MEDIA_START_S = 10.0  # from our 200 to negotiated media; PJSIP itself waits 32 s for the ACK (RFC 3261 timer H)


@dataclass
class Desk:
    """The event loop's thread only."""

    cfg: Config
    user_agent: UserAgent
    worker: Worker
    book: CallBook
    minder: Minder
    tones: Tones
    strangers: Strangers
    agents: Mapping[str, Agent] = field(default_factory=dict)
    adopt: Callable[[Call], None] = lambda call: None  # what peers and agents may ask of a call: set by the attendant
    memory: Memory = field(default_factory=lambda: Memory(Settings()))
    voice: Tts | None = None  # for what the switch itself has to say
    talks: dict[str, Agent] = field(default_factory=dict)  # id of a call -> the agent that has it

    async def answer(self, call: Call) -> bool:
        """Answers a call that came, unless it has its answer, and waits for its sound. False: it ended, or was ended for having
        none."""
        if call.direction == "in" and not call.answered.is_set():
            await call.control.answer()
        return await self.hears(call)

    async def refuse(self, call: Call, code: int, reason: str = "", because: Reason | None = None) -> None:
        """Ends a call that was not answered; strangers are told no more of it than of any other."""
        if self.strangers.has(call):
            log.info("stranger refused", source=call.source, instead_of=code, reason=reason)
            code, reason, because = REFUSED, "", None
        await call.hangup(code, reason, because)

    async def hears(self, call: Call) -> bool:
        """Waits for the sound of a call that is answered; then it is recorded, if the store asks for it."""
        await first(call.media_ready, call.ended, timeout_s=MEDIA_START_S)
        if call.ended.is_set():
            return False
        if not call.media_ready.is_set():
            log.warning("no media after the answer", after_s=MEDIA_START_S)
            await call.hangup(reason="media did not start")
            return False
        self.book.record(call)
        return True

    async def place(self, uri: str, via: str, ring_s: float, caller: Call | None, replaces: str = "") -> Call:
        """Calls somebody, in the name of `caller`. The task that runs now holds the new call. SignallingError, UriError when
        there is nothing to send."""
        if caller is not None and caller.max_forwards <= 1:
            raise SignallingError("the caller has come over too many hops (RFC 3261 section 16.3)")
        call = await self.user_agent.invite(
            uri,
            via or None,
            caller="" if caller is None else _origin(caller),
            privacy=() if caller is None else caller.privacy,
            ring_s=ring_s,
            max_forwards=MAX_FORWARDS if caller is None else caller.max_forwards - 1,
            replaces=replaces,
        )
        self.adopt(call)
        self.minder.take(call)
        return call

    async def converse(self, call: Call, agent: Agent) -> None:
        """Runs the agent on an answered call, until it returns, the call ends, or it handed the call over."""
        await self.memory.recall(call, agent.name)
        talk = asyncio.ensure_future(agent.on_call(call))
        self.talks[call.id] = agent
        try:
            limit = self.cfg.dialogue.max_duration_s
            if await first(talk, call.ended, timeout_s=limit) is None:
                log.info("maximum duration reached", limit_s=limit)
            talk.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talk
        except Exception:
            log.exception("agent failed")
        finally:
            talk.cancel()
            if self.talks.get(call.id) is agent:
                del self.talks[call.id]

    async def say(self, call: Call, words: str) -> None:
        """Speaks to the call, until all is said. Without a voice, or when it fails, only the log has it."""
        log.info("says", words=words, call=call.id)
        if self.voice is None:
            return
        try:
            await speak(call.leg, self.voice.synthesize(words, call.leg.rate))
        except EngineError as error:
            log.warning("not said", error=str(error))


def calling_of(call: Call) -> str:
    """The number or name that calls: what a trusted peer asserts, else what From says."""
    return number_of(call.identity or call.remote_uri)


def called_of(call: Call) -> str:
    """The number or name that is called."""
    return number_of(call.request_uri or call.local_uri)


def _origin(caller: Call) -> str:
    """The From of a call that goes on for `caller`: its number at our own address, and its name."""
    number, name = quote(calling_of(caller), safe="+*-_.!~'()"), name_of(caller.remote_uri)
    return f'"{name}" <{number}>' if name and number else number
