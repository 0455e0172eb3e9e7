# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole demo: switch, caller, engines, wire, recording, report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

TREE = Path(__file__).parent.parent.parent
HOST = "127.0.8.1"  # an address of loopback that nothing else uses: port 5060 is free there


def test_the_conversation_happens(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    demo = subprocess.run(
        [sys.executable, "-m", "sipagent.demo", "--host", HOST, "--report", str(path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TREE)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = f"{demo.stdout}\n{demo.stderr}"
    assert demo.returncode == 0, said
    report = json.loads(path.read_text())
    assert report["passed"], report["failures"]
    answered = [t for t in report["turns"] if t["caller_heard"] and t["agent_said"] and t["gap_ms"] is not None]
    assert len(answered) >= 4, said
    assert report["word_error_rate"] <= 0.15
    for turn in answered:
        assert sum(turn["stages"].values()) == pytest.approx(turn["gap_ms"], abs=2), turn
    assert report["barge_in"] is not None, said
    assert report["barge_in"]["stopped_ms"] < 1000, report["barge_in"]  # the answer that was cut has seconds to go
    with wave.open(str(tmp_path / report["recording"])) as wav:
        assert wav.getnchannels() == 2
        assert wav.getnframes() > 20 * wav.getframerate()


def test_a_switch_that_can_not_start_is_reported(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "sipagent.demo", "--host", "192.0.2.1"],  # TEST-NET-1 (RFC 5737): no address of ours
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TREE)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert demo.returncode == 4
    assert "192.0.2.1" in demo.stderr
