# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP against a switch of fakes: what it shows, when it says that all is well, and what it never does. Errors: RFC 9457."""

from __future__ import annotations

import io
import json
import socket
from collections import Counter
from pathlib import Path

import httpx
import pytest

from sipagent.agents.reloaded import Edition, ReloadedAgent
from sipagent.api.app import openapi
from sipagent.api.health import LOOP_LAG_MAX_S, TICK_AGE_MAX_US, examine, monotonic_us
from sipagent.api.lag import LoopLag
from sipagent.api.server import ApiServer
from sipagent.call import CallState
from sipagent.config import Api, Config
from sipagent.config_limits import CallLimits
from sipagent.protection.quota import Use
from sipagent.signalling.trunk import HostStatus, TrunkStatus
from tests.api.switch import STATS, Account, Switch, samples


async def test_health_when_all_is_well(http: httpx.AsyncClient, switch: Switch) -> None:
    switch.user_agent.rows = [Account()]
    answer = await http.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok"
    assert body["checks"]["options_ms"]["value"] == 2.0
    assert set(body["checks"]) == {"options_ms", "worker_tick_age_ms", "loop_lag_ms", "engines", "agents", "accounts", "trunks"}


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


async def test_an_agent_file_that_broke_degrades_but_calls_still_come(switch: Switch, lag: LoopLag) -> None:
    async def make() -> Edition:
        raise AssertionError("not opened here")

    agent = ReloadedAgent("desk.toml", None, make)
    switch.agents["desk.toml"] = agent
    assert (await examine(switch, lag)).checks["agents"].status == "ok"
    agent.problem = "greeting: missing"
    check = (await examine(switch, lag)).checks["agents"]
    assert check.status == "degraded"
    assert "desk.toml can't be read, calls go on with the one before: greeting: missing" in check.detail


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


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("POST", {"origin": "http://127.0.0.1", "content-type": "application/json"}, b"{}", 422),  # it is read
        ("POST", {"content-type": "application/json; charset=utf-8"}, b"{}", 422),
        ("POST", {"origin": "http://127.0.0.1:81", "content-type": "application/json"}, b"{}", 403),
        ("POST", {"origin": "https://evil.example", "content-type": "application/json"}, b"{}", 403),
        ("POST", {"origin": "null", "content-type": "application/json"}, b"{}", 403),
        ("DELETE", {"origin": "https://evil.example"}, b"", 403),
        ("POST", {}, b"{}", 415),  # a Blob without a type is sent so
        ("POST", {"content-type": "text/plain"}, b"{}", 415),
        ("POST", {"content-type": "application/x-www-form-urlencoded"}, b"uri=x", 415),
        ("GET", {"origin": "https://evil.example"}, b"", 404),  # it changes nothing, and the page can't read the answer
    ],
)
async def test_pages_from_elsewhere_change_nothing(
    http: httpx.AsyncClient, method: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    path = "/v1/calls/none/listeners" + ("/x" if method == "DELETE" else "")
    answer = await http.request(method, path, headers=headers, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


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
    switchboard = {"/v1/rooms", "/v1/parking", "/v1/calls/{call_id}/listeners", "/v1/calls/{call_id}/listeners/{listener_id}"}
    seeing = {
        "/v1/calls/{call_id}/pcap",
        "/v1/calls/{call_id}/ladder",
        "/v1/ladder",
        "/v1/accounts/{name}/ladder",
        "/v1/trunks/{name}/ladder",
    }
    calls = {"/v1/calls", "/v1/calls/{call_id}", "/v1/calls/{call_id}/update"}
    assert set(document["paths"]) == {"/health", "/metrics", "/v1/memory"} | calls | peers | switchboard | seeing
    assert "503" in document["paths"]["/health"]["get"]["responses"]
    assert (Path(__file__).parents[2] / "docs" / "openapi.json").read_text() == json.dumps(document, indent=1) + "\n"


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
