# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent.call.CallControl` of one call: asks the sip thread. A call that ended takes no harm."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from sipagent.call import Call, CallState
from sipagent.signalling.causes import sip_phrase
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.headers import Pairs, checked
from sipagent.signalling.messages import Incoming, Referral
from sipagent.signalling.reoffer import GLARE, GONE, TRIES, Answer, glare_s
from sipagent.signalling.stack import Stack
from sipagent.signalling.thread import SipThread
from sipagent.signalling.uri import parse_uri

P = ParamSpec("P")

PTIMES = (10, 20, 40, 60)  # milliseconds that the core can send
_rng = random.Random()  # one for all: each would be seeded with 2.5 kB of the kernel's

REFER_S = 180.0  # for the target of a REFER to answer: RFC 3261 section 16.6, timer C


class Control:
    """Used on main."""

    def __init__(self, thread: SipThread, stack: Stack, key: str, outgoing: bool, rng: random.Random | None = None) -> None:
        self._thread = thread
        self._stack = stack
        self._key = key
        self._outgoing = outgoing
        self._rng = rng or _rng
        self._offering = asyncio.Lock()  # one re-INVITE at a time
        self._refer: asyncio.Future[tuple[bool, int]] | None = None
        self._agreed = False
        self.unwanted = False  # somebody hung up

    async def answer(self, code: int = 200, headers: Pairs = ()) -> None:
        rows = checked(headers)
        if self._thread.running:
            await self._thread.run(self._stack.answer, self._key, code, rows)

    async def hangup(self, code: int = 0, reason: str = "", headers: Pairs = ()) -> None:
        rows = checked(headers)
        self.unwanted = True
        if self._thread.running:
            await self._thread.run(self._stack.hangup, self._key, code, reason, rows)

    async def redirect(self, contact: str) -> None:
        uri = parse_uri(contact)
        if self._thread.running:
            await self._thread.run(self._stack.redirect, self._key, str(uri))

    async def hold(self, on: bool) -> None:
        await self._offer("hold" if on else "resume", self._stack.hold, on)

    async def update(self, codec: str = "", ptime_ms: int = 0) -> None:
        if ptime_ms not in (0, *PTIMES):
            raise SignallingError(f"ptime_ms {ptime_ms} is not served: {', '.join(map(str, PTIMES))} (0 = as it is)")
        await self._offer("update", self._stack.update, codec, ptime_ms)

    async def move(self) -> None:
        """The peer is told where we are now."""
        await self._offer("new address", self._stack.move)

    async def _offer(self, what: str, send: Callable[Concatenate[Answer, str, P], None], *args: P.args, **kw: P.kwargs) -> None:
        """`send` sends an offer of ours; one at a time, glare is tried again."""
        async with self._offering:
            code = GLARE
            for _ in range(TRIES):
                if not self._thread.running:
                    return
                code = await self._thread.ask(send, self._key, *args, **kw)
                if code != GLARE:
                    break
                await asyncio.sleep(glare_s(self._outgoing, self._rng))
        if code >= 300 and code != GONE:
            raise SignallingError(f"{what} refused: {code} {sip_phrase(code)}")

    async def send_info(self, digits: str, ms: int) -> bool:
        return self._thread.running and await self._thread.run(self._stack.send_info, self._key, digits, ms)

    async def refer(self, uri: str) -> tuple[bool, int]:
        wanted = parse_uri(uri)
        if not self._thread.running or self._refer is not None:
            return False, 491
        self._refer, self._agreed = asyncio.get_running_loop().create_future(), False
        try:
            if not await self._thread.run(self._stack.refer, self._key, str(wanted)):
                return False, 481
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(self._refer, REFER_S)
            return self._agreed, 0
        finally:
            self._refer = None

    async def notify(self, code: int, reason: str = "") -> None:
        if self._thread.running:
            await self._thread.run(self._stack.notify, self._key, code, reason)

    def referral(self, news: Referral | None) -> None:
        """What became of our REFER. None: the call has ended; who agreed and then hangs up has been served (RFC 5589 section
        6.1)."""
        waiting = self._refer
        if waiting is None or waiting.done():
            return
        if news is None:
            waiting.set_result((self._agreed, 200 if self._agreed else 481))
        elif news.code >= 200:
            waiting.set_result((self._agreed, news.code))
        else:
            self._agreed = True


def incoming_call(thread: SipThread, stack: Stack, message: Incoming) -> Call:
    """The call that main makes of an INVITE."""
    facts = message.facts
    return Call(
        message.leg,
        Control(thread, stack, message.key, False),
        "in",
        message.remote_uri,
        message.local_uri,
        message.sip_call_id,
        account=facts.account,
        source=facts.source,
        request_uri=facts.request_uri,
        headers=facts.headers,
        identity=facts.identity,
        privacy=facts.privacy,
        diversion=facts.diversion,
        max_forwards=facts.max_forwards,
        replaces=facts.replaces,
        id=message.key,
        state=CallState.RINGING,
        started_us=message.t_us,
    )
