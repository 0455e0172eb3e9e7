# SPDX-License-Identifier: GPL-3.0-or-later
"""A span for each turn of a conversation, by OpenTelemetry's conventions for generative AI (semantic conventions, "gen-ai").

    invoke_agent                  a call's conversation, from its first event to its last; the trace
      invoke_agent                a turn, from the caller's last word on the wire to the last sample of the answer
        endpoint | stt | chat | tts | wire     its stages, as the ledger has them

Spans are made on the event loop from what the ledger knows (microseconds of work a turn) and leave on a thread of the SDK: a
collector that is slow or gone costs spans, never a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.config_tracing import Tracing as Settings
from sipagent.dialogue.events import DialogueEvent
from sipagent.dialogue.ledger import STAGES
from sipagent.engines.base import import_package
from sipagent.log import get_logger
from sipagent.version import VERSION

log = get_logger(__name__)

FIX = "pip install 'sipagent[otel]'"
WANTED_BY = 'tracing.exporter = "otlp"'
ENDS = ("end_of_turn", "stt_final", "first_token", "first_tts", "first_packet")  # of STAGES, in the ledger's `times_us`


class Tracer:
    """Takes dialogue events. `processor` is an opentelemetry.sdk.trace.SpanProcessor."""

    def __init__(self, processor: Any, *, content: bool = False) -> None:
        sdk = import_package("opentelemetry.sdk.trace", WANTED_BY, FIX)
        resource = import_package("opentelemetry.sdk.resources", WANTED_BY, FIX).Resource
        self._api = import_package("opentelemetry.trace", WANTED_BY, FIX)
        about = resource.create({"service.name": "sipagent", "service.version": VERSION})
        self._provider = sdk.TracerProvider(resource=about, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("sipagent.dialogue", VERSION)
        self._content = content
        self._calls: dict[str, _Call] = {}  # conversations that go on

    def on_event(self, event: DialogueEvent) -> None:
        """Something happened in a conversation."""
        call = self._calls.get(event.call_id)
        if call is None:
            offset_ns = time.time_ns() - time.monotonic_ns()
            about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": event.call_id}
            call = _Call(self._begin("invoke_agent", offset_ns + event.t_us * 1000, None, about), offset_ns)
            self._calls[event.call_id] = call
        if event.kind == "turn_end":
            self._turn(call, event)
        elif event.kind == "barge_in":
            latency_ms = event.data["latency_ms"]
            times = {} if latency_ms is None else {"sipagent.barge_in.latency_ms": latency_ms}
            call.span.add_event("barge_in", times, call.wall_ns(event.data["onset_us"]))
        elif event.kind == "end":
            call.span.set_attribute("sipagent.end.reason", str(event.data["reason"]))
            call.span.end(call.wall_ns(event.t_us))
            del self._calls[event.call_id]

    async def close(self, timeout_s: float) -> None:
        """Sends what is left, for so long."""
        for call in self._calls.values():
            call.span.end()
        self._calls.clear()
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits
                loop.call_soon_threadsafe(sent.set)

        # The SDK's own limits count for each batch of spans. A thread that the process does not wait for.
        threading.Thread(target=send, name="last-spans", daemon=True).start()
        try:
            async with asyncio.timeout(timeout_s):
                await sent.wait()
        except TimeoutError:
            log.warning("not all spans could be sent in time", timeout_s=timeout_s)

    def _turn(self, call: _Call, event: DialogueEvent) -> None:
        turn, times = event.data, event.data["times_us"]
        brain = turn["engines"].get("brain", "")
        # Where nobody spoke, as with keys, a turn begins when it is decided.
        at = next(t for t in (times["last_speech"], times["end_of_turn"], event.t_us) if t is not None)
        about = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.conversation.id": event.call_id,
            "gen_ai.provider.name": brain,
        }
        about |= _facts(turn) | (_words(turn) if self._content else {})
        span = self._begin("invoke_agent", call.wall_ns(at), call.span, about)
        for (stage, role), end in zip(STAGES.items(), ENDS, strict=True):
            start, at = at, max(at, times[end] or at)
            if times[end] is not None:
                self._stage(span, stage, turn["engines"].get(role, ""), call.wall_ns(start)).end(call.wall_ns(at))
        span.end(call.wall_ns(max(at, event.t_us)))

    def _stage(self, turn: Any, stage: str, engine: str, start_ns: int) -> Any:
        about = {"sipagent.stage": stage, "sipagent.engine": engine}
        if stage == "brain":
            about |= {"gen_ai.operation.name": "chat", "gen_ai.provider.name": engine}
        return self._begin(f"chat {engine}" if stage == "brain" else stage, start_ns, turn, about)

    def _begin(self, name: str, start_ns: int, parent: Any, about: Mapping[str, Any]) -> Any:
        context = None if parent is None else self._api.set_span_in_context(parent)
        return self._tracer.start_span(name, context, attributes=about, start_time=start_ns)


@dataclass(frozen=True, slots=True)
class _Call:
    """A conversation's span, and Unix time minus the dialogue's clock: one for all its spans, or they would not fit."""

    span: Any
    offset_ns: int

    def wall_ns(self, t_us: int) -> int:
        return self.offset_ns + t_us * 1000


def start(cfg: Settings) -> Tracer | None:
    """As configured; None = no tracing. Raises EngineMissing with the fix."""
    if cfg.exporter == "none":
        return None
    batch = import_package("opentelemetry.sdk.trace.export", WANTED_BY, FIX).BatchSpanProcessor
    return Tracer(batch(exporter(cfg), export_timeout_millis=cfg.timeout_s * 1000), content=cfg.content)


def exporter(cfg: Settings) -> Any:
    """What sends spans; nothing is sent yet. Raises EngineMissing with the fix."""
    otlp = import_package("opentelemetry.exporter.otlp.proto.http.trace_exporter", WANTED_BY, FIX)
    return otlp.OTLPSpanExporter(endpoint=cfg.endpoint, timeout=cfg.timeout_s)


def _facts(turn: Mapping[str, Any]) -> dict[str, Any]:
    """The ledger's own numbers of a turn."""
    over = turn["over_budget"]
    facts = {
        "sipagent.turn.number": turn["turn"],
        "sipagent.turn.interrupted": turn["interrupted"],
        "sipagent.turn.gap_ms": turn["gap_ms"],
        "sipagent.turn.over_budget.stage": None if over is None else over["stage"],
        "sipagent.turn.over_budget.ms": None if over is None else over["over_ms"],
    }
    return {key: value for key, value in facts.items() if value is not None}


def _words(turn: Mapping[str, Any]) -> dict[str, str]:
    """What the caller said, and what he heard of the answer."""

    def message(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    return {
        "gen_ai.input.messages": message("user", turn["caller_heard"]),
        "gen_ai.output.messages": message("assistant", turn["agent_heard"]),
    }
