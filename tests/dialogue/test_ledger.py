# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's arithmetic."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sipagent.config_dialogue import Budget
from sipagent.dialogue.ledger import BargeIn, Line, Turn

TIMES = ("last_speech", "end_of_turn", "stt_final", "first_token", "first_tts", "first_packet")


def turn(*times: int) -> Turn:
    t = Turn(1)
    for name, t_us in zip(TIMES, times, strict=True):
        setattr(t, name, t_us)
    return t


def test_stages_of_a_turn() -> None:
    t = turn(1_000_000, 1_300_000, 1_350_000, 1_351_000, 1_370_000, 1_382_500)
    assert t.gap_ms == 382.5
    assert t.stages() == {"endpoint_ms": 300, "stt_ms": 50, "brain_ms": 1, "tts_ms": 19, "wire_ms": 12.5}


def test_what_was_done_before_the_end_was_decided_costs_nothing() -> None:
    t = turn(1_000_000, 1_300_000, 1_290_000, 1_301_000, 1_320_000, 1_330_000)
    assert t.stages()["stt_ms"] == 0
    assert t.stages()["brain_ms"] == 1


@given(st.integers(0, 10**9), st.lists(st.integers(-(10**5), 10**6), min_size=4, max_size=4), st.integers(0, 10**6))
def test_stages_add_up_to_the_gap(start: int, steps: list[int], last: int) -> None:
    middle = [start + s for s in steps]
    t = turn(start, *middle, max(start, *middle) + last)
    assert t.gap_ms is not None
    assert abs(sum(t.stages().values()) - t.gap_ms) < 1e-6


def test_a_turn_without_an_answer_has_no_gap() -> None:
    t = Turn(3, last_speech=5, end_of_turn=9)
    assert t.gap_ms is None
    assert t.stages() == {"endpoint_ms": 0.004}


def test_a_turn_over_its_budget_names_the_stage_that_is_furthest_over_its_share() -> None:
    t = turn(0, 500_000, 900_000, 910_000, 1_000_000, 1_010_000)
    t.engines = {"vad": "silero", "stt": "whisper"}
    assert t.over_budget() == {"stage": "stt", "engine": "whisper", "stage_ms": 400, "over_ms": 10}
    t.budget = Budget(turn_ms=1005, stt_ms=390)
    assert t.over_budget() == {"stage": "endpoint", "engine": "silero", "stage_ms": 500, "over_ms": 5}
    for within in (Budget(turn_ms=1010), Budget(turn_ms=0)):
        t.budget = within
        assert t.over_budget() is None
    t.budget, t.first_packet = Budget(), None
    assert t.over_budget() is None


def test_everything_is_ready_for_json() -> None:
    t = turn(1, 2, 3, 4, 5, 6)
    t.barge_in = BargeIn(10, 20, 100_010)
    assert json.loads(json.dumps(t.to_dict()))["barge_in"]["latency_ms"] == 100
    assert BargeIn(10, 20).to_dict()["latency_ms"] is None
    assert Line(1, "agent", "hello").to_dict()["heard"] is None
