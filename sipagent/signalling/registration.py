# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one account registered: looks the registrar up, registers, retries with back-off. PJSIP does the refreshes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sipagent.config import Account
from sipagent.log import get_logger
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.messages import Registered

log = get_logger(__name__)

FIRST_RETRY_S = 2.0
LAST_RETRY_S = 120.0


@dataclass(slots=True)
class AccountStatus:
    """Where an account stands."""

    user: str
    host: str
    registered: bool = False
    code: int = 0  # last SIP status, 0 = none yet
    reason: str = ""
    expires_s: float = 0.0


def account_name(settings: Account) -> str:
    """What `UserAgent.invite(account=...)` takes: user@host."""
    return f"{settings.user}@{settings.host}"


def backoff_s(attempt: int, rng: random.Random) -> float:
    """Seconds before retry number `attempt` (0 first): doubling up to LAST_RETRY_S, each between half and the whole of it, so
    that many clients of a registrar that comes back don't return in one wave."""
    whole = min(FIRST_RETRY_S * 2.0 ** min(attempt, 16), LAST_RETRY_S)
    return whole * (0.5 + rng.random() / 2)


class Registration:
    """One account. `outcome` is told every `Registered` message of it."""

    def __init__(
        self,
        settings: Account,
        resolve: Callable[[str], Awaitable[str]],
        register: Callable[[str, Account, str], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.name = account_name(settings)
        self.status = AccountStatus(settings.user, settings.host)
        self._settings = settings
        self._resolve = resolve
        self._register = register
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._failed = asyncio.Event()
        self._attempt = 0

    def outcome(self, message: Registered) -> None:
        """A REGISTER, ours or one of PJSIP's refreshes, was answered or gave up."""
        was = self.status.registered
        ok = 200 <= message.code < 300 and message.expires_s > 0
        self._set(ok, message.code, message.reason, message.expires_s)
        if ok:
            self._attempt = 0
            if not was:
                log.info("registered", account=self.name, expires_s=message.expires_s)
        else:
            self._failed.set()

    async def keep(self) -> None:
        """Runs until cancelled."""
        while True:
            self._failed.clear()
            try:
                address = await self._resolve(self._settings.host)
                await self._register(self.name, self._settings, address)
            except SignallingError as error:
                self._set(False, 0, str(error), 0)
                self._failed.set()
            await self._failed.wait()
            delay = backoff_s(self._attempt, self._rng)
            self._attempt += 1
            log.warning(
                "not registered", account=self.name, code=self.status.code, reason=self.status.reason, retry_s=round(delay, 1)
            )
            await self._sleep(delay)

    def _set(self, registered: bool, code: int, reason: str, expires_s: float) -> None:
        status = self.status
        status.registered, status.code, status.reason, status.expires_s = registered, code, reason, expires_s
