# SPDX-License-Identifier: GPL-3.0-or-later
"""The call generator of `setup` tells good calls from refused ones and from those that nobody answers."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.bench import call_setup, stats
from tests.interop import ports
from tests.interop.sipp import Echo

RATE, SECONDS, HOLD_MS = 40.0, 1.0, 50
REFUSAL = (
    "SIP/2.0 486 Busy Here\r\nVia:{via}\r\nFrom:{from}\r\nTo:{to};tag=1\r\nCall-ID:{call-id}\r\nCSeq:{cseq}\r\n"
    "Content-Length: 0\r\n\r\n"
)


def generate(port: int, raw: Path, rate: float = RATE) -> subprocess.Popen[str]:
    words = [str(port), "echo", f"{rate}", f"{SECONDS}", str(HOLD_MS), str(raw)]
    return subprocess.Popen([call_setup.sipgen(), *words], stdout=subprocess.PIPE, text=True)


def result(generator: subprocess.Popen[str]) -> dict[str, int]:
    out, _ = generator.communicate(timeout=60)
    assert generator.returncode == 0
    counts: dict[str, int] = json.loads(out)
    return counts


def test_calls_that_are_answered_and_ended(tmp_path: Path) -> None:
    echo = Echo(tmp_path / "sipp", 0, "PCMU/8000")
    try:
        counts = result(generate(echo.port, tmp_path / "raw"))
    finally:
        echo.stop()
    rows = stats.read(tmp_path / "raw", stats.SETUP)
    assert counts["good"] == counts["calls"] == len(rows) > 10
    assert (rows["code"] == 200).all()
    assert (rows["answer_ns"] > rows["invite_ns"]).all()
    assert (rows["rtp_ns"] == -1).all()  # nobody spoke
    p50, p99 = stats.wait_ms(rows, "answer_ns")
    assert 0 < p50 <= p99


def test_calls_that_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((ports.HOST, 0))
        far.settimeout(0.1)
        generator = generate(far.getsockname()[1], tmp_path / "raw")
        acked: set[str] = set()
        while generator.poll() is None:
            try:
                text, place = far.recvfrom(4096)
            except TimeoutError:
                continue
            fields = {name.lower(): value for name, _, value in (x.partition(":") for x in text.decode().split("\r\n")[1:])}
            if text.startswith(b"ACK "):
                acked.add(fields["call-id"])
            elif text.startswith(b"INVITE "):
                far.sendto(REFUSAL.format(**fields).encode(), place)
        counts = result(generator)
    assert counts["calls"] == len(acked) > 10
    assert counts["good"] == 0
    assert set(stats.read(tmp_path / "raw", stats.SETUP)["code"]) == {486}


def test_calls_that_nobody_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((ports.HOST, 0))
        counts = result(generate(far.getsockname()[1], tmp_path / "raw", rate=10))
    rows = stats.read(tmp_path / "raw", stats.SETUP)
    assert counts["good"] == 0 < counts["calls"]
    assert set(rows["code"]) == {408}
    assert (rows["repeats"] == 3).all()  # 0.5, 1.5 and 3.5 s after the INVITE (RFC 3261 17.1.1.2)


def test_what_never_came_is_no_short_wait() -> None:
    raw = np.zeros(200, stats.SETUP)
    raw["answer_ns"] = 2_000_000
    assert stats.wait_ms(raw, "answer_ns") == (2.0, 2.0)
    raw["answer_ns"][:5] = -1
    p50, p99 = stats.wait_ms(raw, "answer_ns")
    assert np.isnan([p50, p99]).all()


@pytest.mark.parametrize(("failed", "late", "valid"), [(0.0, 0.0, True), (0.002, 0.0, False), (0.0, 0.02, False)])
def test_a_rate_that_is_not_held_does_not_count(failed: float, late: float, valid: bool) -> None:
    found = call_setup.Found(100, 1000, 500, {}, 0.05, failed, 0, late, (1, 2), (3, 4), {})
    assert found.valid == valid


def test_failed_calls_are_said_by_status() -> None:
    assert call_setup.failures(0.0, {}) == "0.00%"
    assert call_setup.failures(0.25, {503: 3, 408: 1}) == "25.00%, 1 x 408, 3 x 503"
