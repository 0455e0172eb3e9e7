# SPDX-License-Identifier: GPL-3.0-or-later
"""Through the leg and back: wire, ear, Python (or the native echo), ring, wire."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from mediacore import Codec, VirtualLeg
from tests.media.rtp import Rtp, babble, best_lag, from_l16, samples
from tests.netsim import MS

START = 1_000_000


def echo(leg: VirtualLeg, payloads: list[bytes], pt: int, step: int, ptime_ms: int, native: bool) -> list[Rtp]:
    """Sends the payloads on time; what came back."""
    if native:
        leg.echo_native(True)
    else:
        leg.on_audio = lambda pcm, *_: leg.write(pcm)
        leg.on_event = lambda *_: None
    back = []
    ticks = ptime_ms // 20 or 1
    for k, payload in enumerate([*payloads, *[payloads[-1]] * 3]):
        t = START + k * ptime_ms * MS
        leg.on_packet(Rtp(k, k * step, payload, pt).pack(), t)
        if not native:
            leg.drain()
        for i in range(ticks):
            back += leg.on_tick(t + 5 * MS + i * 20 * MS)
    return [Rtp.unpack(p) for p in back]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
@pytest.mark.parametrize(("codec", "pt", "silence"), [("PCMU", 0, 0xFF), ("PCMA", 8, 0xD5)])
def test_g711_bit_for_bit(codec: str, pt: int, silence: int, ptime_ms: int, native: bool) -> None:
    size = 8 * ptime_ms
    # Every code but mu-law's second zero, which no encoder makes.
    codes = [c for c in range(256) if (codec, c) != ("PCMU", 0x7F)]
    stream = bytes((codes * (40 * size // len(codes) + 1))[: 40 * size])
    payloads = [stream[i : i + size] for i in range(0, len(stream), size)]
    with closing(VirtualLeg(codec=codec, clock=8000, pt=pt, rate=8000, ptime_ms=ptime_ms)) as leg:
        back = echo(leg, payloads, pt, size, ptime_ms, native)
        assert [p.payload for p in back[:40]] == payloads
        assert all(p.pt == pt for p in back)
        leg.on_audio = None


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("clock", "ptime_ms"), [(8000, 20), (8000, 60), (16000, 10), (16000, 20), (16000, 40)])
def test_l16_bit_for_bit(clock: int, ptime_ms: int, native: bool) -> None:
    size = clock // 1000 * ptime_ms
    rng = np.random.default_rng(4)
    payloads = [rng.integers(0, 256, 2 * size, np.uint8).tobytes() for _ in range(30)]
    with closing(VirtualLeg(codec="L16", clock=clock, pt=96, rate=clock, ptime_ms=ptime_ms)) as leg:
        back = echo(leg, payloads, 96, size, ptime_ms, native)
        assert [p.payload for p in back[:30]] == payloads


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
@pytest.mark.parametrize(("codec", "clock"), [("opus", 48000), ("PCMU", 8000), ("L16", 16000)])
def test_any_codec_at_any_engine_rate_by_correlation(codec: str, clock: int, rate: int) -> None:
    sender, listener = Codec(codec, clock), Codec(codec, clock)
    # Opus keeps the sound, not the phase of each harmonic: one gliding voice can still be compared as a wave.
    pcm = babble(2.0, sender.rate, harmonics=1 if codec == "opus" else 4)
    size = sender.rate // 50
    payloads = [sender.encode(pcm[i : i + size].tobytes()) for i in range(0, len(pcm), size)]
    with closing(VirtualLeg(codec=codec, clock=clock, pt=100, rate=rate)) as leg:
        back = echo(leg, payloads, 100, clock // 50, 20, native=False)
    heard = np.concatenate([samples(listener.decode(p.payload)) for p in back])
    lag, score = best_lag(pcm, heard, sender.rate // 10)
    assert score > 0.93
    assert lag < sender.rate // 20  # codecs and filters: less than 50 ms


def test_opus_fec_gives_the_machine_ear_what_was_lost() -> None:
    """In-band FEC (RFC 6716 section 2.1.7): the packet after a lost one carries it, coarser."""
    sender = Codec("opus", 48000, fmtp="useinbandfec=1")
    pcm = babble(3.0, 16000)
    packets = [sender.encode(pcm[i : i + 320].tobytes()) for i in range(0, len(pcm), 320)]

    def ear(lost: set[int]) -> np.ndarray:
        heard: list[np.ndarray] = []
        with closing(VirtualLeg(codec="opus", clock=48000, pt=100, rate=16000)) as leg:
            for k, payload in enumerate(packets):
                if k not in lost:
                    leg.on_packet(Rtp(k, k * 960, payload, 100).pack(), START + k * 20 * MS)
                heard += [samples(f[0]) for f in leg.frames()]
        return np.concatenate(heard)

    whole = ear(set())
    lost = set(range(10, 140, 5))
    holed = ear(lost)
    assert len(holed) == len(whole)
    score = []
    for k in lost:
        a, b = whole[k * 320 : (k + 1) * 320].astype(float), holed[k * 320 : (k + 1) * 320].astype(float)
        if np.abs(a).max() > 1000:
            score.append(float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9)))
    assert np.median(score) > 0.9


def test_a_wrong_parameter_of_the_peer_ends_no_call() -> None:
    """It counts as not given, the others are obeyed: cbr makes all packets equally long."""
    babbled = babble(1.0, 16000).tobytes()

    def lengths(fmtp: str) -> set[int]:
        with closing(VirtualLeg(codec="opus", clock=48000, pt=96, rate=16000, fmtp=fmtp)) as leg:
            leg.write(babbled)
            return {len(Rtp.unpack(pkt).payload) for k in range(40) for pkt in leg.on_tick(START + k * 20 * MS)}

    assert len(lengths("maxaveragebitrate=lots; useinbandfec=yes; cbr=1")) == 1
    assert len(lengths("maxaveragebitrate=lots; useinbandfec=yes")) > 1


def test_resampled_speech_keeps_its_sample_count() -> None:
    """8 kHz on the wire, 48 kHz in Python: exactly six samples for one, lost or not."""
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=48000)) as leg:
        for k in range(20):
            if k % 4 != 1:
                leg.on_packet(Rtp(k, 160 * k, bytes(160)).pack(), START + k * 20 * MS)
        frames = leg.frames()
        assert [f[2] for f in frames] == [960 * k for k in range(20)]


def test_l16_leaves_in_network_byte_order() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=96)) as leg:
        leg.write(np.arange(320, dtype=np.int16).tobytes())
        (pkt,) = leg.on_tick(START)
        assert from_l16(Rtp.unpack(pkt).payload).tolist() == list(range(320))
