# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of engines that can take over for each other, and of the tools of language models."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sipagent.engines.health import ALL, OUTCOMES
from sipagent.engines.tool_run import RUNS


class EngineHealth(Collector):
    """Reads what the process has counted when it is scraped."""

    def collect(self) -> Iterator[Metric]:
        words = "Questions to engines that can take over for each other, by what came of them."
        attempts = CounterMetricFamily("sipagent_engine_attempts", words, labels=["role", "engine", "outcome"])
        for labels, n in sorted(OUTCOMES.items()):
            attempts.add_metric(labels, n)
        resting: dict[tuple[str, str], bool] = {}
        for health in list(ALL):
            key = (health.role, health.engine)
            resting[key] = resting.get(key, False) or health.resting
        rests = GaugeMetricFamily(
            "sipagent_engine_resting", "1 = it failed too often, others are asked.", labels=["role", "engine"]
        )
        for key, rest in sorted(resting.items()):
            rests.add_metric(key, float(rest))
        tools = CounterMetricFamily("sipagent_tool_calls", "Tools that language models had run.", labels=["tool", "outcome"])
        for run, n in sorted(RUNS.items()):
            tools.add_metric(run, n)
        yield from (attempts, rests, tools)
