# SPDX-License-Identifier: GPL-3.0-or-later
"""What has no business on the RTP port is counted and does no harm."""

from __future__ import annotations

import random
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediacore import EV_RX_TIMEOUT, Codec, VirtualLeg
from tests.media.rtp import Rtp, numbered, samples
from tests.netsim import MS

START = 1_000_000
GOOD = numbered(200)


def listen(strays: dict[int, list[bytes]], n: int = 60) -> tuple[VirtualLeg, list[int]]:
    """n good packets, strays just before packet k; which packets were heard, 0 = made up."""
    heard = []
    leg = VirtualLeg(codec="L16", clock=16000, pt=96)
    for k in range(n):
        t = START + k * 20 * MS
        for pkt in strays.get(k, []):
            leg.on_packet(pkt, t - 1)
        leg.on_packet(GOOD[k], t)
        leg.on_tick(t + 1)
        heard += [int(samples(f[0])[0]) for f in leg.frames()]
    return leg, heard


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.integers(1, 59), st.lists(st.binary(max_size=1600), max_size=4), max_size=30))
def test_any_bytes(strays: dict[int, list[bytes]]) -> None:
    ours = [p for group in strays.values() for p in group if len(p) >= 12 and p[0] >> 6 == 2 and p[8:12] == GOOD[0][8:12]]
    leg, heard = listen(strays)
    with closing(leg):
        if not ours:  # nobody guesses our source, except hypothesis once in a while
            assert heard == list(range(1, 61))
            s = leg.stats()
            assert s["rx_malformed"] + s["rx_ignored"] == sum(map(len, strays.values()))


def test_mutated_packets_of_our_own_source() -> None:
    rng = random.Random(11)
    with closing(VirtualLeg(codec="opus", clock=48000, pt=100)) as leg:
        leg.tap(True)
        codec = Codec("opus", 48000)
        for k in range(4000):
            pkt = bytearray(Rtp(k, 960 * k, codec.encode(bytes(640)) or b"\0", 100).pack())
            for _ in range(rng.randrange(6)):
                pkt[rng.randrange(len(pkt))] = rng.randrange(256)
            leg.on_packet(bytes(pkt[: rng.randrange(len(pkt) + 1)]), START + k * 20 * MS)
            leg.on_tick(START + k * 20 * MS)
            leg.frames(), leg.taps(), leg.events()
        assert leg.stats()["rx_malformed"] > 0


def test_other_payload_types_and_sources() -> None:
    comfort = [Rtp(10_000 + k, 320 * k, b"\x40", 13, ssrc=0x1234).pack() for k in range(3)]
    stranger = [Rtp(7 * k, 1, bytes(640), 96, ssrc=0x666 + k).pack() for k in range(20)]
    leg, heard = listen({5: comfort[:1], **{k: [stranger[k - 10]] for k in range(10, 30)}})
    with closing(leg):
        assert heard == list(range(1, 61))
        assert leg.stats()["rx_ignored"] == 21
        assert leg.stats()["rx_restarts"] == 0


@pytest.mark.parametrize("pt", [13, 101])
def test_packets_without_sound_inside_the_stream_are_no_loss(pt: int) -> None:
    """Comfort noise, a telephone-event: the audio after it is handed over at once."""
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=8000)) as leg:
        frames = []
        for k in range(10):
            pkt = Rtp(k, 160 * k, b"\x01\x0a\x00\xa0" if k == 5 else bytes(160), pt if k == 5 else 0)
            leg.on_packet(pkt.pack(), START + k * 20 * MS)
            frames += leg.frames()
            assert len(frames) == (k + 1 if k != 5 else 5)
        assert leg.stats()["rx_lost"] == 0
        assert [f[2] for f in frames] == [160 * k for k in range(10)]
        assert [f[3] for f in frames] == [k == 5 for k in range(10)]


@pytest.mark.parametrize("size", [0, 1, 639, 1488])
def test_payloads_of_odd_sizes(size: int) -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=96, rate=48000)) as leg:
        leg.tap(True)
        for k in range(50):
            leg.on_packet(Rtp(k, 320 * k, bytes(size), 96).pack(), START + k * 20 * MS)
            leg.on_tick(START + k * 20 * MS)
            leg.frames()


def test_packet_longer_than_any_we_read() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=96)) as leg:
        for size in (1488, 1490, 3000, 60_000):
            leg.on_packet(Rtp(1, 0, bytes(size), 96).pack(), START)
        assert leg.stats()["rx_malformed"] == 3
        assert leg.stats()["rx_packets"] == 1


def test_nothing_is_heard_while_not_receiving() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=96, recv=False)) as leg:
        for k in range(20):
            leg.on_packet(GOOD[k], START + k * 20 * MS)
            leg.on_tick(START + k * 20 * MS)
        assert leg.frames() == []
        assert leg.stats()["rx_ignored"] == 20


def test_silence_on_the_wire_is_told_once() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=96, rx_timeout=2.0)) as leg:
        told = []
        for k in range(600):
            t = START + k * 20 * MS
            if k < 10 or k == 300:
                leg.on_packet(GOOD[k % 200], t)
            leg.on_tick(t)
            leg.frames()
            told += [(e[1], e[3]) for e in leg.events() if e[0] == EV_RX_TIMEOUT]
        assert [ms for ms, _ in told] == [2000, 2000]
        assert [t for _, t in told] == [START + (9 * 20 + 2000) * MS, START + (300 * 20 + 2000) * MS]
