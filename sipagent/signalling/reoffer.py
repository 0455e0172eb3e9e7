# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own re-INVITEs (RFC 3261 section 14): one at a time, the outcome told to who asked for it, glare tried again."""

from __future__ import annotations

import random
from collections.abc import Callable

GLARE = 491
GONE = 481  # what is told when the call ends meanwhile
TRIES = 8

Answer = Callable[[int], None]


def glare_s(ours: bool, rng: random.Random) -> float:
    """How long to wait after a 491, in steps of 10 ms: who owns the Call-ID waits longer (RFC 3261 section 14.1)."""
    return rng.randint(210, 400) / 100 if ours else rng.randint(0, 200) / 100


class Reoffer:
    """The re-INVITE of a call that waits for its final response. PJSIP repeats one by itself with credentials (401, 407) or a
    longer interval (422), and tells the end of the first one then: the last one's counts. Sip thread."""

    def __init__(self) -> None:
        self._answer: Answer | None = None
        self._newest = 0

    def send(self, answer: Answer, how: Callable[[], bool]) -> None:
        """`how` sends it; False: the peer's own is under way. Then, or when one of ours is, the answer is 491 at once."""
        if self._answer is not None:
            answer(GLARE)
            return
        if how():
            self._answer = answer
        else:
            answer(GLARE)

    def began(self, transaction: int) -> None:
        """An INVITE of ours went out."""
        self._newest = transaction

    def ended(self, transaction: int, code: int) -> None:
        """It has its final response, or none in time."""
        if transaction == self._newest:
            self.final(code)

    def final(self, code: int) -> None:
        """The final response, or the end of the call."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(code)
