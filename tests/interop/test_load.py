# SPDX-License-Identifier: GPL-3.0-or-later
"""Many callers at once (SIPp), and one that watches every packet of its own call meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import audio
from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.sipp import Load
from tests.interop.switch import Switch
from tests.interop.uac import Caller

LIMIT = 3
RETRY_AFTER_S = 7


@pytest.fixture(scope="module")
def echo(start_switch: StartSwitch) -> Switch:
    return start_switch("echo", rtp_ports=800, media={"rate": 8000}, store={"recent_calls": 300})


@pytest.fixture(scope="module")
def small(start_switch: StartSwitch) -> Switch:
    return start_switch("echo", sip={"max_calls": LIMIT, "retry_after_s": RETRY_AFTER_S}, media={"rate": 8000})


@pytest.mark.behaviour("Switch", "carries a hundred calls at once and none of them hurts another", peer="SIPp", rfc="3261 13")
def test_two_hundred_calls_a_hundred_at_once(echo: Switch, tmp_path: Path) -> None:
    speech = audio.noise(10 * 8000, seed=3).tobytes()
    # They talk so long that a machine that sets up no more than 13 a second has a hundred at once all the same.
    with Caller(echo.sip_port) as canary:
        assert canary.call().status == 200
        load = Load(tmp_path, echo.sip_port, speech, calls=200, rate=20, at_once=100, talk_ms=8000)
        try:
            counts = load.finish()
        finally:
            load.stop()
        assert canary.hang_up() == 200
    assert (counts.created, counts.succeeded, counts.failed) == (200, 200, 0), load.errors()
    assert counts.peak == 100
    assert canary.report.sent > 15 * 50
    assert canary.fault() == ""
    echo.wait_idle()
    calls = echo.calls()
    assert len(calls) == 201
    assert {call["id"]: lost for call in calls if (lost := echo.call(call["id"])["media"]["rx_lost"])} == {}
    assert echo.healthy()


@pytest.fixture
def full_house(small: Switch) -> Iterator[list[Caller]]:
    """As many calls as the switch takes, talking."""
    callers = [Caller(small.sip_port, f"guest{n}", seed=n) for n in range(LIMIT)]
    try:
        assert [caller.call().status for caller in callers] == [200] * LIMIT
        until("all heard", lambda: all(len(caller.report.packets) > 25 for caller in callers), 10)
        yield callers
    finally:
        for caller in callers:
            if not caller.ended.is_set():
                caller.close()


def test_beyond_the_limit_is_refused_and_nobody_notices(small: Switch, full_house: list[Caller]) -> None:
    """RFC 3261 21.5.4: 503 with Retry-After."""
    for n in range(20):
        with Caller(small.sip_port, f"late{n}") as late:
            answer = late.call()
        assert answer.status == 503
        assert answer.headers["retry-after"].split()[0] == str(RETRY_AFTER_S)
    time.sleep(2.0)  # let the running calls go on for a while after the last refusal
    for caller in full_house:
        assert caller.hang_up() == 200
        assert caller.fault() == ""
    small.wait_idle()
    with Caller(small.sip_port, "again") as again:
        assert again.call().status == 200
        assert again.hang_up() == 200
