# SPDX-License-Identifier: GPL-3.0-or-later
"""How many calls an account may have, and how long each may ring, talk and stay on hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from mediacore import clock_us
from sipagent.call import Call
from sipagent.config import Config
from sipagent.log import get_logger
from sipagent.protection.quota import DAY_S, Quotas, Refusal, Use
from sipagent.signalling.errors import CallLimitError
from sipagent.signalling.registration import account_name

log = get_logger(__name__)


def days() -> float:
    """Since 1970, UTC, with what has passed of this one."""
    return time.time() / DAY_S


class Limits:
    """Two timers for each call: one for what it waits for, one for its whole length. `end(call id, code, reason)` is called on
    the loop when a time is over."""

    def __init__(self, cfg: Config, end: Callable[[str, int, str], None]) -> None:
        self._cfg = cfg
        self._end = end
        self._accounts = {
            "": cfg.protection.direct,
            **{account_name(a): a for a in cfg.sip.accounts},
            **{trunk.name: trunk for trunk in cfg.sip.trunks},
        }
        self._quotas = Quotas(self._accounts)
        self._waits: dict[str, asyncio.TimerHandle] = {}
        self._lengths: dict[str, asyncio.TimerHandle] = {}

    def uses(self) -> list[Use]:
        """What each account has used."""
        return self._quotas.uses(clock_us(), days())

    def admit(self, call: Call) -> Refusal | None:
        """Takes room for a call; why not, where its account has none left."""
        refusal = self._quotas.admit(call.account, call.id, clock_us(), days())
        if refusal is not None:
            log.warning("call above a limit", account=call.account, limit=refusal.limit, direction=call.direction)
        return refusal

    def admit_or_raise(self, call: Call) -> None:
        """The same of a call that we make: CallLimitError."""
        if (refusal := self.admit(call)) is not None:
            raise CallLimitError(str(refusal))

    def expect_answer(self, call: Call, ring_s: float) -> None:
        """A call that nobody answers must not ring for ever."""
        self._start(call.id, ring_s, 408 if call.direction == "out" else 480, f"not answered in {ring_s:g} s")

    def answered(self, call: Call) -> None:
        """Nor may a call that is up stay so for ever."""
        self._quotas.answered(call.account, call.id, clock_us())
        given = self._accounts.get(call.account)
        most_s = (given.max_call_s if given is not None else 0) or self._cfg.protection.max_call_s
        if most_s:
            later = asyncio.get_running_loop().call_later
            self._lengths[call.id] = later(most_s, self._end, call.id, 0, f"longer than {most_s:g} s")
        self.expect_resume(call)

    def expect_resume(self, call: Call) -> None:
        """Nor wait for ever on hold."""
        _cancel(self._waits, call.id)
        if call.held:
            hold_s = self._cfg.sip.calls.hold_s
            self._start(call.id, hold_s, 408, f"on hold for {hold_s:g} s")

    def forget(self, call: Call) -> None:
        """The call is over: its timers and its room."""
        _cancel(self._waits, call.id)
        _cancel(self._lengths, call.id)
        self._quotas.ended(call.account, call.id, clock_us(), days())

    def _start(self, key: str, seconds: float, code: int, reason: str) -> None:
        self._waits[key] = asyncio.get_running_loop().call_later(seconds, self._end, key, code, reason)


def _cancel(timers: dict[str, asyncio.TimerHandle], key: str) -> None:
    if (timer := timers.pop(key, None)) is not None:
        timer.cancel()
