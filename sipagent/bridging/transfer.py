# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers: those that a peer asks for (REFER, RFC 3515; an INVITE with Replaces, RFC 3891), and those of an agent. In a
switch that stands between the two parties nobody else has to take part: the one who stays is joined with somebody new here."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from sipagent.bridging.codes import Failure
from sipagent.bridging.desk import Desk
from sipagent.bridging.dial import Targets, dial
from sipagent.bridging.join import Join, Joins
from sipagent.call import Call, CallRecording, TransferError
from sipagent.log import get_logger
from sipagent.signalling.errors import DestinationDenied, UriError
from sipagent.signalling.transfer import ReferTo
from sipagent.waiting import first

log = get_logger(__name__)

GOODBYE_S = 5.0  # for who transferred a call to hang up by itself
RING_S = 30.0

# (who sent the REFER, who is to go there, where, whom to tell): the call that was answered there; None = it is there already.
Deliver = Callable[[Call, Call, ReferTo, "Notifier"], Awaitable[Call | Failure | None]]
# (who sent the REFER, who stays, its other call): the second has the third's place at an agent, in a room, in a parking slot.
TakeSeat = Callable[[Call, Call, Call], bool]


class Notifier:
    """Tells who sent a REFER how it goes."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._last = 0
        self.words = ""  # that go with 200

    async def tell(self, code: int, reason: str = "") -> None:
        """The same status is told once; nothing after a final one."""
        if code != self._last and self._last < 200:
            self._last = code
            await self._call.control.notify(code, self.words if code == 200 else reason)


class Transfers:
    """`deliver`, `take_seat`: see `sipagent.bridging.attendant.Attendant`."""

    def __init__(self, desk: Desk, joins: Joins, deliver: Deliver, take_seat: TakeSeat) -> None:
        self._desk = desk
        self._joins = joins
        self._deliver = deliver
        self._take_seat = take_seat
        self._music: dict[str, contextlib.ExitStack] = {}  # what callers hear while somebody is consulted

    # ---- asked for by a peer

    def referred(self, call: Call, target: ReferTo) -> None:
        """`call`'s peer wants who it talks with to be connected with `target`."""
        log.info("transfer asked for", call=call.id, to=target.uri, attended=target.replaces is not None)
        self._desk.minder.spawn(self._serve(call, target))

    async def _serve(self, call: Call, target: ReferTo) -> None:
        """An agent is no party that can be sent away, but to another call of the same peer."""
        talks = call.id in self._desk.talks
        if talks and target.replaces is not None:
            await self._hand_agent_over(call, target)
            return
        join = None if talks or call.room else await self._joins.soon(call)
        if join is None or not call.answered.is_set():
            await call.control.notify(603, "nobody to transfer")
            return
        stays = join.other(call)
        self._desk.minder.hand(self._move(call, stays, target), call, stays)
        join.release()

    async def _move(self, by: Call, stays: Call, target: ReferTo) -> None:
        notifier = Notifier(by)
        await notifier.tell(100)
        self._wake(by, stays)
        made = await self._deliver(by, stays, target, notifier)
        if isinstance(made, Failure):
            log.info("transfer failed", code=made.code, reason=made.reason)
            await notifier.tell(made.code, made.reason)
            await self._back(by, stays)
            return
        await notifier.tell(200)
        self._desk.minder.hand(self._goodbye(by), by)
        if made is not None:
            await self._run(stays, made)

    async def _hand_agent_over(self, by: Call, target: ReferTo) -> None:
        """`by` talks with an agent and wants the party of its other call to do so instead."""
        notifier = Notifier(by)
        await notifier.tell(100)
        agent = self._desk.talks.get(by.id)
        other = await self.exchange(by, None, target) if agent is not None else Failure(481, "the agent has hung up")
        if isinstance(other, Failure) or other is None or agent is None:
            other = other if isinstance(other, Failure) else Failure(603, "nobody to transfer")
            await notifier.tell(other.code, other.reason)
            return
        self._desk.minder.hand(self._desk.converse(other, agent), other)
        await notifier.tell(200)
        self._desk.minder.hand(self._goodbye(by), by)

    def _refusal(self, by: Call, old: Call) -> Failure | None:
        """Why `by` may not have `old`'s place, None when it may. Who knows the dialog must also have come the way
        that it did: a stranger has no business in a trunk's call (RFC 3891 section 8)."""
        if by.account != old.account:
            return Failure(403, "not a call of yours")
        if self._joins.of(old) is None:
            return Failure(603, "nobody to talk with")
        return None

    async def _back(self, by: Call, stays: Call) -> None:
        """The transfer failed: the two talk again, if the one who asked for it is still there."""
        if by.ended.is_set():
            await stays.hangup(reason="transfer failed")
        else:
            await self._run(by, stays)

    async def _run(self, a: Call, b: Call) -> None:
        if a.ended.is_set() or b.ended.is_set():
            for call in (a, b):
                await call.hangup(reason="the other side hung up")
            return
        await Join(self._desk, self._joins, a, b).run()

    @staticmethod
    async def _goodbye(call: Call) -> None:
        """Who has transferred a call hangs up by itself, as a rule."""
        await first(call.ended.wait(), timeout_s=GOODBYE_S)
        await call.hangup(reason="transferred")

    # ---- an INVITE with Replaces: somebody takes the place of one of our peers

    async def replace(self, new: Call, old: Call) -> None:
        """RFC 3891 section 3: the new call is answered, and the old one ends."""
        if (refusal := self._refusal(new, old)) is not None:
            await new.hangup(refusal.code, refusal.reason)
            return
        if not await self._desk.answer(new):
            return
        if (join := self._joins.of(old)) is None:  # it ended meanwhile
            await new.hangup(reason="nobody to talk with")
            return
        await self._run(self.part(join, old), new)

    # ---- a REFER with Replaces that names another call of ours

    async def exchange(self, by: Call, stays: Call | None, target: ReferTo) -> Call | Failure | None:
        """`stays` gets the place of who sent the REFER in its other call, which ends: with whoever is joined there, who is
        returned; with an agent, in a room or in the parking slot that it was told. `stays` None: only somebody who is joined is
        wanted."""
        assert target.replaces is not None
        old = await self._desk.user_agent.dialog(target.replaces)
        if old is None or old is by or not old.answered.is_set() or old.ended.is_set():
            return Failure(481, "no such call here")
        if target.replaces.early_only:
            return Failure(486, "that call is answered")
        if old.account != by.account:  # as for an INVITE with Replaces
            return Failure(403, "not a call of yours")
        log.info("two calls are exchanged", by=by.id, ends=old.id)
        if stays is not None and self._take_seat(by, stays, old):
            self._desk.minder.hand(self._replaced(old), old)
            return None
        join = await self._joins.soon(old)
        if join is None or join.other(old) is stays:
            return Failure(603, "nobody to talk with")
        return self.part(join, old)

    def part(self, join: Join, old: Call) -> Call:
        """`old` leaves its join and ends; who stays is held by the task that runs now."""
        stays = join.other(old)
        self._desk.minder.keep(stays)
        self._desk.minder.hand(self._replaced(old), old)
        join.release()
        self._wake(old, stays)
        return stays

    def _wake(self, gone: Call, stays: Call) -> None:
        """Phones hold before they transfer, and the join took the hold on: nobody else would take it back."""
        if gone.held and self._desk.cfg.bridge.on_hold == "pass":
            self._desk.minder.spawn(stays.control.hold(False))

    @staticmethod
    async def _replaced(call: Call) -> None:
        await call.hangup(reason="replaced by another call")

    # ---- an agent's: sipagent.call.Switchboard

    async def transfer(self, call: Call, uri: str, via: str) -> None:
        """See `Call.transfer`."""
        self._check(uri)
        agreed, code = await call.control.refer(uri)
        if code and 200 <= code < 300:
            self._desk.minder.hand(self._goodbye(call), call)
            return
        if call.ended.is_set():
            raise TransferError(0, "the caller hung up")
        if agreed:
            raise TransferError(code, "the target did not take the call")
        log.info("peer does not take REFER: bridging", code=code)
        with self._desk.tones.ringing(call.leg):
            made = await self._call(call, uri, via)
        await self.connect(call, made)

    async def consult(self, call: Call, uri: str, via: str) -> Call:
        """See `Call.consult`."""
        for gone in self._music.keys() - self._desk.user_agent.calls.keys():  # hung up while somebody was consulted
            self._music.pop(gone).close()
        music = self._music[call.id] = contextlib.ExitStack()
        music.enter_context(self._desk.tones.waiting(call.leg))
        try:
            return await self._call(call, uri, via)
        except BaseException:
            self._quiet(call)
            raise

    async def connect(self, call: Call, other: Call) -> None:
        """See `Call.connect`."""
        self._quiet(call)
        if call.ended.is_set():
            await other.hangup(reason="caller hung up")
            raise TransferError(0, "the caller hung up")
        if other.ended.is_set():
            raise TransferError(other.end_code, "who was consulted hung up")
        self._desk.minder.hand(self._run(call, other), call, other)

    async def release(self, call: Call, other: Call) -> None:
        """See `Call.release`."""
        self._quiet(call)
        await other.hangup(reason="not connected")

    async def bridge(self, call: Call, uri: str, via: str) -> bool:
        """See `Call.bridge`."""
        with self._desk.tones.ringing(call.leg):
            made = await self._call(call, uri, via)
        stayed = True
        try:
            if not (call.ended.is_set() or made.ended.is_set()):
                join = Join(self._desk, self._joins, call, made)
                try:
                    stayed = await join.run(stays=call)
                finally:
                    join.close()
        finally:
            if stayed:  # else whoever took them apart has both
                await made.hangup(reason="the other side hung up")
        return stayed

    async def answer(self, call: Call) -> bool:
        """See `Switchboard`."""
        return await self._desk.answer(call)

    def record(self, call: Call, path: Path) -> CallRecording:
        """See `Switchboard`."""
        return self._desk.book.record_to(call, path)

    async def _call(self, call: Call, uri: str, via: str) -> Call:
        made = await dial(self._desk, Targets([uri], via, RING_S), call, lambda *_: None)
        if isinstance(made, Failure):
            raise TransferError(made.code, made.reason)
        return made

    def _check(self, uri: str) -> None:
        """What we may not call, a peer is not asked to call either."""
        try:
            self._desk.user_agent.allowed(uri)
        except (DestinationDenied, UriError) as error:
            raise TransferError(403, str(error)) from None

    def _quiet(self, call: Call) -> None:
        if (music := self._music.pop(call.id, None)) is not None:
            music.close()
