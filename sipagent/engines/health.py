# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an engine is worth asking: one that failed again and again rests, and is then tried by one caller before all others
(a circuit breaker)."""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Literal

from sipagent.engines.base import EngineBusy
from sipagent.log import get_logger

log = get_logger(__name__)

FAILURES = 3  # in a row; one is an accident
REST_S, MAX_REST_S = 10.0, 300.0  # doubled each time that the trial after it fails
TRIAL_S = 30.0  # a trial that tells nothing for so long is forgotten

# answered: its answer was used. failed, refused (busy for now). late: another was asked beside it. lost: the other was faster.
Outcome = Literal["answered", "failed", "refused", "late", "lost"]

# Of the process, by (role, engine, outcome): metrics must not go backwards when an agent is loaded anew.
OUTCOMES: Counter[tuple[str, str, str]] = Counter()
ALL: weakref.WeakSet[Health] = weakref.WeakSet()


class Health:
    """Of one engine in one role. `clock` gives seconds."""

    def __init__(self, role: str, engine: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.role, self.engine = role, engine
        self._clock = clock
        self._bad = 0
        self._rest_s = REST_S
        self._until_s = 0.0  # rests until then; 0 = it does not
        self._trial_s: float | None = None
        ALL.add(self)

    @property
    def resting(self) -> bool:
        """It is passed over, unless nobody else is there."""
        return self._clock() < self._until_s

    def usable(self) -> bool:
        """Ask it now? After its rest only one is told yes until the outcome is known."""
        now_s = self._clock()
        if now_s < self._until_s:
            return False
        if self._until_s == 0.0:
            return True
        if self._trial_s is not None and now_s < self._trial_s + TRIAL_S:
            return False
        self._trial_s = now_s
        return True

    def outcome(self, what: Outcome, error: BaseException | None = None) -> None:
        """Takes down how an attempt went."""
        OUTCOMES[self.role, self.engine, what] += 1
        if what == "answered":
            if self._until_s:
                log.info("engine is well again", role=self.role, engine=self.engine)
            self._bad, self._rest_s, self._until_s, self._trial_s = 0, REST_S, 0.0, None
        elif what == "refused":
            self._trial_s = None
            if isinstance(error, EngineBusy) and error.retry_after_s:
                self._until_s = self._clock() + min(error.retry_after_s, MAX_REST_S)
        elif what in ("failed", "lost"):
            self._failed(error)

    def _failed(self, error: BaseException | None) -> None:
        self._bad += 1
        again, self._trial_s = self._trial_s is not None, None
        if self._bad < FAILURES and not again:
            return
        if again:
            self._rest_s = min(2 * self._rest_s, MAX_REST_S)
        self._until_s = self._clock() + self._rest_s
        log.warning("engine rests", role=self.role, engine=self.engine, seconds=self._rest_s, reason=str(error or "too late"))
