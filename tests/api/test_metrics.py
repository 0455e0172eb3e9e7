# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus reads."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

import mediacore
from sipagent.api import engine_health
from sipagent.api.metrics import MEDIA, WORKER, Metrics
from sipagent.call import CallState
from sipagent.config_dialogue import Budget
from sipagent.dialogue.events import DialogueEvent
from sipagent.dialogue.ledger import BargeIn, Turn
from sipagent.engines.health import FAILURES, Health
from tests.api.switch import STATS, Account, Recording, Switch, samples


async def test_metrics_of_live_calls(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.add("a", state=CallState.CONFIRMED)
    switch.add("b", state=CallState.CONFIRMED)
    switch.add("c", state=CallState.RINGING)
    switch.user_agent.rows = [Account(registered=False)]
    seen = await samples(http)
    assert seen["sipagent_active_calls", ("in", "confirmed")] == 2
    assert seen["sipagent_active_calls", ("in", "ringing")] == 1
    assert seen["sipagent_active_calls", ("out", "confirmed")] == 0
    assert seen["sipagent_rtp_received_packets_total", ()] == 3 * 990
    assert seen["sipagent_worker_tick_late_seconds_total", ()] == pytest.approx(0.005)
    assert seen["sipagent_registered", ("pbx.example", "1000")] == 0
    assert seen["sipagent_rtcp_malformed_packets_total", ()] == 3


async def test_who_listens_and_what_is_kept_of_sip(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.add("a", state=CallState.CONFIRMED).listeners |= {"s1": "listen", "s2": "barge"}
    switch.add("b", state=CallState.ENDED, ended_us=1).listeners |= {"s3": "listen"}
    mediacore.set_siptrace(1 << 16, 1 << 14, 60.0)
    try:
        for n in range(300):  # more than there is room for
            mediacore.siptrace_own(f"{n}@ladder".encode(), f"call{n}")
        seen = await samples(http)
        assert seen["sipagent_listeners", ()] == 2
        assert 0 < seen["sipagent_ladder_bytes", ()] <= 1 << 16
        assert seen["sipagent_ladder_lost_total", ()] == 0  # a dialog without messages loses none
    finally:
        mediacore.set_siptrace(0, 0, 0)


async def test_metrics_show_the_worst_of_the_live_calls(http: httpx.AsyncClient, switch: Switch) -> None:
    assert not {"sipagent_lowest_mos", "sipagent_longest_round_trip_seconds"} & {name for name, _ in await samples(http)}
    for name, mos, rtt_ms in (("a", 4.2, 20.0), ("b", 3.1, None), ("c", None, 450.0)):
        call = switch.add(name, state=CallState.CONFIRMED)
        call.leg.counters |= {"mos": mos, "rtt_ms": rtt_ms}  # type: ignore[attr-defined]
    seen = await samples(http)
    assert seen["sipagent_lowest_mos", ()] == 3.1
    assert seen["sipagent_longest_round_trip_seconds", ()] == 0.45


async def test_metrics_take_over_an_ended_call_once(http: httpx.AsyncClient, switch: Switch, metrics: Metrics) -> None:
    call = switch.add("a", state=CallState.ENDED, answered_us=1_000_000, ended_us=5_000_000)
    before = (await samples(http))["sipagent_rtp_lost_packets_total", ()]
    metrics.call_ended(call)
    metrics.call_ended(call)
    seen = await samples(http)
    assert seen["sipagent_rtp_lost_packets_total", ()] == before == 10
    assert seen["sipagent_calls_total", ("normal", "in")] == 1
    assert seen["sipagent_call_duration_seconds_sum", ()] == 4
    assert seen["sipagent_rtp_jitter_seconds_sum", ()] == 0.0015
    assert seen["sipagent_call_mos_sum", ()] == 4.25
    assert seen["sipagent_rtp_round_trip_seconds_sum", ()] == 0.08
    del switch.calls["a"]
    assert (await samples(http))["sipagent_rtp_lost_packets_total", ()] == 10


def turn_of(number: int, gap_us: int, **more: Any) -> DialogueEvent:
    """An answered turn: 300 ms of silence, 140 ms of recognition, the rest is the voice's."""
    turn = Turn(number, last_speech=0, end_of_turn=300_000, stt_final=440_000, first_token=440_000, first_tts=gap_us, **more)
    turn.first_packet = gap_us
    turn.engines = {"vad": "silero", "stt": "moonshine", "tts": "piper", "brain": "rules"}
    return DialogueEvent("turn_end", "a", 0, turn.to_dict())


async def test_turns_count_by_stage_and_engine(http: httpx.AsyncClient, metrics: Metrics) -> None:
    for number, gap_us in enumerate((540_000, 640_000, 740_000), 1):
        metrics.turns.on_event(turn_of(number, gap_us))
    metrics.turns.on_event(DialogueEvent("turn_end", "a", 0, Turn(4, last_speech=0).to_dict()))  # never answered
    metrics.turns.on_event(DialogueEvent("barge_in", "a", 0, BargeIn(onset=0, detected=60_000, stopped=80_000).to_dict()))
    seen = await samples(http)
    assert seen["sipagent_turn_stage_seconds_count", ("", "total")] == 3
    assert seen["sipagent_turn_stage_seconds_sum", ("", "total")] == pytest.approx(1.92)
    assert seen["sipagent_turn_stage_seconds_sum", ("moonshine", "stt")] == pytest.approx(0.42)
    assert seen["sipagent_turn_stage_recent_seconds", ("piper", "0.5", "tts")] == pytest.approx(0.2)
    assert seen["sipagent_turn_stage_recent_seconds", ("", "0.99", "total")] == pytest.approx(0.738)
    assert seen["sipagent_barge_in_seconds_sum", ()] == 0.08
    assert not [name for name, _ in seen if name == "sipagent_turns_over_budget_total"]


async def test_turns_over_their_budget_count_by_the_stage_that_broke_it(http: httpx.AsyncClient, metrics: Metrics) -> None:
    metrics.turns.on_event(turn_of(1, 1_100_000))
    metrics.turns.on_event(turn_of(2, 1_100_000, budget=Budget(stt_ms=10, tts_ms=600)))
    metrics.turns.on_event(turn_of(3, 1_100_000, budget=Budget(turn_ms=0)))
    seen = await samples(http)
    assert seen["sipagent_turns_over_budget_total", ("piper", "tts")] == 1
    assert seen["sipagent_turns_over_budget_total", ("moonshine", "stt")] == 1


async def test_time_that_recordings_lack(http: httpx.AsyncClient, switch: Switch, metrics: Metrics) -> None:
    disk = Recording(lost_ms=0)
    for name, recording in (("a", disk), ("b", Recording(lost_ms=250)), ("c", None)):
        switch.add(name, state=CallState.CONFIRMED, recording=recording)
    disk.lost_ms = 1000  # of a call that still runs
    bodies = [(await http.get(f"/v1/calls/{name}")).json() for name in "abc"]
    assert [body["recording_lost_ms"] for body in bodies] == [1000, 250, None]
    metrics.call_ended(switch.calls["b"])
    del switch.calls["b"]
    assert (await samples(http))["sipagent_recording_lost_seconds_total", ()] == 1.25


async def test_refused_call_counts_by_its_code(http: httpx.AsyncClient, switch: Switch, metrics: Metrics) -> None:
    metrics.call_ended(switch.add("a", state=CallState.ENDED, end_code=503))
    seen = await samples(http)
    assert seen["sipagent_calls_total", ("503", "in")] == 1
    assert seen["sipagent_call_duration_seconds_count", ()] == 0


def test_counters_that_are_shown_exist_in_the_core() -> None:
    leg = mediacore.VirtualLeg(codec="PCMU", clock=8000, pt=0)
    worker = mediacore.Worker(fifo=False)
    try:
        shown = {*MEDIA, "codec", "rx_packets", "rx_lost", "rx_jitter_ms", "mos", "rtt_ms"}
        assert shown <= set(leg.stats())
        assert set(STATS) <= set(leg.stats())
        assert {*WORKER, "legs", "late_max_us", "fifo", "last_tick_us"} <= set(worker.stats())
    finally:
        leg.close()
        worker.close()


async def test_metrics_of_engines_that_take_over_and_of_tools(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_health, "OUTCOMES", Counter({("brain", "openai", "late"): 3}))
    monkeypatch.setattr(engine_health, "RUNS", Counter({("book", "done"): 2}))
    health = Health("brain", "openai")
    assert (await samples(http))["sipagent_engine_resting", ("openai", "brain")] == 0
    for _ in range(FAILURES):
        health.outcome("failed")
    seen = await samples(http)
    assert seen["sipagent_engine_resting", ("openai", "brain")] == 1
    assert seen["sipagent_engine_attempts_total", ("openai", "late", "brain")] == 3
    assert seen["sipagent_tool_calls_total", ("done", "book")] == 2
