# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent.call.CallControl` of one call: asks the sip thread. A call that ended takes no harm."""

from __future__ import annotations

from sipagent.signalling.headers import Pairs, checked
from sipagent.signalling.stack import Stack
from sipagent.signalling.thread import SipThread
from sipagent.signalling.uri import parse_uri


class Control:
    """Used on main."""

    def __init__(self, thread: SipThread, stack: Stack, key: str) -> None:
        self._thread = thread
        self._stack = stack
        self._key = key

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

    async def send_info(self, digits: str, ms: int) -> bool:
        return self._thread.running and await self._thread.run(self._stack.send_info, self._key, digits, ms)
