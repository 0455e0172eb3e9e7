# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller is told when nobody could be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sipagent.signalling.causes import Reason


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one target was not reached: the status it gave, or ours."""

    code: int
    reason: str
    because: Reason | None = None  # the callee's own (RFC 3326)


# A callee's status that would mean something else to the caller.
_TOLD = {
    401: 500,  # it asked us for a password, and not the caller
    407: 500,
    408: 480,  # nobody answered: the caller's own request did not time out
    481: 480,
    487: 480,  # we cancelled it
    503: 500,  # the caller would take it that all of this switch is down (RFC 3261 section 16.7, step 6)
}


def told(failures: Sequence[Failure]) -> Failure:
    """The best of them (RFC 3261 section 16.7, step 6): a 6xx, else the one that says most of the callee: busy or refused
    before unavailable before broken."""
    if not failures:
        return Failure(480, "nobody to call")
    best = min(failures, key=_rank)
    code = _TOLD.get(best.code, best.code)
    return Failure(code if code >= 400 else 480, best.reason, best.because)


def _rank(failure: Failure) -> int:
    if failure.code >= 600:
        return 0
    told_code = _TOLD.get(failure.code, failure.code)
    return 3 if told_code >= 500 else 2 if told_code == 480 or told_code < 400 else 1
