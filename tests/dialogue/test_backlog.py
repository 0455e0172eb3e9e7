# SPDX-License-Identifier: GPL-3.0-or-later
"""What a conversation does when the CPU has no time for guesses: it waits for the end of the turn, and no
word is lost."""

from __future__ import annotations

import asyncio

import pytest

from sipagent.engines.base import EngineBusy
from sipagent.engines.deadline import Due, due_now
from sipagent.testing import ScriptedStt
from tests.dialogue.conftest import Stage


class BusyStt(ScriptedStt):
    """Refuses what is not needed at once, as the pool does when too much waits."""

    dues: list[Due | None]
    after_s = 0.0

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        self.dues = [*getattr(self, "dues", []), due_now()]
        wanted = due_now()
        if wanted is not None and wanted.until_s is not None:
            await asyncio.sleep(self.after_s)
            raise EngineBusy("refused")
        return await super().transcribe(pcm, rate)


@pytest.mark.parametrize("after_s", [0.0, 2.0])
def test_a_refused_guess_is_made_up_for_at_the_end_of_the_turn(stage: Stage, after_s: float) -> None:
    """Also when it still waited for the CPU at that end, and was refused behind it."""
    stage.stt = BusyStt(stage.speech)
    stage.stt.after_s = after_s

    async def scene() -> None:
        await stage.quiet()
        stage.say("I have a question.")
        await stage.quiet(4.0)

    stage.play(scene())
    assert stage.lines("caller") == ["I have a question."]
    assert stage.lines("agent")[1:] == ["You said I have a question."]
    guess, final = stage.stt.dues
    assert guess is not None
    assert final is not None
    assert guess.until_s is not None
    assert final.until_s is None, "the caller waits: it is not refused for being late"
    (turn,) = stage.ledger
    assert turn["stages"]["stt_ms"] >= 1000 * stage.stt.latency_s


def test_the_next_clause_is_needed_when_the_last_one_ends(stage: Stage) -> None:
    """The pool lets a caller who hears silence go before one who still listens."""
    waits: list[float] = []
    synthesize = stage.tts.synthesize

    def noted(text, rate):  # type: ignore[no-untyped-def]
        if (due := due_now()) is not None:
            waits.append(due.at_s)
        return synthesize(text, rate)

    stage.tts.synthesize = noted  # type: ignore[method-assign]

    async def scene() -> None:
        await stage.quiet()

    stage.play(scene())
    first, second = waits[-2:]
    assert second - first > 0.5, "Hello, this is the test. How can I help you?"
