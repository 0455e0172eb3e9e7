# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequence numbers count packets, timestamps follow the clock: whatever is late, on hold, or silent."""

from __future__ import annotations

import itertools
from contextlib import closing

import numpy as np
import pytest

from mediacore import EV_PLAY_START, ArgumentError, CodecError, VirtualLeg
from tests.media.rtp import Rtp, from_l16
from tests.netsim import MS

START = 1_000_000


def rtp(packets: list[bytes]) -> list[Rtp]:
    return [Rtp.unpack(p) for p in packets]


def steps(packets: list[Rtp]) -> set[tuple[int, int]]:
    """(sequence, timestamp) differences of neighbours."""
    return {((b.seq - a.seq) % 2**16, (b.ts - a.ts) % 2**32) for a, b in itertools.pairwise(packets)}


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
@pytest.mark.parametrize(("codec", "clock"), [("PCMU", 8000), ("L16", 8000), ("opus", 48000)])
def test_packet_times(codec: str, clock: int, ptime_ms: int) -> None:
    with closing(VirtualLeg(codec=codec, clock=clock, pt=97, ptime_ms=ptime_ms)) as leg:
        leg.write(np.random.default_rng(1).integers(-9000, 9000, 16000, np.int16).tobytes())
        packets, times = [], []
        for t in range(START, START + 1200 * MS, 10 * MS):
            left = rtp(leg.on_tick(t))
            packets += left
            times += [t] * len(left)
        assert len(packets) == 1200 // ptime_ms
        assert steps(packets) == {(1, clock // 1000 * ptime_ms)}
        assert {b - a for a, b in itertools.pairwise(times)} == {ptime_ms * MS}
        assert [p.marker for p in packets] == [True] + [False] * (len(packets) - 1)
        if codec != "opus":
            width = 2 if codec == "L16" else 1
            assert {len(p.payload) for p in packets} == {clock // 1000 * ptime_ms * width}


def test_packet_that_would_not_fit_is_sent_shorter() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=97, ptime_ms=60)) as leg:  # 1,932 bytes
        packets = rtp([p for k in range(8) for p in leg.on_tick(START + k * 20 * MS)])
        assert [len(p.payload) for p in packets] == [1280] * 4
        assert leg.params["ptime_ms"] == 40


def test_late_tick_makes_up_for_what_was_due() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=97)) as leg:
        leg.write((np.arange(3200) // 320 + 1).astype(np.int16).tobytes())
        left = [rtp(leg.on_tick(START + t * MS)) for t in (0, 20, 85, 99, 100, 120)]
        assert [len(p) for p in left] == [1, 1, 3, 0, 1, 1]
        packets = [p for group in left for p in group]
        assert steps(packets) == {(1, 320)}
        assert [int(from_l16(p.payload)[0]) for p in packets] == [1, 2, 3, 4, 5, 6, 7]
        assert leg.stats()["tx_late_max_us"] == 45 * MS


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_after_a_long_sleep_the_timestamp_jumps_and_nothing_bursts(ptime_ms: int) -> None:
    size = 8 * ptime_ms
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=8000, ptime_ms=ptime_ms)) as leg:
        leg.write(bytes(2 * 80000))
        first = rtp(leg.on_tick(START))
        burst = rtp(leg.on_tick(START + 6000 * MS))
        assert len(burst) <= 5
        after = rtp([p for t in range(10, 200, 10) for p in leg.on_tick(START + (6000 + t) * MS)])
        packets = [*first, *burst, *after]
        assert {s for s, _ in steps(packets)} == {1}
        # Each timestamp is where the clock says: the packet due at START + n x ptime has ts0 + n x size.
        assert all((p.ts - first[0].ts) % size == 0 for p in packets)
        assert (burst[-1].ts - first[0].ts) // size == 6000 // ptime_ms
        assert leg.stats()["tx_skipped"] > 0


def test_hold_sends_nothing_and_speech_waits() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=97)) as leg:
        leg.write((np.arange(3200) // 320 + 1).astype(np.int16).tobytes())
        before = rtp([p for k in range(3) for p in leg.on_tick(START + k * 20 * MS)])
        leg.start(codec="L16", clock=16000, pt=97, send=False)
        assert [p for k in range(3, 13) for p in leg.on_tick(START + k * 20 * MS)] == []
        assert leg.played == 960
        leg.start(codec="L16", clock=16000, pt=97)
        after = rtp([p for k in range(13, 16) for p in leg.on_tick(START + k * 20 * MS)])
        assert [int(from_l16(p.payload)[0]) for p in before + after] == [1, 2, 3, 4, 5, 6]
        assert after[0].marker
        assert (after[0].seq - before[-1].seq) % 2**16 == 1
        assert (after[0].ts - before[-1].ts) % 2**32 == 11 * 320
        assert {p.ssrc for p in before + after} == {before[0].ssrc}


def test_silence_is_sent_unless_suppressed() -> None:
    for suppress in (False, True):
        with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0, rate=8000, suppress_silence=suppress)) as leg:
            packets: list[tuple[int, Rtp]] = []
            for k in range(30):
                if k in (5, 20):
                    leg.write(np.full(320, 3000, np.int16).tobytes())
                packets += [(k, p) for p in rtp(leg.on_tick(START + k * 20 * MS))]
            assert [k for k, _ in packets] == ([5, 6, 7, 20, 21, 22] if suppress else list(range(30)))
            # RFC 3551 section 4.1: set on the first packet after a pause in which nothing was sent, else never.
            assert [k for k, p in packets if p.marker] == ([5, 20] if suppress else [0])
            assert all((p.ts - packets[0][1].ts) % 2**32 == 160 * (k - packets[0][0]) for k, p in packets)
            quiet = {p.payload for k, p in packets if not 5 <= k <= 6 and not 20 <= k <= 21}
            assert quiet == {b"\xff" * 160}  # one after each word brings out what a resampler would still hold


def test_codec_change_keeps_the_stream_on_the_same_clock_only() -> None:
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0)) as leg:
        a = rtp([p for k in range(3) for p in leg.on_tick(START + k * 20 * MS)])
        leg.start(codec="PCMA", clock=8000, pt=8)
        b = rtp([p for k in range(3, 6) for p in leg.on_tick(START + k * 20 * MS)])
        leg.start(codec="opus", clock=48000, pt=100)
        c = rtp([p for k in range(6, 9) for p in leg.on_tick(START + k * 20 * MS)])
        assert {p.ssrc for p in a + b} == {a[0].ssrc}
        assert steps(a + b) == {(1, 160)}
        assert c[0].ssrc != a[0].ssrc  # RFC 7160 section 4.1
        assert steps(c) == {(1, 960)}


def test_stop_and_start_never_repeats_a_number() -> None:
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0)) as leg:
        a = rtp([p for k in range(5) for p in leg.on_tick(START + k * 20 * MS)])
        leg.stop()
        assert leg.on_tick(START + 100 * MS) == []
        leg.start(codec="PCMU", clock=8000, pt=0)
        b = rtp([p for k in range(6, 9) for p in leg.on_tick(START + k * 20 * MS)])
        assert [(p.seq - a[0].seq) % 2**16 for p in a + b] == list(range(8))
        assert b[0].ssrc == a[0].ssrc
        assert 0 < (b[0].ts - a[-1].ts) % 2**32 <= 16000


def test_two_legs_have_streams_of_their_own_and_one_seed_one_stream() -> None:
    def first(seed: int) -> Rtp:
        with closing(VirtualLeg(seed=seed)) as leg:
            return rtp(leg.on_tick(START))[0]

    assert first(1) == first(1)
    assert first(1).ssrc != first(2).ssrc


def test_play_start_tells_when_the_packet_left() -> None:
    with closing(VirtualLeg(codec="PCMU", clock=8000, pt=0)) as leg:
        leg.on_tick(START)
        leg.write(bytes(640))
        leg.on_tick(START + 23 * MS)
        assert [(e[1], e[3]) for e in leg.events() if e[0] == EV_PLAY_START] == [(0, START + 23 * MS)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"codec": "G729"}, CodecError),
        ({"clock": 16000}, CodecError),
        ({"ptime_ms": 30}, ArgumentError),
        ({"pt": 128}, ArgumentError),
        ({"rate": 44100}, ArgumentError),
        ({"codec": "x" * 16}, ArgumentError),
        ({"event_pt": 200}, ArgumentError),
        ({"tx_seconds": 0.0}, ArgumentError),
    ],
)
def test_bad_parameters_are_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        VirtualLeg(**{"codec": "PCMU", "clock": 8000, "pt": 0, **change})  # type: ignore[arg-type]
