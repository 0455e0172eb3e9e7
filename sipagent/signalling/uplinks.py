# SPDX-License-Identifier: GPL-3.0-or-later
"""Who we are registered with and whom we call over trunks: one task for each keeps it up, messages of the sip thread tell how
it goes. On main."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from mediacore import Leg
from sipagent.call import Call
from sipagent.config import Config
from sipagent.config_sip import Account
from sipagent.log import get_logger
from sipagent.signalling.control import Control
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.messages import Answered, ConnectionLost, Registered
from sipagent.signalling.moving import watch
from sipagent.signalling.registration import AccountStatus, Hop, Locate, Registration, account_name
from sipagent.signalling.stack import Stack
from sipagent.signalling.thread import SipThread
from sipagent.signalling.trunk import Trunk, TrunkStatus

log = get_logger(__name__)

Ways = list[tuple[str, Hop]]  # key and next hop of a trunk's hosts


class Uplinks:
    """Of one user agent."""

    def __init__(self, thread: SipThread, stack: Stack) -> None:
        self._thread = thread
        self._stack = stack
        self._trunks: dict[str, Trunk] = {}
        self._registrations: dict[str, Registration] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._calls: Mapping[str, Call] = {}

    def start(self, cfg: Config, locate: Locate, calls: Mapping[str, Call]) -> None:
        """Registers, asks the trunks' hosts, and has an eye on our own address, from now on. `calls`: those that are up."""
        self._calls = calls
        self._tasks.append(asyncio.create_task(watch(cfg, self._moved), name="own-address"))
        for settings in cfg.sip.accounts:
            registration = Registration(settings, locate, self._register)
            self._registrations[account_name(settings)] = registration
            self._tasks.append(asyncio.create_task(registration.keep(), name=f"register-{registration.name}"))
        for row in cfg.sip.trunks:
            trunk = self._trunks[row.name] = Trunk(row, locate, self._ask, self._lead)
            self._tasks.append(asyncio.create_task(trunk.keep(), name=f"trunk-{row.name}"))

    async def stop(self) -> None:
        """Keeps nothing up any more; what is registered stays so until somebody takes it back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def accounts(self) -> list[AccountStatus]:
        """One row for each of sip.accounts."""
        return [r.status for r in self._registrations.values()]

    def states(self) -> list[TrunkStatus]:
        """One row for each of sip.trunks."""
        return [t.status for t in self._trunks.values()]

    def has(self, name: str) -> bool:
        """Whether an account is called so, "user@host"."""
        return name in self._registrations

    def way_out(self, name: str | None) -> tuple[str | None, Ways]:
        """ "user@host" of an account, of which "user" may be enough; or a trunk and what its calls are tried over, best first.
        None: neither, the call is direct. SignallingError: there is no such thing, or several."""
        if name is None:
            return None, []
        if (trunk := self._trunks.get(name)) is not None:
            return name, trunk.ways()
        found = [n for n in self._registrations if n == name or n.split("@")[0] == name]
        if len(found) != 1:
            known = ", ".join(self._registrations) or "none"
            raise SignallingError(f"account {name!r} is {'not known' if not found else 'ambiguous'}; configured: {known}")
        return found[0], []

    def failed(self, key: str, code: int) -> str:
        """A trunk's host did not take a call. The trunk's name."""
        trunk = self._trunks[key.rpartition("#")[0]]
        trunk.failed(key, code)
        return trunk.settings.name

    def told(self, message: Registered | ConnectionLost | Answered) -> None:
        """A message of the sip thread."""
        if isinstance(message, Answered):
            if (trunk := self._trunks.get(message.host.rpartition("#")[0])) is not None:
                trunk.answered(message)
        elif (registration := self._registrations.get(message.account)) is not None:
            if isinstance(message, Registered):
                registration.outcome(message)
            else:
                registration.lost()

    async def _moved(self, advertised: dict[str, str]) -> None:
        try:
            await self._thread.run(self._stack.moved, advertised)
        except SignallingError as error:
            log.warning("not every account has our new address", error=str(error))
        up = [call for call in self._calls.values() if call.answered.is_set() and isinstance(call.control, Control)]
        for call, outcome in zip(up, await asyncio.gather(*map(_move, up), return_exceptions=True), strict=True):
            if isinstance(outcome, BaseException):
                log.warning("peer does not take our new address", call=call.id, error=str(outcome))

    async def _register(self, name: str, settings: Account, hop: Hop) -> None:
        await self._thread.run(self._stack.register, name, settings, hop)

    async def _ask(self, key: str, hop: Hop) -> None:
        await self._thread.run(self._stack.ask, key, hop)

    async def _lead(self, key: str, hop: Hop) -> None:
        await self._thread.run(self._stack.lead, key, hop)


async def _move(call: Call) -> None:
    assert isinstance(call.control, Control)
    try:
        await call.control.move()
    except SignallingError:  # the sockets of the old address are closed: nobody would hear another word
        if isinstance(call.leg, Leg) and not call.leg.started and not call.held:
            await call.hangup(488, "new address refused")
        raise
