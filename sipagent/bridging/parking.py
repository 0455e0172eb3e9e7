# SPDX-License-Identifier: GPL-3.0-or-later
"""Parked calls: each waits in a slot, with music, until somebody takes it out, it hangs up, or its time is over: then it goes
back to who parked it, or ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mediacore import clock_us
from sipagent.bridging.codes import Failure
from sipagent.bridging.desk import Desk
from sipagent.bridging.dial import Targets, dial
from sipagent.bridging.join import Join, Joins
from sipagent.call import Call
from sipagent.log import get_logger
from sipagent.waiting import first

log = get_logger(__name__)

REPEAT_S = 3.0  # between two announcements of a slot


class ParkingError(LookupError):
    """The slot is taken, or nobody is in it."""


@dataclass(slots=True)
class Slot:
    """A call that waits."""

    number: str
    call: Call
    parker: str  # URI to go back to; "" = nowhere
    via: str  # account or trunk of the parker
    since_us: int = field(default_factory=clock_us)
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class Parking:
    """All slots, by number."""

    def __init__(self, desk: Desk, joins: Joins) -> None:
        self._desk = desk
        self._joins = joins
        self._slots: dict[str, Slot] = {}
        self._given: dict[str, Call] = {}  # slots that somebody was told and has nobody in yet

    def free(self) -> str:
        """The first slot of parking.slots that nobody has. ParkingError: none is left."""
        for number in self._desk.cfg.parking.numbers:
            if number not in self._slots and number not in self._given:
                return number
        raise ParkingError("all slots are taken")

    async def give(self, by: Call) -> None:
        """`by`, which has no answer yet, is given a free slot for a call that it transfers here, and told which, until it hangs
        up. ParkingError: none is left."""
        number = self.free()
        self._given[number] = by
        try:
            if await self._desk.answer(by):
                await first(self._repeat(by, number), by.ended, timeout_s=self._desk.cfg.parking.timeout_s)
        finally:
            if self._given.get(number) is by:
                del self._given[number]

    def given_to(self, by: Call) -> str | None:
        """The slot that it was told, as long as nobody is in it."""
        return next((number for number, call in self._given.items() if call is by and number not in self._slots), None)

    async def tell(self, by: Call, number: str) -> None:
        """Says the slot to who parked a call there."""
        await self._desk.say(by, " ".join(number))

    async def _repeat(self, by: Call, number: str) -> None:
        while True:
            await self.tell(by, number)
            await asyncio.sleep(REPEAT_S)

    def park(self, call: Call, number: str, parker: str = "", via: str = "", given_to: Call | None = None) -> None:
        """An answered call waits in the slot from now on; who held it must let go. ParkingError: taken, or given to another
        call than `given_to`."""
        if number in self._slots or self._given.get(number) is not given_to:
            raise ParkingError(f"slot {number} is taken")
        slot = self._slots[number] = Slot(number, call, parker, via)
        self._desk.minder.hand(self._wait(slot), call)

    async def retrieve(self, number: str, by: Call) -> None:
        """`by`, which has no answer yet or has sound, talks with the parked call until one hangs up. ParkingError: nobody is
        there."""
        slot = self._slots.pop(number, None)
        if slot is None:
            raise ParkingError(f"nobody is parked in {number}")
        self._desk.minder.keep(slot.call)
        slot.taken.set()
        if not await self._desk.answer(by):
            await self._again(slot)
            return
        if slot.call.ended.is_set():
            await by.hangup(reason="who was parked has hung up")
            return
        log.info("taken out of parking", slot=number, by=by.id)
        await Join(self._desk, self._joins, by, slot.call).run()

    async def _wait(self, slot: Slot) -> None:
        call = slot.call
        log.info("parked", slot=slot.number)
        call.parked = slot.number
        try:
            await self._desk.tones.prepare(call.leg)
            if slot.taken.is_set():  # its leg is in a bridge by now, which music would take it out of
                return
            with self._desk.tones.waiting(call.leg):
                limit = self._desk.cfg.parking.timeout_s
                which = await first(slot.taken.wait(), call.ended.wait(), timeout_s=limit)
        finally:
            if self._slots.get(slot.number) is slot:
                del self._slots[slot.number]
            if not any(other.call is call for other in self._slots.values()):  # it may be parked again
                call.parked = ""
        if which is None and not slot.taken.is_set():
            log.info("parked too long", slot=slot.number, goes_to=slot.parker)
            await self._back(slot)

    async def _again(self, slot: Slot) -> None:
        """Who wanted the call has gone before the two could talk."""
        try:
            self.park(slot.call, slot.number, slot.parker, slot.via)
        except ParkingError:  # somebody else is there by now
            await self._back(slot)

    async def _back(self, slot: Slot) -> None:
        """To who parked it."""
        call = slot.call
        if not slot.parker:
            await call.hangup(reason="parked too long")
            return
        with self._desk.tones.ringing(call.leg):
            targets = Targets([slot.parker], slot.via, self._desk.cfg.parking.ring_s)
            made = await dial(self._desk, targets, call, lambda *_: None)
        if isinstance(made, Failure):
            await call.hangup(reason=f"parked too long, and back at {slot.parker}: {made.reason}")
        else:
            await Join(self._desk, self._joins, call, made).run()
