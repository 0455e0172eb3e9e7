# SPDX-License-Identifier: GPL-3.0-or-later
"""Softphones that each say one tone, so that who hears whom is known by frequency."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.interop import audio
from tests.interop.baresip import Softphone
from tests.interop.process import until
from tests.interop.switch import Switch

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
    late, rate = phone.lately(last_s)
    return {hz for hz in tones if share(late, hz, rate) > 0.05}


def routed(start: Callable[..., Switch], *rows: dict[str, Any], **settings: Any) -> Switch:
    return start("echo", routes=rows, media={"rate": RATE}, **settings)
