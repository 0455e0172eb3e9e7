# SPDX-License-Identifier: GPL-3.0-or-later
"""Who we are registered with and whom we call over trunks: one task for each keeps it up, messages of the sip thread tell how
it goes. On main."""

from __future__ import annotations

import asyncio

from sipagent.config_sip import Account, Sip
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.messages import Answered, ConnectionLost, Registered
from sipagent.signalling.registration import AccountStatus, Hop, Locate, Registration, account_name
from sipagent.signalling.stack import Stack
from sipagent.signalling.thread import SipThread
from sipagent.signalling.trunk import Trunk, TrunkStatus


class Uplinks:
    """Of one user agent."""

    def __init__(self, thread: SipThread, stack: Stack) -> None:
        self.trunks: dict[str, Trunk] = {}
        self._thread = thread
        self._stack = stack
        self._registrations: dict[str, Registration] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, sip: Sip, locate: Locate) -> None:
        """Registers, and asks the trunks' hosts, from now on."""
        for settings in sip.accounts:
            registration = Registration(settings, locate, self._register)
            self._registrations[account_name(settings)] = registration
            self._tasks.append(asyncio.create_task(registration.keep(), name=f"register-{registration.name}"))
        for row in sip.trunks:
            trunk = self.trunks[row.name] = Trunk(row, locate, self._ask, self._lead)
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
        return [t.status for t in self.trunks.values()]

    def has(self, name: str) -> bool:
        """Whether an account is called so, "user@host"."""
        return name in self._registrations

    def account(self, name: str | None) -> str | None:
        """ "user@host" of what may be "user" alone; None stays None. SignallingError: there is none, or several."""
        if name is None:
            return None
        found = [n for n in self._registrations if n == name or n.split("@")[0] == name]
        if len(found) != 1:
            known = ", ".join(self._registrations) or "none"
            raise SignallingError(f"account {name!r} is {'not known' if not found else 'ambiguous'}; configured: {known}")
        return found[0]

    def told(self, message: Registered | ConnectionLost | Answered) -> None:
        """A message of the sip thread."""
        if isinstance(message, Answered):
            if (trunk := self.trunks.get(message.host.rpartition("#")[0])) is not None:
                trunk.answered(message)
        elif (registration := self._registrations.get(message.account)) is not None:
            if isinstance(message, Registered):
                registration.outcome(message)
            else:
                registration.lost()

    async def _register(self, name: str, settings: Account, hop: Hop) -> None:
        await self._thread.run(self._stack.register, name, settings, hop)

    async def _ask(self, key: str, hop: Hop) -> None:
        await self._thread.run(self._stack.ask, key, hop)

    async def _lead(self, key: str, hop: Hop) -> None:
        await self._thread.run(self._stack.lead, key, hop)
