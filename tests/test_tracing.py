# SPDX-License-Identifier: GPL-3.0-or-later
"""Spans of turns, as a collector gets them: OTLP over HTTP on loopback, one that is slow, one that refuses, none at all."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import pytest
from pydantic import ValidationError

from sipagent import tracing
from sipagent.config_tracing import Tracing
from sipagent.dialogue.events import DialogueEvent
from sipagent.dialogue.ledger import BargeIn, Turn
from sipagent.engines.base import EngineMissing
from tests.otlp import SLOW_S, attributes, collector


def settings(url: str, **more: Any) -> Tracing:
    return Tracing.model_validate({"exporter": "otlp", "endpoint": url, **more})


def turn(number: int, start_us: int) -> DialogueEvent:
    """1.2 s: 300 ms until the end is sure, 600 of recognition, nothing of thinking, 250 of voice, 50 to the wire."""
    entry = Turn(
        number, caller_heard="what time is it", agent_said="It is nine o'clock.", agent_heard="It is", interrupted=True
    )
    entry.last_speech, entry.end_of_turn, entry.stt_final = start_us, start_us + 300_000, start_us + 900_000
    entry.first_token = start_us + 700_000  # made on a guess, before the words were sure
    entry.first_tts, entry.first_packet = start_us + 1_150_000, start_us + 1_200_000
    entry.engines = {"vad": "silero", "stt": "whisper", "brain": "gpt", "tts": "piper"}
    return DialogueEvent("turn_end", "call-1", start_us + 2_000_000, entry.to_dict())


def conversation(tracer: tracing.Tracer) -> int:
    """Two turns; returns when the first began."""
    start_us = time.monotonic_ns() // 1000 - 10_000_000
    tracer.on_event(DialogueEvent("line", "call-1", start_us - 1_000_000, {}))
    tracer.on_event(turn(1, start_us))
    cut = BargeIn(start_us + 1_900_000, start_us + 1_950_000, start_us + 1_960_000)
    tracer.on_event(DialogueEvent("barge_in", "call-1", start_us + 2_000_000, cut.to_dict()))
    tracer.on_event(turn(2, start_us + 4_000_000))
    tracer.on_event(DialogueEvent("end", "call-1", start_us + 9_000_000, {"reason": "agent hung up"}))
    return start_us


async def test_a_turn_is_a_span_with_its_stages_inside() -> None:
    with collector() as there:
        tracer = tracing.start(settings(there.url))
        assert tracer is not None
        conversation(tracer)
        await tracer.close(10.0)
    (call,) = [s for s in there.named("invoke_agent") if not s.parent_span_id]
    turns = sorted((s for s in there.named("invoke_agent") if s.parent_span_id), key=lambda s: s.start_time_unix_nano)
    assert [s.parent_span_id for s in turns] == [call.span_id] * 2
    assert {s.trace_id for s in there.spans} == {call.trace_id}
    about = attributes(turns[0])
    assert about["gen_ai.operation.name"] == "invoke_agent"
    assert about["gen_ai.conversation.id"] == "call-1"
    assert about["gen_ai.provider.name"] == "gpt"
    assert about["sipagent.turn.gap_ms"] == 1200
    assert about["sipagent.turn.over_budget.stage"] == "stt"
    stages = sorted((s for s in there.spans if s.parent_span_id == turns[0].span_id), key=lambda s: s.start_time_unix_nano)
    took_ms = {s.name: (s.end_time_unix_nano - s.start_time_unix_nano) / 1e6 for s in stages}
    assert took_ms == {"endpoint": 300, "stt": 600, "chat gpt": 0, "tts": 250, "wire": 50}
    assert stages[0].start_time_unix_nano == turns[0].start_time_unix_nano
    assert attributes(next(s for s in stages if s.name == "tts"))["sipagent.engine"] == "piper"
    assert attributes(next(s for s in stages if s.name == "chat gpt"))["gen_ai.operation.name"] == "chat"
    assert [e.name for e in call.events] == ["barge_in"]
    assert abs(call.start_time_unix_nano - (time.time_ns() - 11_000_000_000)) < 60e9


@pytest.mark.parametrize("content", [False, True])
async def test_what_was_said_leaves_only_when_it_is_wanted(content: bool) -> None:
    with collector() as there:
        tracer = tracing.start(settings(there.url, content=content))
        assert tracer is not None
        conversation(tracer)
        await tracer.close(10.0)
    spans = [attributes(s) for s in there.named("invoke_agent") if s.parent_span_id]
    assert ("what time is it" in str(there.spans)) is content
    if content:
        (said,) = json.loads(spans[0]["gen_ai.input.messages"])
        (answer,) = json.loads(spans[0]["gen_ai.output.messages"])
        assert said == {"role": "user", "parts": [{"type": "text", "content": "what time is it"}]}
        assert answer["parts"][0]["content"] == "It is"  # what was heard of it


@pytest.mark.parametrize("code", [503, 400, 0])
async def test_a_collector_that_is_ill_costs_the_conversation_nothing(code: int) -> None:
    """Nor does it hold up the stop for much longer than it may."""
    with collector(code) as there:
        tracer = tracing.start(settings(there.url, timeout_s=0.5))
        assert tracer is not None
        began = time.thread_time()
        conversation(tracer)
        assert time.thread_time() - began < 1.0
        async with asyncio.timeout(SLOW_S / 2):
            await tracer.close(0.5)
        assert await asyncio.to_thread(there.asked.wait, SLOW_S)
    assert there.spans == []


async def test_many_spans_for_a_collector_that_hangs_do_not_hold_up_the_stop() -> None:
    """The SDK's limit counts for each batch of them."""
    with collector(0) as there:
        tracer = tracing.start(settings(there.url, timeout_s=10.0))
        assert tracer is not None
        for _ in range(160):
            conversation(tracer)
        async with asyncio.timeout(SLOW_S / 2):
            await tracer.close(0.5)


async def test_no_collector_at_all() -> None:
    tracer = tracing.start(settings("http://127.0.0.1:9/v1/traces", timeout_s=0.5))
    assert tracer is not None
    conversation(tracer)
    async with asyncio.timeout(SLOW_S / 2):
        await tracer.close(0.5)


def test_it_is_off_unless_it_is_wanted() -> None:
    assert tracing.start(Tracing()) is None


def test_what_is_missing_is_named_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(EngineMissing, match=r"tracing\.exporter = \"otlp\".*pip install 'sipagent\[otel\]'"):
        tracing.start(settings("http://127.0.0.1:9/v1/traces"))


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "http://collector:4318", "http://user:secret@collector/v1/traces"])
def test_an_address_that_can_not_be_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an address with its path"):
        settings(url)
