# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch between softphones: routes, bridges, rooms, parking, transfers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.switch import Switch

StartPhone = Callable[..., Softphone]
RATE = 8000
CODEC = "PCMU/8000/1"
WAIT_S = 20
TALK_S = 3.0


def tone(folder: Path, hz: float, seconds: float = 60.0) -> Path:
    """A microphone that says one tone."""
    t = np.arange(int(seconds * RATE)) / RATE
    return audio.write_wav(folder / f"tone{hz:g}.wav", (8000 * np.sin(2 * np.pi * hz * t)).astype("<i2"), RATE)


def share(pcm: audio.Pcm, hz: float, rate: int) -> float:
    """Of the sound's energy, what lies at this frequency."""
    samples = pcm.astype(np.float64)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    freq = np.fft.rfftfreq(len(samples), 1 / rate)
    return float(power[np.abs(freq - hz) < 30].sum() / max(power.sum(), 1.0))


def hears(phone: Softphone, seconds: float) -> None:
    """Waits until the phone has written so much more of what it hears."""
    before = phone.heard_seconds()
    until(f"{seconds} s more heard", lambda: phone.heard_seconds() >= before + seconds, WAIT_S + seconds)


def loudest(phone: Softphone, tones: tuple[float, ...], last_s: float = 1.5) -> set[float]:
    """Which of the tones the phone has heard lately."""
    pcm, rate = audio.read_wav(phone.heard)
    late = pcm[-int(last_s * rate) :]
    return {hz for hz in tones if share(late, hz, rate) > 0.05}


@pytest.fixture
def start_phone(softphone: StartPhone, tmp_path: Path) -> Callable[..., Softphone]:
    def start(user: str, hz: float, *options: str) -> Softphone:
        return softphone(tone(tmp_path, hz), RATE, CODEC, *options, user=user)

    return start


def routed(start: StartSwitch, *rows: dict[str, Any], **settings: Any) -> Switch:
    return start("echo", routes=rows, media={"rate": RATE}, **settings)


@pytest.mark.behaviour(
    "Switch", "joins two softphones that never registered; both hear each other", peer="baresip", rfc="7092 3.1"
)
def test_bridge(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    bob = start_phone("bob", 700.0, "answermode=auto")
    switch = routed(start_switch, {"called": "_7X", "bridge": bob.uri})
    alice = start_phone("alice", 400.0)
    alice.call(switch.uri_of("70"))
    bob.wait_for("CALL_ESTABLISHED", WAIT_S)
    hears(alice, TALK_S)
    hears(bob, TALK_S)
    live = switch.live_calls()
    assert [c["other_id"] for c in live] == [c["id"] for c in reversed(live)]
    alice.hang_up()
    bob.wait_for("CALL_CLOSED", WAIT_S)
    switch.wait_idle()
    alice.stop()
    bob.stop()
    assert loudest(alice, (400.0, 700.0)) == {700.0}
    assert loudest(bob, (400.0, 700.0)) == {400.0}
    ended = switch.calls()
    assert {c["direction"] for c in ended} == {"in", "out"}
    assert all(c["end_code"] == 0 for c in ended), ended
