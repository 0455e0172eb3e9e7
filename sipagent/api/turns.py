# SPDX-License-Identifier: GPL-3.0-or-later
"""The latency ledger as metrics see it: every turn is counted when its answer is over."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sipagent.dialogue.events import DialogueEvent
from sipagent.dialogue.floor import OUTCOMES
from sipagent.dialogue.ledger import STAGES

TOTAL = "total"
LATENCY_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.3, 2.0, 5.0)
RECENT = 1000  # turns that percentiles are of
PERCENTILES = (50, 95, 99)

Stage = tuple[str, str]  # name of the stage, name of the engine at work in it


def stages_s(turn: Mapping[str, Any]) -> dict[Stage, float]:
    """Seconds of each stage of a turn, and of the whole under ("total", ""). A turn never answered has none."""
    if turn.get("gap_ms") is None:
        return {}
    stages = {name.removesuffix("_ms"): ms / 1e3 for name, ms in turn["stages"].items()}
    engines = {stage: turn["engines"].get(STAGES[stage], "") for stage in stages}
    return {**{(stage, engines[stage]): s for stage, s in stages.items()}, (TOTAL, ""): turn["gap_ms"] / 1e3}


class TurnMetrics(Collector):
    """Takes dialogue events."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._recent: defaultdict[Stage, deque[float]] = defaultdict(lambda: deque(maxlen=RECENT))
        self._stages = Histogram(
            "sipagent_turn_stage_seconds",
            "Stages of a turn, from the caller's last speech; total = to the agent's first packet on the wire.",
            ["stage", "engine"],
            buckets=LATENCY_S,
            registry=registry,
        )
        self._over = Counter(
            "sipagent_turns_over_budget",
            "Turns that took longer than dialogue.budget, by the stage that is furthest over its share.",
            ["stage", "engine"],
            registry=registry,
        )
        self._barge_in = Histogram(
            "sipagent_barge_in_seconds",
            "From the caller's first voiced sample to the agent's silence.",
            buckets=LATENCY_S,
            registry=registry,
        )
        registry.register(self)

    def on_event(self, event: DialogueEvent) -> None:
        """An answer is over, or a caller interrupted one."""
        if event.kind == "turn_end":
            self._turn(event.data)
        elif event.kind == "barge_in" and event.data["latency_ms"] is not None:
            self._barge_in.observe(event.data["latency_ms"] / 1e3)

    def _turn(self, turn: Mapping[str, Any]) -> None:
        for stage, seconds in stages_s(turn).items():
            self._stages.labels(*stage).observe(seconds)
            self._recent[stage].append(seconds)
        if (over := turn["over_budget"]) is not None:
            self._over.labels(over["stage"], over["engine"]).inc()

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        recent = GaugeMetricFamily(
            "sipagent_turn_stage_recent_seconds",
            f"Percentiles of the newest {RECENT} turns.",
            labels=["stage", "engine", "quantile"],
        )
        for stage, seconds in self._recent.items():
            for percent, value in zip(PERCENTILES, np.percentile(list(seconds), PERCENTILES), strict=True):
                recent.add_metric([*stage, f"{percent / 100:g}"], float(value))
        yield recent
        sounds = CounterMetricFamily(
            "sipagent_sounds_over_agent",
            "What callers did while an agent spoke; it yields to words and keys, and goes on after the others.",
            labels=["what"],
        )
        for what, n in OUTCOMES.items():
            sounds.add_metric([what], n)
        yield sounds
