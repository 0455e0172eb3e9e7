# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent.call.CallControl` of one call: asks the sip thread. A call that ended takes no harm."""

from __future__ import annotations

import asyncio
import random

from sipagent.signalling.causes import sip_phrase
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.headers import Pairs, checked
from sipagent.signalling.reoffer import GLARE, GONE, TRIES, glare_s
from sipagent.signalling.stack import Stack
from sipagent.signalling.thread import SipThread
from sipagent.signalling.uri import parse_uri


class Control:
    """Used on main."""

    def __init__(self, thread: SipThread, stack: Stack, key: str, outgoing: bool, rng: random.Random | None = None) -> None:
        self._thread = thread
        self._stack = stack
        self._key = key
        self._outgoing = outgoing
        self._rng = rng or random.Random()
        self._offering = asyncio.Lock()  # one re-INVITE at a time

    async def answer(self, code: int = 200, headers: Pairs = ()) -> None:
        rows = checked(headers)
        if self._thread.running:
            await self._thread.run(self._stack.answer, self._key, code, rows)

    async def hangup(self, code: int = 0, reason: str = "", headers: Pairs = ()) -> None:
        rows = checked(headers)
        if self._thread.running:
            await self._thread.run(self._stack.hangup, self._key, code, reason, rows)

    async def redirect(self, contact: str) -> None:
        uri = parse_uri(contact)
        if self._thread.running:
            await self._thread.run(self._stack.redirect, self._key, str(uri))

    async def hold(self, on: bool) -> None:
        async with self._offering:
            code = GLARE
            for _ in range(TRIES):
                if not self._thread.running:
                    return
                code = await self._thread.ask(self._stack.hold, self._key, on)
                if code != GLARE:
                    break
                await asyncio.sleep(glare_s(self._outgoing, self._rng))
        if code >= 300 and code != GONE:
            raise SignallingError(f"{'hold' if on else 'resume'} refused: {code} {sip_phrase(code)}")

    async def send_info(self, digits: str, ms: int) -> bool:
        return self._thread.running and await self._thread.run(self._stack.send_info, self._key, digits, ms)
