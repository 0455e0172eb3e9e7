# SPDX-License-Identifier: GPL-3.0-or-later
"""Trunks as main sees them: whether each host is up, by OPTIONS, and where a call goes first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sipagent.config_sip import Trunk as TrunkSettings
from sipagent.log import get_logger
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.locate import Target
from sipagent.signalling.messages import Answered
from sipagent.signalling.registration import Hop, Locate

log = get_logger(__name__)

UNKNOWN_RETRY_S = 5.0  # until the name of a host is looked up again that is not asked by OPTIONS


@dataclass(slots=True)
class HostStatus:
    """One server of a trunk."""

    host: str
    up: bool | None = None  # None: not known, no OPTIONS was answered or given up yet
    code: int = 0  # last answer to OPTIONS, 0 = none yet
    reason: str = ""
    target: str = ""  # where its requests go, "udp:192.0.2.1:5060"; "" = its name has no address


@dataclass(slots=True)
class TrunkStatus:
    """A trunk; up while one of its hosts may be."""

    name: str
    hosts: list[HostStatus] = field(default_factory=list)

    @property
    def up(self) -> bool:
        return any(host.up is not False and host.target for host in self.hosts)


# The key is "name#0" for the first host.
Ask = Callable[[str, Hop], Awaitable[None]]  # sends an OPTIONS
Lead = Callable[[str, Hop], Awaitable[None]]  # calls go there, and those that come from there are the trunk's


class Trunk:
    """One trunk. `answered` is told every `Answered` message of it."""

    def __init__(
        self,
        settings: TrunkSettings,
        locate: Locate,
        ask: Ask,
        lead: Lead,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.status = TrunkStatus(settings.name, [HostStatus(text) for text in settings.hosts])
        self._locate = locate
        self._ask = ask
        self._lead_calls = lead
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._hops: list[Hop | None] = [None] * len(settings.hosts)
        self._answers: dict[str, asyncio.Future[Answered]] = {}

    def key(self, place: int) -> str:
        """Of a host in messages and on the sip thread."""
        return f"{self.settings.name}#{place}"

    def answered(self, message: Answered) -> None:
        """An OPTIONS was answered or given up."""
        waiting = self._answers.pop(message.host, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def ways(self) -> list[tuple[str, Hop]]:
        """(key, hop) of the hosts to call, in the configured order, those that are known to be up first.
        SignallingError when there is none."""
        rows = [(place, hop) for place, hop in enumerate(self._hops) if hop is not None]
        usable = [row for row in rows if self.status.hosts[row[0]].up is not False]
        if not usable:
            words = ", ".join(f"{h.host} ({h.reason or h.code or 'not asked yet'})" for h in self.status.hosts)
            raise SignallingError(f"trunk {self.settings.name} is down: {words}")
        usable.sort(key=lambda row: self.status.hosts[row[0]].up is None)
        return [(self.key(place), hop) for place, hop in usable]

    def failed(self, key: str, code: int) -> None:
        """A call did not get through to this host: the next one goes elsewhere until an OPTIONS says that it is back."""
        if self.settings.options_s:
            self._set(int(key.rpartition("#")[2]), False, code, "a call was not answered")

    async def keep(self) -> None:
        """Runs until cancelled; asks every host, all at the same time, again and again."""
        await asyncio.gather(*(self._watch(place) for place in range(len(self._hops))))

    async def _watch(self, place: int) -> None:
        name, port = self.settings.servers()[place]
        while True:
            try:
                await self._look(place, name, await self._locate(name, port, self.settings.transport))
            except SignallingError as error:
                self._hops[place] = None
                self.status.hosts[place].target = ""
                self._set(place, False, 0, str(error))
            await self._sleep((self.settings.options_s or UNKNOWN_RETRY_S) * (0.9 + self._rng.random() / 5))

    async def _look(self, place: int, name: str, targets: list[Target]) -> None:
        """Leads the host to the first of its addresses that answers; to the first one while none does."""
        before = self._hops[place]
        targets = sorted(targets, key=lambda t: before is None or t != before.target)  # stays where it works
        answer = Answered("", 0, heard=False)
        for target in targets:
            self._lead(place, Hop(name, target))
            if not self.settings.options_s:
                await self._lead_calls(self.key(place), Hop(name, target))
                return
            answer = await self._try(place, Hop(name, target))
            if answer.heard and answer.code != 503:
                self._set(place, True, answer.code, "")
                return
        self._lead(place, Hop(name, targets[0]))
        self._set(place, False, answer.code, "no answer to OPTIONS" if not answer.heard else "OPTIONS was answered with 503")

    async def _try(self, place: int, hop: Hop) -> Answered:
        waiting: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._answers[self.key(place)] = waiting
        await self._ask(self.key(place), hop)
        return await waiting

    def _lead(self, place: int, hop: Hop) -> None:
        self._hops[place] = hop
        self.status.hosts[place].target = hop.target.where

    def _set(self, place: int, up: bool, code: int, reason: str) -> None:
        status = self.status.hosts[place]
        changed = status.up is not up
        status.up, status.code, status.reason = up, code, reason
        if changed:
            say = log.info if up else log.warning
            say(
                "trunk host up" if up else "trunk host down",
                trunk=self.settings.name,
                host=status.host,
                target=status.target,
                code=code,
                reason=reason,
            )
