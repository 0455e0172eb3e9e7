# SPDX-License-Identifier: GPL-3.0-or-later
"""Digits that are sent as sound: heard through every codec and over a bad network, each once; and never heard in speech."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mediacore import EV_DTMF, NO_PT, ArgumentError, VirtualLeg
from mediacore.dsp import InbandDtmf, dtmf, tone, tones
from sipagent.wavfile import read_wav
from tests.netsim import MS, Conditions, Network

START = 1_000_000
ALL = "0123456789*#ABCD"
SOUNDS = Path("/usr/share/asterisk/sounds/en")
FIX = "apt-get install asterisk-core-sounds-en asterisk-core-sounds-en-wav"


def ears(codec: str, clock: int, inband: bool = True) -> tuple[VirtualLeg, VirtualLeg]:
    a = VirtualLeg(codec=codec, clock=clock, pt=97, seed=1, tx_seconds=60)
    return a, VirtualLeg(codec=codec, clock=clock, pt=97, seed=2, inband_dtmf=inband)


def run(a: VirtualLeg, b: VirtualLeg, network: Network, seconds: float) -> list[tuple[str, int]]:
    for t in range(START, START + round(seconds * 1e6), 20 * MS):
        for pkt in a.on_tick(t):
            network.send(pkt, t)
        for at, pkt in network.receive(t):
            b.on_packet(pkt, at)
        b.on_tick(t)
        b.frames()
    return [(chr(digit), ms) for kind, digit, ms, _ in b.events() if kind == EV_DTMF]


@pytest.mark.parametrize(("codec", "clock"), [("PCMU", 8000), ("PCMA", 8000), ("G722", 8000), ("L16", 16000), ("opus", 48000)])
def test_digits_come_through_every_codec(codec: str, clock: int) -> None:
    a, b = ears(codec, clock)
    with closing(a), closing(b):
        a.write(dtmf(ALL, a.rate, ms=60, gap_ms=60))
        got = run(a, b, Network(Conditions()), 3.0)
        assert "".join(d for d, _ in got) == ALL
        assert all(40 <= ms <= 80 for _, ms in got)
        assert "dtmf in the sound?" in b.describe()


@pytest.mark.parametrize("seed", range(20))
def test_digits_come_once_over_a_bad_network(seed: int) -> None:
    """A digit of 160 ms survives the loss of single packets; none is heard twice and none is made up."""
    a, b = ears("PCMU", 8000)
    with closing(a), closing(b):
        a.write(dtmf(ALL, a.rate, ms=160, gap_ms=100))
        got = "".join(d for d, _ in run(a, b, Network(Conditions(loss=0.03, jitter_us=20 * MS, reorder=0.02), seed), 6.0))
        assert got == ALL


def test_a_peer_that_sends_events_is_not_heard_twice() -> None:
    """RFC 4733: a gateway lets the tone through for a moment, sends events in its place, and lets the rest through again."""
    a, b = ears("PCMU", 8000)
    with closing(a), closing(b):
        network, got = Network(Conditions()), ""
        for i, digit in enumerate("123"):
            start = START + i * 600 * MS
            for t in range(start, start + 600 * MS, 20 * MS):
                if t == start:
                    a.write(dtmf(digit, a.rate, ms=40, gap_ms=0))
                if t == start + 40 * MS:
                    a.send_dtmf(digit, 100)
                    a.write(dtmf(digit, a.rate, ms=60, gap_ms=0))
                for pkt in a.on_tick(t):
                    network.send(pkt, t)
                for at, pkt in network.receive(t):
                    b.on_packet(pkt, at)
                b.on_tick(t)
                b.frames()
            got += "".join(chr(d) for kind, d, _, _ in b.events() if kind == EV_DTMF)
        assert got == "123"


def test_only_on_demand() -> None:
    a, b = ears("PCMU", 8000, inband=False)
    with closing(a), closing(b):
        a.write(dtmf(ALL, a.rate))
        assert run(a, b, Network(Conditions()), 4.0) == []


def test_no_digit_in_human_speech() -> None:
    """Talk-off: 25 minutes of prompts, as they were recorded, and faster and slower, so that the harmonics lie elsewhere."""
    files = sorted(SOUNDS.rglob("*.wav"))
    assert len(files) > 300, FIX
    speech = np.frombuffer(b"".join(read_wav(f, 8000) for f in files), np.int16).astype(np.float32)
    assert len(speech) / 8000 > 20 * 60
    for speed in (0.8, 0.9, 0.95, 1.0, 1.05, 1.12, 1.25):
        at = np.arange(0, len(speech) - 1, speed)
        pcm: npt.NDArray[np.int16] = np.interp(at, np.arange(len(speech)), speech).astype(np.int16)
        assert InbandDtmf(8000).run(pcm.tobytes()) == [], speed


def test_no_digit_in_call_progress() -> None:
    for name in tones():
        assert InbandDtmf(8000).run(tone(name, 8000, 12.0)) == [], name


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match="no tone 'dial'; there are dial-eu"):
        tone("dial", 8000, 1.0)
    with pytest.raises(ArgumentError, match=r"0-9 \* # A-D"):
        dtmf("12x", 8000)
    with pytest.raises(ArgumentError, match="at 11025 Hz"):
        dtmf("1", 11025)
    with pytest.raises(ArgumentError, match="at 44100 Hz"):
        InbandDtmf(44100)


@pytest.mark.parametrize(("codec", "clock"), [("PCMU", 8000), ("G722", 8000), ("opus", 48000)])
@pytest.mark.parametrize("ptime_ms", [10, 20, 60])
def test_a_peer_without_events_hears_the_digits(codec: str, clock: int, ptime_ms: int) -> None:
    """Sent as sound, each once and as long as asked; speech waits and none of it is lost."""
    a = VirtualLeg(codec=codec, clock=clock, pt=97, event_pt=NO_PT, ptime_ms=ptime_ms, seed=1)
    b = VirtualLeg(codec=codec, clock=clock, pt=97, event_pt=NO_PT, ptime_ms=ptime_ms, seed=2, inband_dtmf=True)
    with closing(a), closing(b):
        assert not a.takes_events
        a.write(np.full(a.rate // 2, 300, np.int16).tobytes())
        a.send_dtmf(ALL, 100)
        a.send_dtmf("77", 240)
        got = run(a, b, Network(Conditions()), 6.0)
        assert "".join(d for d, _ in got) == ALL + "77"  # the pause between them tells two from one
        assert all(80 <= ms <= 130 for _, ms in got[:-2])
        assert all(220 <= ms <= 270 for _, ms in got[-2:])
        assert a.pending == 0
        assert a.counters()["flushed"] == 0
