# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus metrics. Gauges and running counters are read from the switch when they are scraped; what must survive a call
(counts by end code, histograms) is taken over once, when the call has its final numbers; turns when they are over."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import mediacore
from sipagent.api.calls import loss, media_stats
from sipagent.api.engine_health import EngineHealth
from sipagent.api.engine_load import EngineLoad
from sipagent.api.health import monotonic_us
from sipagent.api.lag import LoopLag
from sipagent.api.memory import memory_metrics
from sipagent.api.turns import TurnMetrics
from sipagent.api.view import SwitchView
from sipagent.call import Call, CallState
from sipagent.engines import pool, spoken
from sipagent.version import VERSION

JITTER_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
ROUND_TRIP_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
MOS = (1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.2, 4.3, 4.4)  # 2.6 to 4.3: the classes of ITU-T G.109, by G.107 table B.1
LOSS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
DURATION_S = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)

FORGET_ABOVE = 1000  # ids of settled calls kept before those that the switch forgot are dropped

# Counters of mediacore.LegStats that are summed over all calls: key -> (metric, help).
MEDIA = {
    "rx_packets": ("rtp_received_packets", "RTP packets received."),
    "tx_packets": ("rtp_sent_packets", "RTP packets sent."),
    "rx_lost": ("rtp_lost_packets", "RTP packets that never came (RFC 3550 appendix A.3)."),
    "rx_late": ("rtp_late_packets", "RTP packets that came too late for the machine ear."),
    "rx_malformed": ("rtp_malformed_packets", "Datagrams on RTP ports that are not RTP."),
    "rx_ignored": ("rtp_ignored_packets", "RTP packets with a payload type or from a stream that was not negotiated."),
    "rx_strangers": ("rtp_stranger_packets", "RTP and RTCP packets from addresses that are not the peer's; dropped."),
    "rx_candidates": ("rtp_candidate_packets", "RTP packets from addresses that might become the peer's; dropped."),
    "rx_forged": ("srtp_packets_forged", "SRTP and SRTCP packets refused: not sealed with the peer's key."),
    "rx_replayed": ("srtp_packets_replayed", "SRTP and SRTCP packets refused: they came before."),
    "rx_moves": ("rtp_source_moves", "Times that a peer was found at another address than before (symmetric RTP)."),
    "tx_errors": ("rtp_send_errors", "RTP packets that the kernel did not take."),
    "rtcp_sent": ("rtcp_sent_packets", "Compound RTCP packets sent."),
    "rtcp_received": ("rtcp_received_packets", "Compound RTCP packets received."),
    "rtcp_malformed": ("rtcp_malformed_packets", "RTCP packets with something wrong in them."),
    "concealed": (
        "media_concealed_frames",
        "Packets that were lost or late, their sound made up for the human ear.",
    ),
    "underruns": ("media_underruns", "Times that an output ring ran dry, ends of speech included."),
    "ear_dropped": ("media_ear_dropped_packets", "Packets that the dialogue engine was too slow to take."),
}

RECORDING_LOST_MS = "recording_lost_ms"

# Counters of mediacore.WorkerStats.
WORKER = {
    "ticks": ("worker_ticks", "Ticks of the 20 ms clock, all legs.", 1.0),
    "late_sum_us": ("worker_tick_late_seconds", "Lateness of all ticks together.", 1e-6),
    "overruns": ("worker_overruns", "Ticks that came a whole period late.", 1.0),
    "rx_dropped": ("worker_dropped_packets", "Datagrams dropped before any leg saw them.", 1.0),
}


class Metrics:
    """One registry of our own: nothing else in the process writes to it."""

    def __init__(self, switch: SwitchView, lag: LoopLag) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(EngineLoad(pool.shared(), spoken.shared()))
        self.registry.register(EngineHealth())
        self._ended = Counter("sipagent_calls", "Ended calls.", ["direction", "code"], registry=self.registry)
        self._duration = Histogram(
            "sipagent_call_duration_seconds", "From answer to end.", buckets=DURATION_S, registry=self.registry
        )
        self._jitter = Histogram(
            "sipagent_rtp_jitter_seconds", "Interarrival jitter at the end of a call.", buckets=JITTER_S, registry=self.registry
        )
        self._loss = Histogram("sipagent_rtp_loss_ratio", "Loss of a whole call.", buckets=LOSS, registry=self.registry)
        self._mos = Histogram(
            "sipagent_call_mos",
            "What was heard of the caller in a whole call, by the E-model (ITU-T G.107): mean opinion score.",
            buckets=MOS,
            registry=self.registry,
        )
        self._round_trip = Histogram(
            "sipagent_rtp_round_trip_seconds", "By RTCP, at the end of a call.", buckets=ROUND_TRIP_S, registry=self.registry
        )
        self.turns = TurnMetrics(self.registry)
        self._live = _Live(switch, lag)
        self.registry.register(self._live)

    def call_ended(self, call: Call) -> None:
        """Takes over the final numbers of a call; a second time does nothing."""
        stats = media_stats(call)
        if not self._live.settle(call, stats):
            return
        self._ended.labels(call.direction, str(call.end_code) if call.end_code else "normal").inc()
        if call.answered_us:
            self._duration.observe((call.ended_us - call.answered_us) / 1e6)
        if stats["rx_packets"]:
            self._jitter.observe(stats["rx_jitter_ms"] / 1e3)
            self._loss.observe(loss(stats))
        if stats["mos"] is not None:
            self._mos.observe(stats["mos"])
        if stats["rtt_ms"] is not None:
            self._round_trip.observe(stats["rtt_ms"] / 1e3)


def _counters(call: Call, stats: Mapping[str, Any]) -> dict[str, int]:
    """What of a call is summed over all."""
    lost_ms = 0 if call.recording is None else call.recording.lost_ms
    return {**{key: int(stats[key]) for key in MEDIA}, RECORDING_LOST_MS: lost_ms}


class _Live(Collector):
    """Reads the switch at the time of a scrape."""

    def __init__(self, switch: SwitchView, lag: LoopLag) -> None:
        self._switch = switch
        self._lag = lag
        self._settled: set[str] = set()  # calls whose counters are in _past
        self._past: Tally[str] = Tally()

    def settle(self, call: Call, stats: Mapping[str, Any]) -> bool:
        """Moves a call's counters to those of the past; False when they are there already."""
        if call.id in self._settled:
            return False
        if len(self._settled) > FORGET_ABOVE + 2 * len(self._switch.calls):
            self._settled.intersection_update(self._switch.calls)
        self._settled.add(call.id)
        self._past.update(_counters(call, stats))
        return True

    def describe(self) -> list[Metric]:
        return []  # names are only known by collecting; the registry must not collect before the switch is up

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("sipagent_build", "What runs.", {"version": VERSION})
        yield from self._calls()
        yield from self._media()
        yield from self._worker()
        yield GaugeMetricFamily("sipagent_event_loop_lag_seconds", "Worst lateness in 10 s.", self._lag.worst_s)
        yield from self._peers()
        yield self._gate()
        yield self._held()
        yield from _ladder()
        yield from memory_metrics(self._switch.memory)

    def _calls(self) -> Iterator[Metric]:
        active = GaugeMetricFamily("sipagent_active_calls", "Calls now.", labels=["state", "direction"])
        tally = Tally((call.state, call.direction) for call in self._switch.calls.values())
        for state in (CallState.CALLING, CallState.RINGING, CallState.CONFIRMED):
            for direction in ("in", "out"):
                active.add_metric([state.value, direction], tally[(state, direction)])
        yield active
        listening = sum(len(call.listeners) for call in self._switch.calls.values() if not call.ended_us)
        yield GaugeMetricFamily("sipagent_listeners", "Supervisors who listen to calls now.", listening)
        limit = self._switch.cfg.sip.max_calls
        yield GaugeMetricFamily("sipagent_calls_limit", "Calls at once before 503.", limit)

    def _media(self) -> Iterator[Metric]:
        sums = Tally(self._past)
        mos: list[float] = []
        rtt_ms: list[float] = []
        for call in self._switch.calls.values():
            if call.id not in self._settled:
                stats = media_stats(call)
                sums.update(_counters(call, stats))
                mos += [stats["mos"]] if stats["mos"] is not None else []
                rtt_ms += [stats["rtt_ms"]] if stats["rtt_ms"] is not None else []
        worst = GaugeMetricFamily("sipagent_lowest_mos", "Of the calls now; absent while none is judged.")
        longest = GaugeMetricFamily("sipagent_longest_round_trip_seconds", "Of the calls now; absent while none is known.")
        if mos:
            worst.add_metric([], min(mos))
        if rtt_ms:
            longest.add_metric([], max(rtt_ms) / 1e3)
        yield from (worst, longest)
        for key, (name, words) in MEDIA.items():
            yield CounterMetricFamily(f"sipagent_{name}", words, sums[key])
        words = "Time that recordings lack: the disk did not take it."
        yield CounterMetricFamily("sipagent_recording_lost_seconds", words, sums[RECORDING_LOST_MS] / 1e3)

    def _worker(self) -> Iterator[Metric]:
        stats = self._switch.worker.stats()
        for key, (name, words, scale) in WORKER.items():
            yield CounterMetricFamily(f"sipagent_{name}", words, stats[key] * scale)
        yield GaugeMetricFamily("sipagent_worker_legs", "Media legs now.", stats["legs"])
        yield GaugeMetricFamily("sipagent_worker_tick_late_max_seconds", "Latest tick so far.", stats["late_max_us"] * 1e-6)
        yield GaugeMetricFamily("sipagent_worker_fifo", "1 = runs under SCHED_FIFO.", float(stats["fifo"]))

    @staticmethod
    def _gate() -> Metric:
        words = "SIP messages received, by what the gate before the SIP stack made of them."
        messages = CounterMetricFamily("sipagent_sip_messages", words, labels=["verdict"])
        for verdict, n in mediacore.gate_counts().items():
            messages.add_metric([verdict], n)
        return messages

    @staticmethod
    def _held() -> Metric:
        words = "What the SIP stack holds: calls, transactions, dialogs, media transports, memory pools."
        held = GaugeMetricFamily("sipagent_sip_held", words, labels=["what"])
        for what, n in mediacore.sip_held().items():
            held.add_metric([what], n)
        return held

    def _peers(self) -> Iterator[Metric]:
        labels = ["user", "host"]
        registered = GaugeMetricFamily("sipagent_registered", "1 = the account is registered.", labels=labels)
        failures = CounterMetricFamily("sipagent_register_failures", "REGISTERs that failed.", labels=labels)
        for account in self._switch.user_agent.accounts():
            registered.add_metric([account.user, account.host], float(account.registered))
            failures.add_metric([account.user, account.host], account.failures)
        up = GaugeMetricFamily("sipagent_trunk_up", "1 = the trunk's host is not known to be down.", labels=["trunk", "host"])
        for trunk in self._switch.user_agent.trunks():
            for host in trunk.hosts:
                up.add_metric([trunk.name, host.host], float(host.up is not False))
        yield from (registered, failures, up)
        yield from self._limits()

    def _limits(self) -> Iterator[Metric]:
        calls = GaugeMetricFamily("sipagent_account_calls", "Calls now; account empty = direct ones.", labels=["account"])
        minutes = GaugeMetricFamily("sipagent_account_minutes", "Minutes of answered calls today (UTC).", labels=["account"])
        words = "Calls above a limit of their account."
        refused = CounterMetricFamily("sipagent_account_calls_refused", words, labels=["account", "limit"])
        now_us = monotonic_us()
        for use in self._switch.user_agent.uses():
            calls.add_metric([use.account], len(use.calls))
            minutes.add_metric([use.account], use.minutes(now_us))
            for limit, n in use.refused.items():
                refused.add_metric([use.account, limit], n)
        yield from (calls, minutes, refused)


def _ladder() -> Iterator[Metric]:
    """What is kept of SIP."""
    counts = mediacore.siptrace_counts()
    yield GaugeMetricFamily("sipagent_ladder_bytes", "Memory that SIP messages take (seeing.sip_mb).", counts["bytes"])
    words = "SIP messages that are no longer kept, though their time is not over, or found no room."
    yield CounterMetricFamily("sipagent_ladder_lost", words, counts["lost"])
