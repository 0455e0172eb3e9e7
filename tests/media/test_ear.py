# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine ear: in order, at once or after a short hold, gaps marked, the time line exact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediacore import VirtualLeg
from tests.media.rtp import Rtp, l16, numbered, samples
from tests.netsim import MS, Clock, Conditions, Network, play

SIZE = 320  # samples of 20 ms at 16 kHz
START = 1_000_000


@contextmanager
def ear(**how: object) -> Iterator[VirtualLeg]:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=96, rate=16000, **how)) as leg:  # type: ignore[arg-type]
        yield leg


class Heard:
    """Collects frames with the time at which they were handed over."""

    def __init__(self, leg: VirtualLeg) -> None:
        self.leg = leg
        self.frames: list[tuple[np.ndarray, int, int, bool, int]] = []
        self.now = 0
        leg.on_audio = self._take
        leg.on_event = lambda *_: None

    def _take(self, pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        self.frames.append((samples(pcm), arrival_us, index, lost, self.now))

    def packet(self, pkt: bytes, now_us: int) -> None:
        self.now = now_us
        self.leg.on_packet(pkt, now_us)
        self.leg.drain()

    def tick(self, now_us: int) -> None:
        self.now = now_us
        self.leg.on_tick(now_us)
        self.leg.drain()

    def line(self) -> np.ndarray:
        return np.concatenate([f[0] for f in self.frames])

    def numbers(self) -> list[int]:
        """Which packet each 20 ms of the time line came from, 0 = made up."""
        line = self.line()
        assert len(line) % SIZE == 0
        assert all(len(set(block)) == 1 for block in line.reshape(-1, SIZE))
        return [int(block[0]) for block in line.reshape(-1, SIZE)]

    def check_line(self) -> None:
        at = 0
        for pcm, _, index, lost, _ in self.frames:
            assert index == at
            assert lost == (not pcm.any())
            at += len(pcm)


def through(conditions: Conditions, seed: int, n: int = 150, **sender: object) -> tuple[Heard, Network]:
    network = Network(conditions, seed)
    clock = Clock(START, **sender)  # type: ignore[arg-type]
    with ear() as leg:
        heard = Heard(leg)
        packets = numbered(n)
        events = [(clock.at(k), lambda t, k=k: network.send(packets[k], t)) for k in range(n)]
        events += [(START + 7 * MS + k * 20 * MS, heard.tick) for k in range(n + 20)]
        play(events, network, heard.packet)
    return heard, network


conditions = st.builds(
    Conditions,
    jitter_us=st.sampled_from([0, 5 * MS, 30 * MS, 60 * MS]),
    in_order=st.booleans(),
    loss=st.sampled_from([0.0, 0.02, 0.2]),
    burst_enter=st.sampled_from([0.0, 0.03]),
    reorder=st.sampled_from([0.0, 0.1]),
    reorder_us=st.sampled_from([15 * MS, 50 * MS]),
    duplicate=st.sampled_from([0.0, 0.1]),
)


@settings(max_examples=120, deadline=None)
@given(conditions, st.integers(0, 2**32))
def test_time_line_is_exact_whatever_the_network_does(c: Conditions, seed: int) -> None:
    heard, _ = through(c, seed)
    heard.check_line()
    numbers = heard.numbers()
    first = next((k for k in numbers if k), None)
    if first is None:
        return  # everything was lost
    # Packet k stands at place k, or its place is silence: never early, late, twice or out of order.
    last = max(i for i, k in enumerate(numbers) if k)
    assert all(k in (0, first + i) for i, k in enumerate(numbers[: last + 1]))


@settings(max_examples=60, deadline=None)
@given(conditions, st.integers(0, 2**32))
def test_no_packet_waits_longer_than_the_hold(c: Conditions, seed: int) -> None:
    heard, _ = through(c, seed)
    waits = [now - arrival for _, arrival, _, lost, now in heard.frames if not lost]
    assert max(waits, default=0) <= 60 * MS  # 40 ms of hold at most, seen at the latest by the tick after


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_reordering_within_the_hold_loses_nothing(seed: int) -> None:
    # Held back by 35 ms: its successor is there after 20, so the hold of 20 ms is enough.
    heard, _ = through(Conditions(reorder=0.1, reorder_us=35 * MS), seed)
    numbers = [k for k in heard.numbers() if k]
    assert numbers == list(range(numbers[0], 151))


def waits_ms(heard: Heard) -> np.ndarray:
    """Of each packet, from its arrival on."""
    return np.array([now - arrival for _, arrival, _, lost, now in heard.frames if not lost]) / MS


def test_where_nothing_is_overtaken_a_loss_costs_no_time() -> None:
    heard, network = through(Conditions(loss=0.05), 7, n=1000)
    assert network.lost > 30
    held = np.flatnonzero(waits_ms(heard))
    assert 0 < len(held) <= 4 * 2  # the first four losses: whoever came during the wait
    assert held.max() < 150


def test_deep_reordering_is_waited_for_once_it_was_seen() -> None:
    """45 ms late, 25 of them behind the next packet: more than the first hold, less than the longest."""
    heard, _ = through(Conditions(reorder=0.05, reorder_us=45 * MS), 3, n=1500)
    assert len(set(range(1, 1501)) - set(heard.numbers())) <= 4
    assert waits_ms(heard).max() < 35


def test_in_order_packets_are_handed_over_at_once() -> None:
    heard, _ = through(Conditions(jitter_us=40 * MS, in_order=True), 3)
    assert heard.numbers()[:150] == list(range(1, 151))
    assert all(now == arrival for _, arrival, _, lost, now in heard.frames if not lost)


def test_loss_leaves_a_marked_gap_of_its_own_length() -> None:
    with ear() as leg:
        heard = Heard(leg)
        for k, pkt in enumerate(numbered(10)):
            if k not in (3, 4, 7):
                heard.packet(pkt, START + k * 20 * MS)
            heard.tick(START + k * 20 * MS + 10 * MS)
        assert heard.numbers() == [1, 2, 3, 0, 0, 6, 7, 0, 9, 10]
        assert [f[3] for f in heard.frames] == [False, False, False, True, True, False, False, True, False, False]
        assert leg.stats()["rx_lost"] == 3
        assert leg.stats()["ear_lost"] == 3


def test_hold_ends_by_the_clock_when_nothing_more_comes() -> None:
    with ear() as leg:
        heard = Heard(leg)
        pkts = numbered(3)
        heard.packet(pkts[0], START)
        heard.packet(pkts[2], START + 40 * MS)
        assert heard.numbers() == [1]
        heard.tick(START + 59 * MS)
        assert heard.numbers() == [1]
        heard.tick(START + 79 * MS)
        assert heard.numbers() == [1, 0, 3]


def test_more_held_packets_than_room_ends_the_hold() -> None:
    with ear() as leg:
        heard = Heard(leg)
        pkts = numbered(12)
        heard.packet(pkts[0], START)
        for k in range(2, 10):  # a burst at one moment, the second packet missing
            heard.packet(pkts[k], START + 1)
        assert heard.numbers() == [1, 0, *range(3, 11)]


def test_sequence_number_wraps() -> None:
    with ear() as leg:
        heard = Heard(leg)
        for k, pkt in enumerate(numbered(20, first_seq=65530, first_ts=2**32 - 5 * SIZE)):
            if k != 6:
                heard.packet(pkt, START + k * 20 * MS)
        assert heard.numbers() == [*range(1, 7), 0, *range(8, 21)]


def test_line_goes_on_by_the_clock_while_the_sender_is_silent() -> None:
    """A pause of a sender that sends nothing in silence: 2 s, timestamps go on (RFC 3550 section 5.1)."""
    with ear() as leg:
        heard = Heard(leg)
        for k, pkt in enumerate(numbered(5)):
            heard.packet(pkt, START + k * 20 * MS)
        for t in range(START, START + 2100 * MS, 20 * MS):
            heard.tick(t)
        so_far = len(heard.line())
        assert so_far >= 16000 * 1.0  # at most a second behind, and then in step
        assert all(f[3] for f in heard.frames[5:])
        late = Rtp(5, 105 * SIZE, l16(np.full(SIZE, 99, np.int16)), 96).pack()
        heard.packet(late, START + 2100 * MS)
        heard.check_line()
        assert heard.numbers().index(99) == 105  # exactly where its timestamp says


def after_a_stall(stall_ms: int) -> tuple[list[int], int, int]:
    """Five packets, nothing for so long, then all that was held up at once: what was heard, silence made up, packets late."""
    with ear() as leg:
        heard = Heard(leg)
        n = 5 + stall_ms // 20
        pkts = numbered(n)
        for k in range(5):
            heard.packet(pkts[k], START + k * 20 * MS)
        last = START + 80 * MS
        for t in range(START, last + stall_ms * MS, 20 * MS):
            heard.tick(t)
        made_up = len(heard.line()) // SIZE - 5
        for k in range(5, n):
            heard.packet(pkts[k], last + stall_ms * MS)
        return heard.numbers(), made_up, leg.stats()["rx_late"]


@pytest.mark.parametrize("stall_ms", [300, 900])
def test_a_stall_of_less_than_a_second_costs_nothing(stall_ms: int) -> None:
    assert after_a_stall(stall_ms) == (list(range(1, 6 + stall_ms // 20)), 0, 0)


@pytest.mark.parametrize("stall_ms", [1100, 1500, 2500])
def test_what_a_long_stall_held_up_is_heard_behind_the_silence_made_up(stall_ms: int) -> None:
    numbers, made_up, late = after_a_stall(stall_ms)
    assert 0 < made_up <= (stall_ms - 980) // 20
    assert numbers == [1, 2, 3, 4, 5, *[0] * made_up, *range(6, 6 + stall_ms // 20)]
    assert late == 0


@settings(max_examples=60, deadline=None)
@given(conditions, st.integers(0, 2**32), st.integers(1100, 2000))
def test_an_outage_that_holds_packets_up_loses_none(c: Conditions, seed: int, stall_ms: int) -> None:
    """Behind any network in which nothing is overtaken, while the clock goes on: what came is heard, once, in order."""
    network, clock = Network(replace(c, in_order=True, reorder=0.0), seed), Clock(START)
    began, ended = START + 2000 * MS, START + (2000 + stall_ms) * MS
    with ear() as leg:
        heard = Heard(leg)
        packets = numbered(250)
        arrived: list[int] = []

        def arrive(pkt: bytes, now_us: int) -> None:
            arrived.append(int.from_bytes(pkt[2:4], "big"))
            heard.packet(pkt, now_us)

        held: list[bytes] = []

        def through_outage(pkt: bytes, now_us: int) -> None:
            if began <= now_us < ended:
                held.append(pkt)
                return
            while held:
                arrive(held.pop(0), now_us)
            arrive(pkt, now_us)

        events = [(clock.at(k), lambda t, k=k: network.send(packets[k], t)) for k in range(250)]
        events += [(START + 7 * MS + k * 20 * MS, heard.tick) for k in range(270)]
        play(events, network, through_outage)
        assert [k for k in heard.numbers() if k] == [k + 1 for k in sorted(set(arrived))]


def test_packet_that_comes_half_into_silence_made_up_is_heard_whole() -> None:
    """40 ms packets, silence made up in steps of 20 ms."""
    with closing(VirtualLeg(codec="L16", clock=8000, pt=96, rate=8000, ptime_ms=40)) as leg:
        heard = Heard(leg)
        pkts = numbered(20, 320)
        heard.packet(pkts[0], START)
        for t in range(START, START + 1020 * MS, 20 * MS):  # made up: at 1 s, 20 ms
            heard.tick(t)
        heard.packet(pkts[1], START + 1019 * MS)
        heard.packet(pkts[2], START + 1019 * MS)
        line = heard.line()
        assert line.tolist() == [1] * 320 + [0] * 160 + [2] * 320 + [3] * 320


def test_a_burst_of_a_second_and_a_half_waits_for_python() -> None:
    """75 packets at once, all that a socket holds: Python is told after the last of them."""
    with ear() as leg:
        for pkt in numbered(75):
            leg.on_packet(pkt, START)
        leg.on_tick(START + 20 * MS)
        assert len(leg.frames()) == 75
        assert leg.stats()["ear_dropped"] == 0


@pytest.mark.parametrize("jump", [2**31, 10**9, 60 * 16000, -(10**6)])
def test_senders_clock_set_anew_makes_no_gap(jump: int) -> None:
    with ear() as leg:
        heard = Heard(leg)
        for k in range(10):
            ts = k * SIZE + (jump if k >= 5 else 0)
            heard.packet(Rtp(k, ts, l16(np.full(SIZE, k + 1, np.int16)), 96).pack(), START + k * 20 * MS)
        assert heard.numbers() == list(range(1, 11))


@pytest.mark.parametrize("first_seq", [40_000, 100])
def test_new_source_takes_over_after_two_packets_and_the_line_goes_on(first_seq: int) -> None:
    with ear() as leg:
        heard = Heard(leg)
        for k, pkt in enumerate(numbered(5, first_seq=20_000)):
            heard.packet(pkt, START + k * 20 * MS)
        for k in range(5, 10):
            pkt = Rtp(first_seq + k, 7_000_000 + k * SIZE, l16(np.full(SIZE, k + 1, np.int16)), 96, ssrc=0x9999).pack()
            heard.packet(pkt, START + k * 20 * MS)
        assert heard.numbers() == [1, 2, 3, 4, 5, 7, 8, 9, 10]
        assert leg.stats()["rx_restarts"] == 1
        assert leg.stats()["rx_lost"] == 0


@pytest.mark.parametrize("frames", [1, 2, 3, 6])
def test_packets_of_any_length(frames: int) -> None:
    size = 160 * frames  # 10 to 60 ms at 16 kHz
    with ear() as leg:
        heard = Heard(leg)
        for k, pkt in enumerate(numbered(12, size)):
            if k != 5 and len(pkt) <= 1500:
                heard.packet(pkt, START + k * size * 1_000_000 // 16000)
        if size * 2 + 12 <= 1500:
            blocks = heard.line().reshape(-1, size)
            assert [int(b[0]) for b in blocks] == [1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 12]


def test_ear_drops_and_counts_when_python_does_not_come() -> None:
    with ear() as leg:
        for k, pkt in enumerate(numbered(150)):
            leg.on_packet(pkt, START + k * 20 * MS)
        leg.on_tick(START + 150 * 20 * MS)
        frames = leg.frames()
        dropped = leg.stats()["ear_dropped"]
        assert dropped > 0
        assert len(frames) + dropped == 150
        leg.on_packet(numbered(151)[150], START + 3000 * MS)
        assert leg.frames()[0][2] == 150 * SIZE  # the index says how much is missing
