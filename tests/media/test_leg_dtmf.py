# SPDX-License-Identifier: GPL-3.0-or-later
"""Digits through two legs (RFC 4733), clean and over a bad network, with speech around them."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from mediacore import EV_DTMF, ArgumentError, FullError, StateError, VirtualLeg
from tests.media.rtp import Rtp, from_l16
from tests.netsim import MS, Conditions, Network

START = 1_000_000


def pair(clock: int = 16000, codec: str = "L16", ptime_ms: int = 20) -> tuple[VirtualLeg, VirtualLeg]:
    a = VirtualLeg(codec=codec, clock=clock, pt=97, ptime_ms=ptime_ms, seed=1)
    return a, VirtualLeg(codec=codec, clock=clock, pt=97, ptime_ms=ptime_ms, seed=2)


def run(a: VirtualLeg, b: VirtualLeg, network: Network, seconds: float) -> list[Rtp]:
    sent = []
    for t in range(START, START + round(seconds * 1e6), 10 * MS):
        for pkt in a.on_tick(t):
            sent.append(Rtp.unpack(pkt))
            network.send(pkt, t)
        for at, pkt in network.receive(t):
            b.on_packet(pkt, at)
        b.on_tick(t)
        b.frames()
    return sent


def digits(leg: VirtualLeg) -> list[tuple[str, int]]:
    return [(chr(a), b) for kind, a, b, _ in leg.events() if kind == EV_DTMF]


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
@pytest.mark.parametrize(("codec", "clock"), [("PCMU", 8000), ("opus", 48000)])
def test_digits_arrive_once_with_their_length(codec: str, clock: int, ptime_ms: int) -> None:
    a, b = pair(clock, codec, ptime_ms)
    with closing(a), closing(b):
        a.send_dtmf("159*#D", 120)
        a.send_dtmf("0", 240)
        run(a, b, Network(Conditions()), 3.0)
        got = digits(b)
        assert "".join(d for d, _ in got) == "159*#D0"
        assert all(120 <= ms < 120 + ptime_ms for _, ms in got[:6])
        assert 240 <= got[6][1] < 240 + ptime_ms


@pytest.mark.parametrize("seed", range(20))
def test_digits_arrive_once_over_a_bad_network(seed: int) -> None:
    a, b = pair()
    with closing(a), closing(b):
        a.send_dtmf("1234567890", 160)
        run(a, b, Network(Conditions(loss=0.1, reorder=0.05, duplicate=0.1), seed), 5.0)
        assert "".join(d for d, _ in digits(b)) == "1234567890"


def test_speech_waits_for_a_digit_and_none_of_it_is_lost() -> None:
    a, b = pair()
    with closing(a), closing(b):
        a.write((np.arange(16000) // 320 + 1).astype(np.int16).tobytes())
        run(a, b, Network(Conditions(delay_us=0)), 0.2)
        a.send_dtmf("5", 100)
        sent = []
        for t in range(START + 200 * MS, START + 2000 * MS, 20 * MS):
            sent += [Rtp.unpack(p) for p in a.on_tick(t)]
        events = [p for p in sent if p.pt == 101]
        assert events[0].marker  # section 2.5.1.1
        assert len({p.ts for p in events}) == 1
        spoken = [int(from_l16(p.payload)[0]) for p in sent if p.pt == 97]
        assert [v for v in spoken if v] == list(range(11, 51))
        assert [p.seq - sent[0].seq for p in sent] == list(range(len(sent)))


def test_the_ear_takes_digits_neither_for_loss_nor_for_sound() -> None:
    a, b = pair()
    with closing(a), closing(b):
        heard = []
        a.write(np.full(16000, 700, np.int16).tobytes())
        for k in range(100):
            t = START + k * 20 * MS
            if k == 10:
                a.send_dtmf("7", 100)
            for pkt in a.on_tick(t):
                b.on_packet(pkt, t)
            b.on_tick(t)
            heard += b.frames()
        assert b.stats()["rx_lost"] == 0
        assert [f[2] for f in heard] == list(np.cumsum([0] + [len(f[0]) // 2 for f in heard])[:-1])
        line = np.concatenate([np.frombuffer(f[0], np.int16) for f in heard])
        assert np.count_nonzero(line == 700) == 16000
        assert len(line) == 100 * 320  # the digit's time is silence on the line, and no more than that


def test_digits_that_cannot_go_are_refused() -> None:
    with closing(VirtualLeg()) as leg:
        for digits_, ms in (("12x", 100), ("1", 10), ("1", 60000)):
            with pytest.raises(ArgumentError):
                leg.send_dtmf(digits_, ms)
        with pytest.raises(FullError):
            leg.send_dtmf("1" * 65)
        assert not [p for k in range(5) for p in leg.on_tick(START + k * 20 * MS) if Rtp.unpack(p).pt == 101]
        leg.stop()
        with pytest.raises(StateError):
            leg.send_dtmf("1")
