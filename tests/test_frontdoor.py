# SPDX-License-Identifier: GPL-3.0-or-later
"""The front doors over real SIP, RTP and HTTP on loopback: a switch in a process of its own, a caller in another."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.interop import audio

RATE = 16000
TIMEOUT_S = 60
STALLS_MS = 2000
SIPAGENT = [sys.executable, "-m", "sipagent"]
CONFIG = """
[media]
codecs = ["L16/16000"]

[store]
record = true
"""


@dataclass
class Running:
    """A switch that said it is ready."""

    process: subprocess.Popen[str]
    sip: str  # 127.0.0.1:PORT
    api: str  # http://127.0.0.1:PORT


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frontdoor") / "switch.toml"
    path.write_text(f'{CONFIG}dir = "{path.parent / "calls"}"\n')
    return path


@pytest.fixture(scope="module")
def switch(config: Path) -> Iterator[Running]:
    options = ["--agent", "echo", "--sip", "udp:127.0.0.1:0", "--api", "127.0.0.1:0", "--rtp", "35000-35099"]
    process = subprocess.Popen([*SIPAGENT, "serve", "-c", str(config), *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"ready: udp:(127\.0\.0\.1:\d+), (http://127\.0\.0\.1:\d+); agent echo\n", line)
        assert match is not None, line
        yield Running(process, match[1], match[2])
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)


def sipagent(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SIPAGENT, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def test_caller_hears_every_sample_of_himself(switch: Running, config: Path, tmp_path: Path) -> None:
    """Each once and in order; a machine that is busy with other things may put silence in between."""
    played = audio.noise(RATE, 1, 16000, np.int16)
    audio.write_wav(tmp_path / "play.wav", played, RATE)
    files = ["--play", str(tmp_path / "play.wav"), "--record", str(tmp_path / "heard.wav")]
    done = sipagent(
        "call", f"sip:echo@{switch.sip}", *files, "--duration", "4", "-c", str(config), "--rtp", "35100-35199", "--json"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["answered"]
    assert (result["lost_packets"], result["played_s"], result["end_code"]) == (0, 1.0, 0)
    assert (result["codec"], result["ptime_ms"], result["secure"]) == ("L16", 20, True)  # each end takes SRTP by default
    assert "L16/16000" in result["path"]
    assert 50 + 2 < result["received_packets"] <= 205
    heard, rate = audio.read_wav(tmp_path / "heard.wav")
    assert rate == RATE
    assert audio.echo_fault(played, heard, RATE, slip_ms=STALLS_MS) == ""


def test_api_tells_of_the_call(switch: Running, config: Path) -> None:
    before = len(httpx.get(f"{switch.api}/v1/calls").json()["calls"])
    done = sipagent("call", f"sip:echo@{switch.sip}", "--duration", "0.5", "-c", str(config), "--rtp", "35100-35199", "--json")
    calls = httpx.get(f"{switch.api}/v1/calls").json()["calls"]
    assert len(calls) == before + 1
    last = httpx.get(f"{switch.api}/v1/calls/{calls[-1]['id']}").json()
    assert last["sip_call_id"] == json.loads(done.stdout)["sip_call_id"]
    assert (last["state"], last["direction"], last["loss"], last["codec"]) == ("ended", "in", 0, "L16")
    assert "L16/16000" in last["path"]
    assert (Path(last["notes"]["recording"]).exists(), last["recording_lost_ms"]) == (True, 0)
    families = text_string_to_metric_families(httpx.get(f"{switch.api}/metrics").text)
    values = {sample.name: sample.value for family in families for sample in family.samples}
    assert values["sipagent_calls_total"] == before + 1
    assert values["sipagent_rtp_received_packets_total"] >= 25


def test_health_is_a_real_round_trip(switch: Running) -> None:
    checks = httpx.get(f"{switch.api}/health").json()["checks"]
    assert (checks["options_ms"]["status"], checks["worker_tick_age_ms"]["status"]) == ("ok", "ok")
    assert checks["options_ms"]["value"] > 0


def test_interrupted_call_hangs_up_and_reports(switch: Running, config: Path) -> None:
    command = [*SIPAGENT, "call", f"sip:echo@{switch.sip}", "-c", str(config), "--rtp", "35100-35199", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        while not any(c["state"] == "confirmed" for c in httpx.get(f"{switch.api}/v1/calls").json()["calls"]):
            assert caller.poll() is None
        caller.send_signal(signal.SIGINT)
        out, _ = caller.communicate(timeout=TIMEOUT_S)
    assert (caller.returncode, json.loads(out)["end_code"]) == (0, 0)


def test_number_that_nobody_has_is_exit_code_1() -> None:
    done = sipagent("call", "sip:nobody@127.0.0.1:9", "--ring", "1", "--rtp", "35200-35299", "--json")
    assert (done.returncode, json.loads(done.stdout)["answered"]) == (1, False)


def test_port_in_use_is_exit_code_4_and_said_in_the_last_line(switch: Running) -> None:
    done = sipagent("serve", "--agent", "echo", "--sip", f"udp:{switch.sip}", "--api", "off")
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == f"sipagent: can't listen on udp:{switch.sip}: Address already in use; see sip.listen"


def test_sigterm_ends_the_switch_with_0(config: Path) -> None:
    options = ["--agent", "echo", "--sip", "udp:127.0.0.1:0", "--api", "off", "--rtp", "35300-35399"]
    with subprocess.Popen([*SIPAGENT, "serve", "-c", str(config), *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready: ")
        process.terminate()
        assert process.wait(timeout=TIMEOUT_S) == 0
