# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a call that comes in, by the routing table; and with one that is transferred to a number of ours."""

from __future__ import annotations

from datetime import UTC, datetime

from sipagent.bridging.codes import Failure
from sipagent.bridging.desk import Desk, called_of, calling_of
from sipagent.bridging.dial import Targets, dial
from sipagent.bridging.join import Joins
from sipagent.bridging.parking import Parking, ParkingError
from sipagent.bridging.ringing import bridge_caller
from sipagent.bridging.rooms import Rooms
from sipagent.bridging.supervision import Supervision
from sipagent.bridging.transfer import Notifier, Transfers
from sipagent.call import Agent, Call
from sipagent.config_routes import AUTO, Route
from sipagent.log import get_logger
from sipagent.routing.number import number_of
from sipagent.routing.table import DIRECT, Facts, Table, Verdict
from sipagent.routing.template import fill
from sipagent.signalling.parties import uri_of
from sipagent.signalling.transfer import ReferTo
from sipagent.signalling.uri import parse_uri

log = get_logger(__name__)

NO_ROUTE = 404


class Attendant:
    """One for the switch."""

    def __init__(self, desk: Desk, default: Agent | None) -> None:
        """`default` takes every call when there are no routes, and is None when there are."""
        self._desk = desk
        self._default = default
        self._table = Table(desk.cfg.routes)
        self.joins = Joins()
        self.rooms = Rooms(desk.worker, desk.cfg.media.rate)
        self.parking = Parking(desk, self.joins)
        self.transfers = Transfers(desk, self.joins, self.deliver, self.take_seat)
        self.supervision = Supervision(desk)
        desk.adopt = self.adopt

    def incoming(self, call: Call) -> None:
        """Takes a call that came; see `UserAgent.on_incoming`."""
        self.adopt(call)
        self._desk.minder.take(call, self._serve(call))

    def adopt(self, call: Call) -> None:
        """What agents and peers may ask of a call goes here."""
        call.switchboard = self.transfers
        call.on_refer = lambda target: self.transfers.referred(call, target)

    async def _serve(self, call: Call) -> None:
        if not self._desk.strangers.served and self._desk.strangers.has(call):
            await self._desk.refuse(call, NO_ROUTE, "strangers are not served")
            return
        if (old := self._desk.book.calls.get(call.replaces)) is not None:
            await self.transfers.replace(call, old)
            return
        verdict = self._route(called_of(call), call)
        if verdict is None and self._default is not None:
            await self._agent(call, self._default)
        elif verdict is None:
            log.info("no route", called=called_of(call), calling=calling_of(call))
            if self._desk.strangers.has(call):
                self._desk.strangers.blame(call)
            await self._desk.refuse(call, NO_ROUTE)
        else:
            call.route = verdict.name
            log.info("routed", route=verdict.name, action=verdict.route.action)
            await self._act(call, verdict.route)

    async def _act(self, call: Call, route: Route) -> None:
        match route.action:
            case "reject":
                await self._desk.refuse(call, route.reject or NO_ROUTE)
            case "bridge":
                await bridge_caller(self._desk, self.joins, call, _targets(route, called_of(call), call))
            case "room":
                if await self._desk.answer(call):
                    await self.rooms.join(call, _filled(route.room, called_of(call), call))
            case "park":
                try:
                    if route.park == AUTO:
                        await self.parking.give(call)
                    else:
                        await self.parking.retrieve(_filled(route.park, called_of(call), call), call)
                except ParkingError as error:
                    await self._desk.refuse(call, 486 if route.park == AUTO else NO_ROUTE, str(error))
            case "listen":
                await self.supervision.dialled(call, _filled(route.listen, called_of(call), call), route.mode)
            case _:
                await self._agent(call, self._desk.agents[route.agent_name or ""])

    async def _agent(self, call: Call, agent: Agent) -> None:
        if getattr(agent, "answers_itself", False) or await self._desk.answer(call):
            await self._desk.converse(call, agent)

    async def deliver(self, by: Call, call: Call, target: ReferTo, notifier: Notifier) -> Call | Failure | None:
        """Brings an answered call to the target of a REFER that came from `by`. See `transfer.Deliver`."""
        with self._desk.tones.ringing(call.leg):
            if not self._desk.user_agent.is_own(parse_uri(target.uri)):
                replaces = str(target.replaces) if target.replaces is not None else ""
                return await self._dial(call, Targets([target.uri], by.account, replaces=replaces), notifier)
            if target.replaces is not None:
                return await self.transfers.exchange(by, call, target)
            number = number_of(target.uri)
            verdict = self._route(number, call)
            if verdict is not None and verdict.route.action == "bridge":
                return await self._dial(call, _targets(verdict.route, number, call), notifier)
        return self._place(by, call, number, verdict, notifier)

    def take_seat(self, by: Call, call: Call, old: Call) -> bool:
        """`call` comes to where `old` is, which both are of the one who sent a REFER; False: it is nowhere."""
        if (agent := self._desk.talks.get(old.id)) is not None:
            self._desk.minder.hand(self._desk.converse(call, agent), call)
        elif old.room:
            self._desk.minder.hand(self.rooms.join(call, old.room), call)
        elif (slot := self.parking.given_to(old)) is not None:
            self.parking.park(call, slot, *address_of(by), given_to=old)
        else:
            return False
        return True

    def _place(self, by: Call, call: Call, number: str, verdict: Verdict | None, notifier: Notifier) -> Failure | None:
        """Where the switch itself is the target."""
        if verdict is None:
            if self._default is None:
                return Failure(NO_ROUTE, "no route")
            self._desk.minder.hand(self._desk.converse(call, self._default), call)
            return None
        route = verdict.route
        match route.action:
            case "reject":
                return Failure(route.reject or NO_ROUTE, "refused by the routing table")
            case "room":
                self._desk.minder.hand(self.rooms.join(call, _filled(route.room, number, call)), call)
            case "park":
                try:
                    slot = self.parking.free() if route.park == AUTO else _filled(route.park, number, call)
                    self.parking.park(call, slot, *address_of(by))
                except ParkingError as error:
                    return Failure(486, str(error))
                notifier.words = f"Parked in {slot}"
                if route.park == AUTO:
                    self._desk.minder.spawn(self.parking.tell(by, slot))
            case "listen":
                return Failure(403, "nobody is transferred to a supervisor's ear")
            case _:
                self._desk.minder.hand(self._desk.converse(call, self._desk.agents[route.agent_name or ""]), call)
        call.route = verdict.name
        return None

    async def _dial(self, call: Call, targets: Targets, notifier: Notifier) -> Call | Failure:
        def tell(_: Call, code: int, early: bool) -> None:
            self._desk.minder.spawn(notifier.tell(183 if early else 180))

        return await dial(self._desk, targets, call, tell)

    def _route(self, called: str, call: Call) -> Verdict | None:
        facts = Facts(called, calling_of(call), datetime.now(UTC), call.account or DIRECT, call.headers)
        return self._table.route(facts)


def address_of(call: Call) -> tuple[str, str]:
    """(URI, account or trunk) to reach a call's peer again: through what it came by, else at its Contact (RFC 3261 section
    8.1.1.8)."""
    contact = uri_of(call.headers.get("contact"))
    if call.account or not contact:
        return uri_of(call.remote_uri), call.account
    return contact, ""


def _targets(route: Route, called: str, call: Call) -> Targets:
    uris = [fill(text, called, calling_of(call), uri=True) for text in route.bridge]
    return Targets(uris, route.via, route.ring_s)


def _filled(text: str | None, called: str, call: Call) -> str:
    return fill(text or "", called, calling_of(call), uri=False)
