# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpointing follows the caller's own pauses, within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.dialogue.rhythm import LEAST, Rhythm

Stage = Any  # conftest.Stage


def rhythm(*, adapts: bool = True) -> Rhythm:
    return Rhythm(300, 800, adapts=adapts)


def test_who_was_nearly_cut_off_gets_more_time_at_once() -> None:
    r = rhythm()
    r.went_on(280_000)
    assert 340_000 < r.complete_us < 360_000
    r.went_on(400_000)
    assert 490_000 < r.complete_us < 510_000


def test_a_short_pause_teaches_nothing() -> None:
    r = rhythm()
    r.went_on(200_000)
    assert r.complete_us == 300_000


def test_impatience_is_not_a_pause() -> None:
    r = rhythm()
    r.went_on(900_000)
    assert r.complete_us == 300_000


def test_turns_that_end_well_bring_it_back_and_a_brisk_caller_is_answered_sooner() -> None:
    r = rhythm()
    r.went_on(500_000)
    slow = r.complete_us
    for _ in range(10):
        r.ended()
    assert 300_000 < r.complete_us < slow - 100_000
    brisk = rhythm()
    for _ in range(3):
        brisk.ended()
    assert brisk.complete_us == 300_000
    for _ in range(9):
        brisk.ended()
    assert brisk.complete_us == LEAST * 300_000


@given(st.lists(st.one_of(st.integers(0, 5_000_000), st.none())), st.booleans())
def test_it_stays_in_its_bounds(pauses: list[int | None], adapts: bool) -> None:
    r = rhythm(adapts=adapts)
    for pause in pauses:
        r.ended() if pause is None else r.went_on(pause)
        assert LEAST * 300_000 <= r.complete_us <= r.incomplete_us == 800_000
        assert adapts or r.complete_us == 300_000


@pytest.mark.parametrize(("adapts", "cut_off"), [(True, 1), (False, 3)])
def test_a_caller_with_long_pauses_is_cut_off_once(stage: Stage, adapts: bool, cut_off: int) -> None:
    stage.cfg |= {"end_silence_adapts": adapts, "preemptive": False}  # what is begun too early would be retracted, too

    async def scene() -> None:
        await stage.quiet()
        for i in range(3):
            stage.say(f"it is number {i}.", 0.8)
            stage.silence(0.38)
            stage.say("and that is all.", 0.8)
            await stage.quiet(2.0)

    stage.play(scene())
    assert stage.script.retracted == cut_off
    assert stage.lines("caller")[-1].endswith("and that is all.")
