# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one account registered: finds its registrars, tries them one after the other, retries with back-off. PJSIP does the
refreshes, and answers 423 and stale nonces."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from sipagent.config_sip import Account
from sipagent.config_types import Transport
from sipagent.log import get_logger
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.locate import Target
from sipagent.signalling.messages import Registered

log = get_logger(__name__)

FIRST_RETRY_S = 2.0
LAST_RETRY_S = 120.0
LONGEST_WAIT_S = 3600.0  # that a Retry-After may ask for


@dataclass(frozen=True, slots=True)
class Hop:
    """Where requests go next: the name as it was configured (TLS checks it) and one of its addresses."""

    name: str
    target: Target


@dataclass(slots=True)
class AccountStatus:
    """Where an account stands."""

    user: str
    host: str
    registered: bool = False
    code: int = 0  # last SIP status, 0 = none yet
    reason: str = ""
    expires_s: float = 0.0
    registrar: str = ""  # that was asked last, "udp:192.0.2.1:5060"
    failures: int = 0  # outcomes that were not success, since the start


Locate = Callable[[str, int, Transport], Awaitable[list[Target]]]


def account_name(settings: Account) -> str:
    """What `UserAgent.invite(account=...)` takes: user@host."""
    return f"{settings.user}@{settings.host}"


def backoff_s(attempt: int, rng: random.Random) -> float:
    """Seconds before retry number `attempt` (0 first): doubling up to LAST_RETRY_S, each between half and the whole of it, so
    that many clients of a registrar that comes back don't return in one wave."""
    whole = min(FIRST_RETRY_S * 2.0 ** min(attempt, 16), LAST_RETRY_S)
    return whole * (0.5 + rng.random() / 2)


def another_may_help(code: int) -> bool:
    """Whether the next server is worth asking at once (RFC 3263 section 4.3): silence, no connection, or a server's own
    trouble. What was refused for good is the account's fault, and every server would say so."""
    return code in (0, 408, 430) or 500 <= code < 600


class Registration:
    """One account. `outcome` is told every `Registered` message of it, `lost` that its connection is gone."""

    def __init__(
        self,
        settings: Account,
        locate: Locate,
        register: Callable[[str, Account, Hop], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.name = account_name(settings)
        self.status = AccountStatus(settings.user, settings.host)
        self._settings = settings
        self._locate = locate
        self._register = register
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._failed = asyncio.Event()
        self._attempt = 0
        self._retry_after_s = 0
        self._took = False  # the server that is asked now has taken us, if only for a time
        self._last: Target | None = None  # failed us after it had taken us: asked last

    def outcome(self, message: Registered) -> None:
        """A REGISTER, ours or one of PJSIP's refreshes, was answered or gave up."""
        was = self.status.registered
        ok = 200 <= message.code < 300 and message.expires_s > 0
        self._set(ok, message.code, message.reason, message.expires_s)
        if ok:
            self._attempt = 0
            if not was:
                log.info("registered", account=self.name, registrar=self.status.registrar, expires_s=message.expires_s)
        else:
            self._retry_after_s = max(self._retry_after_s, message.retry_after_s)
            self._failed.set()

    def lost(self) -> None:
        """The connection that we are registered over broke: nobody can call us by it any more (RFC 5626 section 4.4)."""
        if self.status.registered:
            self._set(False, 0, "connection lost", 0)
            self._failed.set()

    async def keep(self) -> None:
        """Runs until cancelled."""
        while True:
            self._retry_after_s = 0
            if await self._round():
                continue
            delay = max(backoff_s(self._attempt, self._rng), self._after_s())
            self._attempt += 1
            log.warning(
                "not registered",
                account=self.name,
                registrar=self.status.registrar,
                code=self.status.code,
                reason=self.status.reason,
                retry_s=round(delay, 1),
            )
            await self._sleep(delay)

    async def _round(self) -> bool:
        """Asks every server once, until one takes us; True when it has, and then lost us again: a new round begins at once."""
        async for hop in self._hops():
            self._failed.clear()
            self._took = False
            self.status.registrar = hop.target.where
            try:
                await self._register(self.name, self._settings, hop)
            except SignallingError as error:
                self._set(False, 0, str(error), 0)
                continue
            await self._failed.wait()
            if self._took:
                self._last = hop.target if self.status.code else None  # a broken connection says nothing about the server
                log.warning("registration lost", account=self.name, registrar=hop.target.where, code=self.status.code)
                return True
            if not another_may_help(self.status.code):
                break
        return False

    async def _hops(self) -> AsyncIterator[Hop]:
        last: list[Hop] = []
        for name, port in self._settings.servers():
            try:
                targets = await self._locate(name, port, self._settings.transport)
            except SignallingError as error:
                self._set(False, 0, str(error), 0)
                continue
            for target in targets:
                if target == self._last:
                    last.append(Hop(name, target))
                else:
                    yield Hop(name, target)
        for hop in last:
            yield hop

    def _after_s(self) -> float:
        """A Retry-After, and a little by chance: never earlier than asked."""
        return min(self._retry_after_s, LONGEST_WAIT_S) * (1 + self._rng.random() / 10)

    def _set(self, registered: bool, code: int, reason: str, expires_s: float) -> None:
        status = self.status
        self._took = self._took or registered
        status.failures += not (registered or 200 <= code < 300)
        status.registered, status.code, status.reason, status.expires_s = registered, code, reason, expires_s
