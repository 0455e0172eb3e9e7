# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening in: a supervisor hears both sides of a call and may whisper to one of them, or join. By a number of the routing
table, or by the API; who may is said by [[supervisors]]. The call that is listened to goes on as it was."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from mediacore import Leg, ListenIn, MediaError, clock_us
from sipagent.bridging.desk import Desk, called_of, calling_of
from sipagent.call import Call
from sipagent.config_routes import Mode, Supervisor
from sipagent.log import call_context, get_logger
from sipagent.routing.number import number_of
from sipagent.routing.pattern import Pattern
from sipagent.routing.table import DIRECT
from sipagent.signalling.errors import DestinationDenied, SignallingError
from sipagent.waiting import first

log = get_logger(__name__)

# Who hears the supervisor: the call's own party, whom that one talks with.
HEARD_BY: dict[Mode, tuple[bool, bool]] = {
    "listen": (False, False),
    "whisper": (True, False),
    "coach": (False, True),
    "barge": (True, True),
}
DIGITS: dict[str, Mode] = {"4": "listen", "5": "whisper", "6": "barge", "7": "coach"}
TAIL_S = 0.2  # for the supervisor's last sound to fade out of the call
RING_S = 30.0


class SupervisionError(Exception):
    """`code`: what a caller is told, and an HTTP client."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Listening:
    """A supervisor's call at another one."""

    def __init__(self, by: Call, target: Call, mode: Mode, allowed: frozenset[Mode]) -> None:
        """MediaError: a leg has closed."""
        assert isinstance(by.leg, Leg)
        assert isinstance(target.leg, Leg)
        self.by, self.target, self.mode, self.allowed = by, target, mode, allowed
        self.over = asyncio.Event()
        peer, other = HEARD_BY[mode]
        self._media = ListenIn(by.leg, target.leg, to_peer=peer, to_other=other)
        self._note: dict[str, Any] = {"by": by.id, "who": who_of(by), "modes": [mode], "from_us": clock_us()}
        target.notes.setdefault("listeners", []).append(self._note)
        self._tell(mode)
        log.info("listens in", listener=by.id, who=who_of(by), to=target.id, mode=mode)

    def set(self, mode: Mode) -> None:
        """SupervisionError: the supervisor may not."""
        if mode not in self.allowed:
            log.warning("may not listen so", listener=self.by.id, to=self.target.id, mode=mode)
            raise SupervisionError(403, f"[[supervisors]] does not allow {mode}; allowed: {', '.join(sorted(self.allowed))}")
        if mode == self.mode or self.over.is_set():
            return
        peer, other = HEARD_BY[mode]
        self._media.set(to_peer=peer, to_other=other)
        self.mode = mode
        self._note["modes"].append(mode)
        self._tell(mode)
        log.info("listens otherwise", listener=self.by.id, to=self.target.id, mode=mode)

    def digit(self, digit: str, ms: int) -> None:
        """The supervisor pressed a key."""
        if digit in DIGITS:
            with contextlib.suppress(SupervisionError):
                self.set(DIGITS[digit])

    async def close(self) -> None:
        """The call is left alone, without a click."""
        self.over.set()
        self._note["until_us"] = clock_us()
        self._tell("")
        log.info("listens no more", listener=self.by.id, to=self.target.id)
        if self.mode != "listen":
            self._media.set()
            await asyncio.sleep(TAIL_S)
        self._media.close()

    def _tell(self, mode: str) -> None:
        if mode:
            self.target.listeners[self.by.id] = mode
        else:
            self.target.listeners.pop(self.by.id, None)
        if self.target.on_listeners is not None:
            try:
                self.target.on_listeners()
            except Exception:  # an agent's: no fault of it is the supervisor's
                log.exception("on_listeners failed", call=self.target.id)


class Supervision:
    """One for the switch. Event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows = [_Row(row) for row in desk.cfg.supervisors]
        self._listening: dict[str, Listening] = {}  # by the supervisor's call

    async def dialled(self, by: Call, number: str, mode: Mode) -> None:
        """`by`, which has no answer yet, listens to the newest call of `number` that it may. Until either ends."""
        account, who = by.account or DIRECT, calling_of(by)
        stranger = self._desk.strangers.has(by)  # says any number, and nobody vouches for it
        if stranger or not any(row.is_for(account, who) for row in self._rows):
            log.warning("is no supervisor", call=by.id, account=account, number=who)
            await self._desk.refuse(by, 403, "not a supervisor")
            return
        found = [
            call for call in self._desk.user_agent.calls.values() if self._can_be_heard(call) and number in numbers_of(call)
        ]
        mine = [call for call in found if call is not by and mode in self._allowed(account, who, call)]
        if not mine:
            await self._desk.refuse(by, 404, "no such call")
            return
        target = max(mine, key=lambda call: (number_of(call.remote_uri) == number, call.answered_us))
        allowed = self._allowed(account, who, target)
        if await self._desk.answer(by):
            await self._run(by, target, mode, allowed)

    async def call_in(self, target_id: str, uri: str, via: str, mode: Mode) -> str:
        """Calls a supervisor, who listens when the call is answered. Its id. SupervisionError."""
        target = self._target(target_id)
        allowed = self._allowed(via or DIRECT, number_of(uri), target)
        if mode not in allowed:
            log.warning("may not listen", to=target.id, account=via or DIRECT, number=number_of(uri), mode=mode)
            raise SupervisionError(403, f"[[supervisors]] has no row that lets {number_of(uri)} {mode} to this call")
        placed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        ringing = self._desk.minder.spawn(self._ring(target, uri, via, mode, allowed, placed))
        try:
            await first(placed, ringing)
            if not placed.done():  # the switch stops, or is at fault
                raise SupervisionError(503, "the supervisor could not be called")
            return placed.result()
        finally:
            placed.cancel()

    def change(self, target_id: str, listener_id: str, mode: Mode) -> None:
        """SupervisionError."""
        self._at(target_id, listener_id).set(mode)

    def dismiss(self, target_id: str, listener_id: str) -> None:
        """The supervisor is hung up on. SupervisionError."""
        self._at(target_id, listener_id).over.set()

    async def _ring(
        self, target: Call, uri: str, via: str, mode: Mode, allowed: frozenset[Mode], placed: asyncio.Future[str]
    ) -> None:
        try:
            call = await self._desk.place(uri, via, RING_S, None)
        except (SignallingError, MediaError) as error:
            if not placed.cancelled():
                placed.set_exception(SupervisionError(403 if isinstance(error, DestinationDenied) else 503, str(error)))
            return
        if not placed.cancelled():
            placed.set_result(call.id)
        with call_context(call.id):
            which = await first(call.answered, call.ended, target.ended)
            if which == 0 and await self._desk.hears(call):
                await self._run(call, target, mode, allowed)
            else:
                log.info("supervisor not reached", code=call.end_code, reason=call.end_reason)
                await call.hangup(reason="the call has ended")

    async def _run(self, by: Call, target: Call, mode: Mode, allowed: frozenset[Mode]) -> None:
        by.other_id = target.id
        try:
            listening = self._listening[by.id] = Listening(by, target, mode, allowed)
        except MediaError as error:
            await by.hangup(reason=f"nothing to hear: {error}")
            return
        by.on_dtmf = listening.digit
        try:
            await first(by.ended, target.ended, listening.over.wait())
        finally:
            by.on_dtmf = None
            del self._listening[by.id]
            await listening.close()
        await by.hangup(reason="the call has ended" if target.ended.is_set() else "dismissed")

    def _target(self, call_id: str) -> Call:
        call = self._desk.user_agent.calls.get(call_id)
        if call is None or not self._can_be_heard(call):
            raise SupervisionError(404, f"no call {call_id!r} that is answered and not over")
        return call

    def _at(self, target_id: str, listener_id: str) -> Listening:
        listening = self._listening.get(listener_id)
        if listening is None or listening.target.id != target_id:
            raise SupervisionError(404, f"no listener {listener_id!r} at call {target_id!r}")
        return listening

    def _can_be_heard(self, call: Call) -> bool:
        return call.answered.is_set() and not call.ended.is_set() and call.id not in self._listening

    def _allowed(self, account: str, who: str, target: Call) -> frozenset[Mode]:
        numbers = numbers_of(target)
        return frozenset(mode for row in self._rows if row.is_for(account, who) and row.has(numbers) for mode in row.modes)


class _Row:
    """Of [[supervisors]]."""

    def __init__(self, row: Supervisor) -> None:
        self.modes = row.modes
        self._account, self._number, self._calls = (_any(texts) for texts in (row.accounts, row.numbers, row.calls))

    def is_for(self, account: str, number: str) -> bool:
        return self._account([account]) and self._number([number])

    def has(self, numbers: Iterable[str]) -> bool:
        return self._calls(numbers)


def _any(texts: list[str]) -> Callable[[Iterable[str]], bool]:
    patterns = [Pattern(text) for text in texts]
    return lambda values: not patterns or any(p.matches(value) for p in patterns for value in values)


def numbers_of(call: Call) -> set[str]:
    """Both parties of a call, as numbers or names."""
    return {number_of(call.remote_uri), number_of(call.identity), called_of(call)} - {""}


def who_of(call: Call) -> str:
    """A supervisor, for people."""
    number = calling_of(call) if call.direction == "in" else number_of(call.remote_uri)
    return f"{number} by {call.account or DIRECT}"
