# SPDX-License-Identifier: GPL-3.0-or-later
"""What accounts and trunks have used, and whether one more call is within their limits. Pure: time comes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sipagent.config_limits import CallLimits

DAY_S = 86400
LONGEST_RETRY_S = 3600


@dataclass(frozen=True, slots=True)
class Refusal:
    """One call too many."""

    account: str
    limit: str  # the key that says so
    retry_after_s: int  # not before

    def __str__(self) -> str:
        whose = f"account {self.account}" if self.account else "direct calls"
        return f"{whose}: {self.limit} reached"


@dataclass(slots=True)
class Use:
    """Of one account; "" = calls without one."""

    account: str
    limits: CallLimits
    calls: dict[str, int] = field(default_factory=dict)  # id -> monotonic time of the answer, 0 = not answered
    refused: Counter[str] = field(default_factory=Counter)  # by limit
    tokens: float = 0.0
    filled_us: int = 0
    day: int = -1
    talked_us: int = 0  # on that day, by calls that ended on it

    def minutes(self, now_us: int) -> float:
        """Today's, of calls that are up too, as they stood when the day was last looked at."""
        up_us = sum(now_us - answered for answered in self.calls.values() if answered)
        return (self.talked_us + up_us) / 60e6


class Quotas:
    """One for the switch. `days`: since 1970 by the wall clock (UTC), with what has passed of this one: minutes are counted
    anew on each, and those of a call that goes on through midnight on the day that they fall on."""

    def __init__(self, limits: Mapping[str, CallLimits]) -> None:
        self._uses = {account: Use(account, its) for account, its in limits.items()}

    def uses(self, now_us: int, days: float) -> list[Use]:
        """One for each account that was given, in that order."""
        for use in self._uses.values():
            self._turn(use, now_us, days)
        return list(self._uses.values())

    def admit(self, account: str, key: str, now_us: int, days: float) -> Refusal | None:
        """Takes room for the call `key`, until `ended`; or why there is none. A refusal uses nothing up."""
        use = self._uses.get(account)
        if use is None:
            return None
        self._turn(use, now_us, days)
        refusal = self._refusal(use, now_us)
        if refusal is not None:
            use.refused[refusal.limit] += 1
            return refusal
        use.tokens -= 1.0
        use.calls[key] = 0
        return None

    def answered(self, account: str, key: str, now_us: int) -> None:
        """Its minutes begin."""
        if (use := self._uses.get(account)) is not None and key in use.calls:
            use.calls[key] = now_us

    def ended(self, account: str, key: str, now_us: int, days: float) -> None:
        """Its room is free again; nothing for a call that had none."""
        if (use := self._uses.get(account)) is not None:
            self._turn(use, now_us, days)
            if answered := use.calls.pop(key, None):
                use.talked_us += now_us - answered

    @staticmethod
    def _turn(use: Use, now_us: int, days: float) -> None:
        day = int(days)
        if use.day != day:
            use.day, use.talked_us = day, 0
            midnight_us = now_us - round((days - day) * DAY_S * 1e6)
            use.calls = {key: answered and max(answered, midnight_us) for key, answered in use.calls.items()}

    @staticmethod
    def _refusal(use: Use, now_us: int) -> Refusal | None:
        limits = use.limits
        if limits.max_calls and len(use.calls) >= limits.max_calls:
            return Refusal(use.account, "max_calls", 0)
        if limits.minutes_per_day and use.minutes(now_us) >= limits.minutes_per_day:
            return Refusal(use.account, "minutes_per_day", LONGEST_RETRY_S)
        if limits.calls_per_s:
            most = max(1.0, 2 * limits.calls_per_s)
            since_s = (now_us - use.filled_us) / 1e6 if use.filled_us else most / limits.calls_per_s
            use.tokens, use.filled_us = min(most, use.tokens + since_s * limits.calls_per_s), now_us
            if use.tokens < 1.0:
                return Refusal(use.account, "calls_per_s", min(LONGEST_RETRY_S, int((1 - use.tokens) / limits.calls_per_s) + 1))
        return None
