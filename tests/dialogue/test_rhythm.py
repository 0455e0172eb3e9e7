# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpointing by what is known of a turn, and by the caller's own pauses, within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.dialogue.rhythm import PAUSE_US, STEP_US, WELL, Completeness, Rhythm

Stage = Any  # conftest.Stage
SURE, LIKELY, UNFINISHED = Completeness.SURE, Completeness.LIKELY, Completeness.UNFINISHED


def rhythm(*, adapts: bool = True) -> Rhythm:
    return Rhythm(300, 600, 700, adapts=adapts)


def brisk(turns: int) -> Rhythm:
    r = rhythm()
    for _ in range(turns):
        r.ended()
    return r


def test_the_less_is_known_the_longer_it_waits() -> None:
    assert [rhythm().wait_us(judged) for judged in (SURE, LIKELY, UNFINISHED, None)] == [300_000, 600_000, 700_000, 700_000]
    odd = Rhythm(500, 300, 200, adapts=True)
    assert {odd.wait_us(judged) for judged in (SURE, LIKELY, UNFINISHED)} == {500_000}


def test_a_brisk_caller_is_answered_sooner_and_sooner() -> None:
    assert brisk(WELL - 1).wait_us(LIKELY) == 600_000
    assert brisk(WELL).wait_us(LIKELY) == 600_000 - STEP_US
    assert brisk(20).wait_us(LIKELY) == 300_000
    assert brisk(20).wait_us(UNFINISHED) == 700_000


def test_one_pause_and_it_waits_again() -> None:
    r = brisk(20)
    r.went_on(PAUSE_US - 1)
    assert r.wait_us(LIKELY) == 300_000
    r.went_on(PAUSE_US)
    assert r.wait_us(LIKELY) == 600_000
    for _ in range(WELL):  # the first of them is the turn with the pause
        r.ended()
    assert r.wait_us(LIKELY) == 600_000
    r.ended()
    assert r.wait_us(LIKELY) == 600_000 - STEP_US


@given(st.lists(st.one_of(st.integers(0, 5_000_000), st.none())), st.booleans())
def test_it_stays_in_its_bounds(pauses: list[int | None], adapts: bool) -> None:
    r = rhythm(adapts=adapts)
    for pause in pauses:
        r.ended() if pause is None else r.went_on(pause)
        assert 300_000 <= r.wait_us(LIKELY) <= 600_000
        assert adapts or r.wait_us(LIKELY) == 600_000


def endpoints_ms(stage: Stage, pause_s: float = 0.0, turns: int = 8) -> list[float]:
    stage.cfg |= {"end_silence_likely_ms": 600, "end_silence_incomplete_ms": 700}

    async def scene() -> None:
        await stage.quiet()
        for i in range(turns):
            stage.say(f"it is number {i}.", 0.8)
            if pause_s:
                stage.silence(pause_s)
                stage.say("and that is all.", 0.8)
            await stage.quiet(2.0)

    stage.play(scene())
    assert len(stage.ledger) == turns
    return [turn["stages"]["endpoint_ms"] for turn in stage.ledger]


def test_through_whole_turns_the_wait_falls(stage: Stage) -> None:
    first, *_, last = endpoints_ms(stage)
    assert first == pytest.approx(600, abs=35)
    # The end of a turn is known to be one when the next is over: six are, and the third begins it.
    assert last == pytest.approx(600 - 4 * STEP_US / 1000, abs=35)


def test_a_caller_who_pauses_is_not_cut_off(stage: Stage) -> None:
    stage.cfg["preemptive"] = False  # what is begun too early would be retracted, too
    waits = endpoints_ms(stage, pause_s=0.45)
    assert stage.script.retracted == 0
    assert waits == pytest.approx([600] * 8, abs=35)


def test_what_the_agent_knows_to_be_complete_is_not_waited_for(stage: Stage) -> None:
    stage.script.judge = lambda text: True
    assert endpoints_ms(stage) == pytest.approx([300] * 8, abs=35)
