# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of the engines' CPU: what waits, what was late, what was refused. Backlog shows here before callers hear it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sipagent.dialogue.preempt import OUTCOMES
from sipagent.engines.pool import Pool, Work
from sipagent.engines.spoken import SpeechCache

# Fields of Work -> (metric, help).
WORK = {
    "jobs": ("engine_jobs", "Pieces of work done."),
    "busy_s": ("engine_busy_seconds", "Time that they held a slot of the CPU pool."),
    "waited_s": ("engine_waited_seconds", "Time that they waited for one."),
    "late": ("engine_late_jobs", "Pieces of work that ended after they were needed."),
    "refused": ("engine_refused_jobs", "Pieces of work refused: they would have come too late to be of use."),
}


class EngineLoad(Collector):
    """Reads the pool and the speech cache when it is scraped."""

    def __init__(self, pool: Pool, cache: SpeechCache) -> None:
        self._pool = pool
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        running, waiting = self._pool.depth()
        yield GaugeMetricFamily("sipagent_engine_slots", "Pieces of engine work that may run at once.", self._pool.slots)
        yield GaugeMetricFamily("sipagent_engine_running", "Pieces of engine work that run now.", running)
        yield GaugeMetricFamily("sipagent_engine_waiting", "Pieces of engine work that wait for a slot now.", waiting)
        works: list[Work] = self._pool.works()
        for field, (name, words) in WORK.items():
            family = CounterMetricFamily(f"sipagent_{name}", words, labels=["engine"])
            for work in works:
                family.add_metric([work.name], getattr(work, field))
            yield family
        clauses = CounterMetricFamily("sipagent_clauses", "Clauses to be spoken, by where they came from.", labels=["from"])
        clauses.add_metric(["cache"], self._cache.hits)
        clauses.add_metric(["engine"], self._cache.misses)
        yield clauses
        words = "Answers begun before the caller's turn was surely over, by what became of them."
        guesses = CounterMetricFamily("sipagent_preempted_replies", words, labels=["outcome"])
        for outcome in ("used", "thrown", "failed"):
            guesses.add_metric([outcome], OUTCOMES[outcome])
        yield guesses
        yield GaugeMetricFamily("sipagent_speech_cache_bytes", "Speech kept to be said again.", self._cache.size)
