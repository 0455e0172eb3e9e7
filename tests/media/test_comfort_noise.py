# SPDX-License-Identifier: GPL-3.0-or-later
"""Pauses in which nearly nothing is sent: comfort noise (RFC 3389) and Opus' own DTX, sent, heard by machines and by people."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from mediacore import VirtualLeg
from mediacore.dsp import Codec, level_db
from tests.media.rtp import Rtp, babble, samples, tone
from tests.netsim import MS, Conditions, Network

START = 1_000_000
CN = 13
TICK = 20 * MS


def noise(seconds: float, rate: int, db: float, seed: int = 3) -> np.ndarray:
    """dB against a full-scale square wave."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(round(seconds * rate)) * 32768 * 10 ** (db / 20)


def words(seconds: float, rate: int, db: float) -> np.ndarray:
    """Syllables over a steady noise, which alone is heard between them."""
    n = round(seconds * rate)
    voice = babble(seconds, rate).astype(float) * (np.arange(n) // (rate // 5) % 2)
    return np.clip(voice + noise(seconds, rate, db), -32768, 32767).astype(np.int16)


def resting(codec: str = "PCMU", clock: int = 8000, pt: int = 0, cn_pt: int = CN, rate: int = 8000) -> VirtualLeg:
    return VirtualLeg(codec=codec, clock=clock, pt=pt, rate=rate, cn_pt=cn_pt, suppress_silence=True, seed=1)


def test_a_pause_is_described_and_described_again() -> None:
    with closing(resting()) as leg:
        packets: list[tuple[int, Rtp]] = []
        for k in range(200):
            if k in (10, 150):
                leg.write(words(0.8, 8000, -45).tobytes())
            packets += [(k, Rtp.unpack(p)) for p in leg.on_tick(START + k * TICK)]
        told = [(k, p) for k, p in packets if p.pt == CN]
        # At once (before the first word there is nothing to tell of), after each word, and every half second.
        assert [k for k, _ in told] == [0, 51, 76, 101, 126, 191]
        assert told[0][1].payload == bytes([127])
        for _, p in told[1:]:
            assert p.payload[0] == pytest.approx(46, abs=3)  # the softest packets are a little softer than the average
            assert 1 < len(p.payload) <= 11
            assert not p.marker
        spoken = [k for k, p in packets if p.pt == 0]
        assert spoken == [*range(10, 51), *range(150, 191)]
        assert [k for k, p in packets if p.marker] == [
            10,
            150,
        ]  # RFC 3551 section 4.1: after silence in which no sound was sent
        assert all((p.ts - packets[0][1].ts) % 2**32 == 160 * k for k, p in packets)
        assert [(p.seq - packets[0][1].seq) % 2**16 for _, p in packets] == list(range(len(packets)))
        assert leg.counters()["tx_cn"] == len(told)


def test_nothing_is_told_to_a_peer_that_did_not_ask() -> None:
    with closing(resting(cn_pt=0)) as leg:
        leg.write(tone(0.1, 8000).tobytes())
        sent = [Rtp.unpack(p).pt for k in range(50) for p in leg.on_tick(START + k * TICK)]
        assert sent == [0] * 6


def call(
    a: VirtualLeg, b: VirtualLeg, said: list[tuple[int, np.ndarray]], seconds: float, network: Network | None = None
) -> tuple[list[tuple[bytes, int, int, bool]], np.ndarray]:
    """a says things (from tick, samples); what b's machine ear got, and what its human ear heard."""
    network = network or Network(Conditions(delay_us=5 * MS))
    frames, heard = [], []
    for k in range(round(seconds * 50)):
        now = START + k * TICK
        for at, pcm in said:
            if k == at:
                a.write(pcm.tobytes())
        for pkt in a.on_tick(now):
            network.send(pkt, now)
        for at, pkt in network.receive(now + 9 * MS):
            b.on_packet(pkt, at)
        b.on_tick(now + 10 * MS)
        frames += b.frames()
        heard += [samples(block)[0::2] for block, _, _ in b.taps()]
    return frames, np.concatenate(heard) if heard else np.zeros(0, np.int16)


@pytest.mark.parametrize("seed", range(10))
def test_the_machine_ear_hears_silence_in_time_and_every_word_whole(seed: int) -> None:
    """The time line follows the clock through the pause, nothing in it is lost; what is said next is there to the sample."""
    first, second = babble(1.0, 8000, 1), babble(1.0, 8000, 2)
    a, b = resting("L16", 8000, 97), VirtualLeg(codec="L16", clock=8000, pt=97, rate=8000, cn_pt=CN, seed=2)
    with closing(a), closing(b):
        network = Network(Conditions(delay_us=20 * MS, jitter_us=30 * MS, in_order=True), seed)
        frames, _ = call(a, b, [(5, first), (200, second)], 6.0, network)
        line = np.concatenate([samples(f[0]) for f in frames])
        assert [f[2] for f in frames] == list(np.cumsum([0, *(len(f[0]) // 2 for f in frames[:-1])]))
        assert np.array_equal(line[:8000], first)
        assert np.array_equal(line[195 * 160 : 195 * 160 + 8000], second)
        assert not line[8000 : 195 * 160].any()
        assert not any(f[3] for f in frames)
        assert b.counters()["rx_lost"] == b.counters()["ear_lost"] == 0
        assert b.counters()["rx_cn"] >= 6
        pause = [f for f in frames if 8000 < f[2] < 190 * 160]
        lag_ms = [(f[1] - START) / 1000 - (f[2] / 8 + 100) for f in pause]  # against the moment that its last sample was said
        assert max(lag_ms) < 40 + 4 * 20 + 20 + 50


@pytest.mark.parametrize(
    ("codec", "clock", "pt"), [("PCMU", 8000, 0), ("PCMA", 8000, 8), ("G722", 8000, 9), ("L16", 16000, 97)]
)
def test_a_person_hears_the_noise_behind_the_words_in_the_pause(codec: str, clock: int, pt: int) -> None:
    rate = Codec(codec, clock).rate
    a = resting(codec, clock, pt, cn_pt=CN if clock == 8000 else 98, rate=rate)
    b = VirtualLeg(codec=codec, clock=clock, pt=pt, cn_pt=CN if clock == 8000 else 98, rate=rate, seed=2)
    with closing(a), closing(b):
        b.tap(True)
        _, heard = call(a, b, [(5, words(2.0, rate, -45)), (250, words(1.0, rate, -45))], 7.0)
        pause = heard[round(2.6 * rate) : round(4.8 * rate)]
        levels = [level_db(pause[i : i + rate // 10].tobytes()) for i in range(0, len(pause) - rate // 10, rate // 10)]
        assert -50 < min(levels) <= max(levels) < -41, levels
        assert b.counters()["concealed"] == 0


def test_without_comfort_noise_a_pause_is_dead() -> None:
    """The control of the test above."""
    a, b = resting(cn_pt=0), VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=8000, seed=2)
    with closing(a), closing(b):
        b.tap(True)
        _, heard = call(a, b, [(5, words(2.0, 8000, -45))], 5.0)
        assert level_db(heard[round(2.6 * 8000) : round(4.8 * 8000)].tobytes()) < -90


def test_comfort_noise_that_was_not_agreed_on_is_counted_as_ignored() -> None:
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=8000)) as leg:
        leg.on_packet(Rtp(1, 0, b"\xff" * 160).pack(), START)
        leg.on_packet(Rtp(2, 160, b"\x40", pt=CN).pack(), START + TICK)
        assert (leg.counters()["rx_cn"], leg.counters()["rx_ignored"]) == (0, 1)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff" * 60, bytes(range(200))])
def test_any_comfort_noise_does_no_harm(payload: bytes) -> None:
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=8000, cn_pt=CN)) as leg:
        leg.tap(True)
        for k in range(100):
            pkt = Rtp(k, k * 160, payload, pt=CN) if 20 <= k < 80 else Rtp(k, k * 160, b"\xff" * 160)
            leg.on_packet(pkt.pack(), START + k * TICK)
            leg.on_tick(START + k * TICK + 10 * MS)
            leg.taps()
        assert leg.counters()["rx_lost"] == 0
        assert leg.counters()["rx_cn"] == 60


def test_a_late_packet_from_before_the_pause_does_not_end_it() -> None:
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=8000, cn_pt=CN)) as leg:
        leg.tap(True)
        codec, pcm = Codec("PCMU", 8000), tone(1.0, 8000)
        heard = []
        for k in range(100):
            now = START + k * TICK
            if k < 20:
                leg.on_packet(Rtp(k, k * 160, codec.encode(pcm[k * 160 : k * 160 + 160].tobytes())).pack(), now)
            if k == 21:  # the pause is told before its last packet of sound comes
                leg.on_packet(Rtp(21, 21 * 160, b"\x28", pt=CN).pack(), now)
                leg.on_packet(Rtp(20, 20 * 160, codec.encode(pcm[3200:3360].tobytes())).pack(), now + 1)
            leg.on_tick(now + 10 * MS)
            heard += [samples(block)[0::2] for block, _, _ in leg.taps()]
        assert level_db(np.concatenate(heard)[8000:].tobytes()) == pytest.approx(-40, abs=2)


def test_opus_rests_by_itself_and_its_decoder_makes_the_noise() -> None:
    """RFC 7587 section 3.1.3: in a pause a packet every 400 ms is enough; the decoder goes on with the noise it knows."""
    a, b = resting("opus", 48000, 100, cn_pt=0, rate=16000), VirtualLeg(codec="opus", clock=48000, pt=100, rate=16000, seed=2)
    with closing(a), closing(b):
        b.tap(True)
        pause = np.clip(noise(5.0, 16000, -65), -32768, 32767).astype(np.int16)
        said = [(5, words(2.0, 16000, -65)), *((105 + k, pause[k * 320 : (k + 1) * 320]) for k in range(250))]
        frames, heard = call(a, b, said, 7.0)
        assert a.counters()["tx_packets"] < 100 + 50 + 3.5 * 4
        assert -73 < level_db(heard[200 * 320 : 340 * 320].tobytes()) < -62
        assert b.counters()["rx_lost"] == b.counters()["concealed"] == 0
        assert sum(len(f[0]) // 2 for f in frames) > 330 * 320  # the machine ear's time line went on


def test_opus_silence_costs_nearly_nothing() -> None:
    with closing(resting("opus", 48000, 100, cn_pt=0, rate=16000)) as leg:
        leg.write(babble(1.0, 16000).tobytes())
        sent = [k for k in range(300) for _ in leg.on_tick(START + k * TICK)]
        assert len([k for k in sent if k >= 100]) <= 12
