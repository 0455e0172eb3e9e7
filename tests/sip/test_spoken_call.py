# SPDX-License-Identifier: GPL-3.0-or-later
"""A turn of a spoken call, from the caller's telephone to what an operator sees: record of the call, metrics, spans."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import fastapi.dependencies.models
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import sipagent.engines
from sipagent.call import Call
from sipagent.config import Config
from sipagent.engines import EngineSet
from sipagent.engines.rules import RulesBrain
from sipagent.testing import CodedSpeech, LevelVad, ScriptedStt, ScriptedTts, fake_engines
from tests.otlp import attributes, collector
from tests.sip.house import MEDIA, Party, idle, parties, switch
from tests.sip.rig import Rig

SILENT, LOUD = 0xFF, 0x90  # as PCMU
WAIT_S = 60.0


class Understands(ScriptedStt):
    """Whatever is said."""

    name = "understands"

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        await asyncio.sleep(0.05)
        return "Goodbye, thank you."


async def load(cfg: Config, *args: Any, **how: Any) -> EngineSet:
    """Engines that cost nothing."""
    return await fake_engines(Understands(CodedSpeech()), RulesBrain(cfg), ScriptedTts(), LevelVad())


async def conversation(alice: Party, call: Call) -> None:
    """Listens to the greeting, says something, hears the answer; the bot hangs up."""

    def greeted() -> bool:
        return any(line["heard"] is not None for line in call.notes.get("transcript", []))

    await asyncio.wait_for(Rig.until(greeted), WAIT_S)
    alice.rtp.voice = LOUD
    await asyncio.sleep(0.7)
    alice.rtp.voice = SILENT
    await asyncio.wait_for(alice.left(), WAIT_S)


@pytest.fixture(autouse=True)
def forget_routes() -> Iterator[None]:
    """FastAPI keeps the routes of each application for ever, and with them the switch that they show."""
    yield
    for known in vars(fastapi.dependencies.models).values():
        if hasattr(known, "cache_clear"):
            known.cache_clear()


async def test_a_turn_is_seen_in_record_metrics_and_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sipagent.engines, "load", load)
    with collector() as there:
        async with parties(SILENT) as (alice,):
            traced = {"exporter": "otlp", "endpoint": there.url}
            how: dict[str, Any] = {"dialogue": {"agent": "reception", "budget": {"turn_ms": 1}}, "tracing": traced}
            async with switch((alice,), media=MEDIA, api={"port": 0}, **how) as house:
                await alice.calls("600")
                (call,) = house.user_agent.calls.values()
                await conversation(alice, call)
                await idle(house)
                assert house.api is not None
                async with httpx.AsyncClient() as http:
                    text = (await http.get(f"{house.api.address}/metrics")).text
    turns = [turn for turn in call.notes["ledger"] if turn["gap_ms"] is not None]  # one, unless the machine stalled in mid-word
    assert turns
    assert all(t["engines"] == {"vad": "level", "stt": "understands", "brain": "rules", "tts": "scripted"} for t in turns)
    seen = {(s.name, s.labels.get("stage"), s.labels.get("engine")): s.value for s in samples(text)}
    assert seen["sipagent_turn_stage_seconds_count", "stt", "understands"] == len(turns)
    total = seen["sipagent_turn_stage_seconds_sum", "total", ""]
    assert total == pytest.approx(sum(turn["gap_ms"] for turn in turns) / 1000)
    over = [turn["over_budget"] for turn in turns]
    assert seen["sipagent_turns_over_budget_total", over[0]["stage"], over[0]["engine"]] >= 1
    spans = [attributes(span) for span in there.named("invoke_agent") if span.parent_span_id]
    gaps = sorted(span["sipagent.turn.gap_ms"] for span in spans if "sipagent.turn.gap_ms" in span)
    assert gaps == sorted(turn["gap_ms"] for turn in turns)
    assert {span["gen_ai.conversation.id"] for span in spans} == {call.id}
    assert {"endpoint", "stt", "chat rules", "tts", "wire"} <= {span.name for span in there.spans}


def samples(text: str) -> list[Any]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
