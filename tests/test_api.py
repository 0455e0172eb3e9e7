# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP against a switch of fakes: what it shows, when it says that all is well, and what it never does. Errors: RFC 9457."""

from __future__ import annotations

import io
import json
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import mediacore
from sipagent import log
from sipagent.api.app import create_app, openapi
from sipagent.api.health import LOOP_LAG_MAX_S, TICK_AGE_MAX_US, examine, monotonic_us
from sipagent.api.lag import LoopLag
from sipagent.api.metrics import MEDIA, WORKER, Metrics
from sipagent.api.server import ApiServer
from sipagent.call import Call, CallState
from sipagent.config import Api, Config, Log
from sipagent.config_limits import CallLimits
from sipagent.dialogue.ledger import BargeIn, Turn
from sipagent.protection.quota import Use
from sipagent.signalling.trunk import HostStatus, TrunkStatus

STATS: dict[str, Any] = {
    **{"codec": "PCMU/8000", "ptime_ms": 20, "secure": False, "rx_bytes": 0, "rx_dup": 0, "rx_reordered": 0, "rx_last_us": 0},
    **{"rx_packets": 990, "rx_lost": 10, "rx_late": 1, "rx_malformed": 2, "rx_ignored": 3, "rx_jitter_ms": 1.5},
    **{"rx_strangers": 7, "rx_candidates": 8, "rx_moves": 9, "rx_forged": 3, "rx_replayed": 2},
    **{
        "tx_packets": 1000,
        "tx_errors": 0,
        "tx_bytes": 0,
        "tx_late_max_us": 0,
        "jb_target_ms": 40,
        "jb_depth_ms": 40,
        "concealed": 4,
    },
    **{"written": 0, "played": 0, "flushed": 0, "underruns": 5, "ear_dropped": 6},
    **{"rtcp_sent": 12, "rtcp_received": 11, "rtcp_malformed": 1, "mos": 4.25, "rtt_ms": 80.0},
}


class Leg:
    """Only what HTTP reads."""

    rate = 16000
    on_event = on_audio = None

    def __init__(self) -> None:
        self.counters = dict(STATS)

    def stats(self) -> dict[str, Any]:
        return self.counters

    def describe(self) -> str:
        return "udp > parse > stats > ear"


@dataclass
class Recording:
    lost_ms: int


@dataclass
class Account:
    user: str = "1000"
    host: str = "pbx.example"
    registered: bool = True
    code: int = 200
    reason: str = "OK"
    expires_s: float = 300.0
    registrar: str = "udp:192.0.2.1:5060"
    failures: int = 0


@dataclass
class UserAgent:
    rows: list[Account] = field(default_factory=list)
    lines: list[TrunkStatus] = field(default_factory=list)
    used: list[Use] = field(default_factory=list)
    error: Exception | None = None

    async def ping(self, timeout_s: float) -> float:
        if self.error is not None:
            raise self.error
        return 0.002

    async def hops(self, name: str) -> Sequence[int] | None:
        return {"bot@pbx.example": [0]}.get(name)

    def accounts(self) -> Sequence[Account]:
        return self.rows

    def trunks(self) -> Sequence[TrunkStatus]:
        return self.lines

    def uses(self) -> Sequence[Use]:
        return self.used

    def listening(self) -> Sequence[str]:
        return ["udp:127.0.0.1:5060"]


class Worker:
    """Ticks for ever, until `stalled_us` says that it stopped so long ago."""

    stalled_us = 0

    def stats(self) -> dict[str, Any]:
        counters = {
            "legs": 1,
            "ticks": 500,
            "late_max_us": 900,
            "late_sum_us": 5000,
            "overruns": 1,
            "rx_dropped": 2,
            "fifo": True,
        }
        return {**counters, "last_tick_us": monotonic_us() - self.stalled_us}


@dataclass
class Switch:
    cfg: Config = field(default_factory=lambda: Config(api=Api(port=0)))
    user_agent: UserAgent = field(default_factory=UserAgent)
    worker: Worker = field(default_factory=Worker)
    engines: object | None = "loaded"
    calls: dict[str, Call] = field(default_factory=dict)

    def add(self, call_id: str, **fields: Any) -> Call:
        call = Call(Leg(), None, "in", "sip:alice@example.net", "sip:bot@127.0.0.1", id=call_id, **fields)  # type: ignore[arg-type]
        self.calls[call_id] = call
        return call


@pytest.fixture(autouse=True)
def log_lines() -> Iterator[io.StringIO]:
    """Logging as the switch sets it up; the process's own is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log.setup(Log(), stream)
    yield stream
    root.handlers, root.level = handlers, level


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def lag() -> LoopLag:
    return LoopLag()


@pytest.fixture
def metrics(switch: Switch, lag: LoopLag) -> Metrics:
    return Metrics(switch, lag)


@pytest.fixture
async def http(switch: Switch, metrics: Metrics, lag: LoopLag) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(switch, metrics, lag), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def samples(http: httpx.AsyncClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """(name, label values in the order of their names) -> value, read by Prometheus's own parser."""
    text = (await http.get("/metrics")).text
    families = text_string_to_metric_families(text)
    return {
        (s.name, tuple(value for _, value in sorted(s.labels.items()))): s.value for family in families for s in family.samples
    }


async def test_health_when_all_is_well(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.user_agent.rows = [Account()]
    answer = await http.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok"
    assert body["checks"]["options_ms"]["value"] == 2.0
    assert set(body["checks"]) == {"options_ms", "worker_tick_age_ms", "loop_lag_ms", "engines", "accounts", "trunks"}


async def test_health_fails_when_nobody_answers_options(http: httpx.AsyncClient, switch: Switch) -> None:
    for error, word in ((TimeoutError(), "no answer to OPTIONS"), (RuntimeError("sip thread is gone"), "sip thread is gone")):
        switch.user_agent.error = error
        answer = await http.get("/health")
        assert answer.status_code == 503
        assert word in answer.json()["checks"]["options_ms"]["detail"]


async def test_health_fails_when_the_worker_stands_still(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.worker.stalled_us = 2 * TICK_AGE_MAX_US
    answer = await http.get("/health")
    assert (answer.status_code, answer.json()["checks"]["worker_tick_age_ms"]["status"]) == (503, "failing")


async def test_health_fails_when_engines_are_not_loaded(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.engines = None
    assert (await http.get("/health")).status_code == 503


async def test_health_needs_no_engines_for_an_agent_that_does_not_speak(switch: Switch, lag: LoopLag) -> None:
    switch.engines = None
    switch.cfg = switch.cfg.model_copy(update={"dialogue": switch.cfg.dialogue.model_copy(update={"agent": "echo"})})
    assert (await examine(switch, lag)).checks["engines"].status == "ok"


async def test_loop_that_was_held_up_degrades(switch: Switch, lag: LoopLag) -> None:
    lag.observe(2 * LOOP_LAG_MAX_S)
    report = await examine(switch, lag)
    assert (report.status, report.checks["loop_lag_ms"].value) == ("degraded", 2000 * LOOP_LAG_MAX_S)


async def test_lost_registration_degrades_but_calls_still_come(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.user_agent.rows = [Account(), Account("1001", registered=False, code=403, reason="Forbidden")]
    answer = await http.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "1001@pbx.example (403 Forbidden)" in answer.json()["checks"]["accounts"]["detail"]


async def test_calls_are_listed(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.add("a", state=CallState.RINGING)
    switch.add("b", state=CallState.CONFIRMED, answered_us=monotonic_us() - 3_000_000)
    rows = (await http.get("/v1/calls")).json()["calls"]
    assert [(row["id"], row["state"], row["codec"]) for row in rows] == [
        ("a", "ringing", "PCMU/8000"),
        ("b", "confirmed", "PCMU/8000"),
    ]
    assert rows[0]["duration_s"] == 0
    assert 3 <= rows[1]["duration_s"] < 10


async def test_one_call_shows_media_and_conversation(http: httpx.AsyncClient, switch: Switch) -> None:
    notes = {"ledger": [{"turn": 1}], "transcript": [{"who": "caller", "text": "hello"}], "recording": "a.wav"}
    switch.add("a", state=CallState.CONFIRMED, notes=notes)
    body = (await http.get("/v1/calls/a")).json()
    assert (body["path"], body["loss"], body["jitter_ms"]) == ("udp > parse > stats > ear", 0.01, 1.5)
    assert (body["round_trip_ms"], body["mos"]) == (80.0, 4.25)
    assert (body["ledger"], body["transcript"], body["notes"]) == (notes["ledger"], notes["transcript"], {"recording": "a.wav"})
    assert body["media"]["rx_packets"] == 990


async def test_ended_call_shows_the_counters_of_its_end(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.add(
        "a",
        state=CallState.ENDED,
        answered_us=1_000_000,
        ended_us=3_500_000,
        end_code=480,
        notes={"stats": {**STATS, "rx_packets": 40, "rx_lost": 0}, "path": "as it was"},
    )
    body = (await http.get("/v1/calls/a")).json()
    assert (body["path"], body["media"]["rx_packets"], body["duration_s"], body["end_code"]) == ("as it was", 40, 2.5, 480)
    assert body["loss"] == 0


@pytest.mark.parametrize(("path", "status"), [("/v1/calls/nope", 404), ("/nowhere", 404)])
async def test_errors_are_problems(http: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["status"], body["title"], body["instance"], body["type"]) == (status, "Not Found", path, "about:blank")


async def test_wrong_method_is_a_problem(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/calls")
    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")
    assert "GET" in answer.headers["allow"]


async def test_own_fault_says_nothing_of_the_inside(http: httpx.AsyncClient, switch: Switch, log_lines: io.StringIO) -> None:
    switch.add("a").leg.counters.clear()  # type: ignore[attr-defined]
    answer = await http.get("/v1/calls/a")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "codec" not in answer.text
    assert "KeyError: 'codec'" in log_lines.getvalue()


async def test_foreign_host_name_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/calls", headers={"host": "evil.example"})).status_code == 400


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


async def test_metrics_show_the_worst_of_the_live_calls(http: httpx.AsyncClient, switch: Switch) -> None:
    assert not {"sipagent_lowest_mos", "sipagent_longest_round_trip_seconds"} & {name for name, _ in await samples(http)}
    for name, mos, rtt_ms in (("a", 4.2, 20.0), ("b", 3.1, None), ("c", None, 450.0)):
        call = switch.add(name, state=CallState.CONFIRMED)
        call.leg.counters |= {"mos": mos, "rtt_ms": rtt_ms}  # type: ignore[attr-defined]
    seen = await samples(http)
    assert seen["sipagent_lowest_mos", ()] == 3.1
    assert seen["sipagent_longest_round_trip_seconds", ()] == 0.45


async def test_metrics_take_over_an_ended_call_once(http: httpx.AsyncClient, switch: Switch, metrics: Metrics) -> None:
    first = Turn(
        1, last_speech=0, end_of_turn=300_000, stt_final=440_000, first_token=440_000, first_tts=500_000, first_packet=640_000
    )
    second = Turn(2, last_speech=0, barge_in=BargeIn(onset=0, detected=60_000, stopped=80_000))  # never answered
    ledger = [first.to_dict(), second.to_dict(), {}]
    call = switch.add("a", state=CallState.ENDED, answered_us=1_000_000, ended_us=5_000_000, notes={"ledger": ledger})
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
    assert seen["sipagent_turn_stage_seconds_count", ("total",)] == 1
    assert seen["sipagent_turn_stage_seconds_sum", ("total",)] == 0.64
    assert seen["sipagent_turn_stage_seconds_sum", ("stt",)] == 0.14
    assert seen["sipagent_barge_in_seconds_sum", ()] == 0.08
    del switch.calls["a"]
    assert (await samples(http))["sipagent_rtp_lost_packets_total", ()] == 10


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


async def test_server_serves_on_its_own_port_and_stops(switch: Switch) -> None:
    server = ApiServer(switch.cfg, switch)
    await server.start()
    try:
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{server.address}/health")).json()["status"] == "ok"
        address = server.address
    finally:
        await server.stop()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{address}/health")


async def test_port_in_use_is_named(switch: Switch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = ApiServer(Config(api=Api(port=port)), switch)
        with pytest.raises(OSError, match=rf"can't listen on 127.0.0.1:{port}"):
            await server.start()


def test_openapi_describes_the_routes_and_its_page_is_up_to_date() -> None:
    document = openapi()
    peers = {"/v1/accounts", "/v1/trunks", "/v1/limits"}
    switchboard = {"/v1/rooms", "/v1/parking"}
    seeing = {"/v1/calls/{call_id}/ladder", "/v1/accounts/{name}/ladder", "/v1/trunks/{name}/ladder"}
    assert set(document["paths"]) == {"/health", "/metrics", "/v1/calls", "/v1/calls/{call_id}"} | peers | switchboard | seeing
    assert "503" in document["paths"]["/health"]["get"]["responses"]
    assert (Path(__file__).parent.parent / "docs" / "openapi.json").read_text() == json.dumps(document, indent=1) + "\n"


TRUNKS = [
    TrunkStatus("provider", [HostStatus("a.example", up=True, code=200, target="udp:192.0.2.1:5060"), HostStatus("b.example")]),
    TrunkStatus("old", [HostStatus("c.example", up=False, reason="no answer to OPTIONS", target="udp:192.0.2.3:5060")]),
]


async def test_accounts_and_trunks_are_shown(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.user_agent.rows = [Account(failures=2)]
    switch.user_agent.lines = TRUNKS
    switch.add("a", state=CallState.CONFIRMED).account = "provider"
    [account] = (await http.get("/v1/accounts")).json()["accounts"]
    assert (account["name"], account["registered"], account["registrar"]) == ("1000@pbx.example", True, "udp:192.0.2.1:5060")
    up, down = (await http.get("/v1/trunks")).json()["trunks"]
    assert (up["name"], up["up"], up["calls"], [h["up"] for h in up["hosts"]]) == ("provider", True, 1, [True, None])
    assert (down["up"], down["hosts"][0]["reason"]) == (False, "no answer to OPTIONS")
    seen = await samples(http)
    assert seen["sipagent_register_failures_total", ("pbx.example", "1000")] == 2
    assert seen["sipagent_trunk_up", ("a.example", "provider")] == 1
    assert seen["sipagent_trunk_up", ("c.example", "old")] == 0


async def test_a_trunk_that_is_down_degrades(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.user_agent.lines = TRUNKS
    answer = (await http.get("/health")).json()
    assert (answer["status"], answer["checks"]["trunks"]["detail"]) == ("degraded", "down: old")


async def test_limits_are_shown(http: httpx.AsyncClient, switch: Switch) -> None:
    limits = CallLimits(max_calls=2, minutes_per_day=60)
    switch.user_agent.used = [Use("provider", limits, {"a": 1, "b": 0}, Counter(max_calls=3), talked_us=120_000_000)]
    [row] = (await http.get("/v1/limits")).json()["limits"]
    assert (row["account"], row["calls"], row["max_calls"], row["refused"]) == ("provider", 2, 2, {"max_calls": 3})
    assert row["minutes"] >= 2.0
    seen = await samples(http)
    assert seen["sipagent_account_calls", ("provider",)] == 2
    assert seen["sipagent_account_calls_refused_total", ("provider", "max_calls")] == 3
    assert seen["sipagent_account_minutes", ("provider",)] >= 2.0
