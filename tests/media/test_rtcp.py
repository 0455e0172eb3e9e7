# SPDX-License-Identifier: GPL-3.0-or-later
"""RTCP of legs: in virtual time over a bad network, and on the real thread."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from mediacore import Leg, Worker
from mediacore.virtual import VirtualLeg
from tests.media.rig import drain_until, peer, two_legs
from tests.media.rtcp import BYE, RR, SDES, SR, XR, Block, Compound, bye, receiver_report
from tests.media.rtp import Rtp
from tests.netsim import MS, Conditions, Network

TICK = 20 * MS
SECOND = 1000 * MS
START = TICK
WALL = 1_800_000_000 * SECOND
NTP_1970 = 2_208_988_800


class Pair:
    """Two legs and the network between them, each direction with RTP and RTCP on the same way."""

    def __init__(self, there: Conditions, back: Conditions, seed: int = 1, **how: Any) -> None:
        self.now_us = START
        self.legs = [VirtualLeg(rtcp=True, seed=seed + i, wall_us=WALL + i * 777 * SECOND, **how) for i in range(2)]
        self.ways = [Network(there, seed), Network(back, seed + 1)]
        self.reports: list[list[tuple[int, Compound]]] = [[], []]

    def run(self, seconds: float) -> None:
        end = self.now_us + round(seconds * SECOND)
        while self.now_us < end:
            for i in range(2):
                for at, pkt in self.ways[1 - i].receive(self.now_us):
                    take = self.legs[i].on_rtcp if 192 <= pkt[1] <= 223 else self.legs[i].on_packet
                    take(pkt, at)
            for i in range(2):
                for pkt in self.legs[i].on_tick(self.now_us):
                    self.ways[i].send(pkt, self.now_us)
                self.carry(i)
                self.legs[i].frames()
            self.now_us += TICK

    def carry(self, i: int) -> None:
        for pkt in self.legs[i].rtcp():
            self.reports[i].append((self.now_us, Compound.unpack(pkt)))
            self.ways[i].send(pkt, self.now_us)

    def stats(self) -> list[dict[str, Any]]:
        return [dict(leg.stats()) for leg in self.legs]

    def close(self) -> None:
        for leg in self.legs:
            leg.close()


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with closing(Pair(*request.param)) as made:
        yield made


def way(**how: Any) -> Conditions:
    return Conditions(**{"delay_us": 30 * MS, **how})


@pytest.mark.parametrize("pair", [(way(), way(delay_us=90 * MS))], indirect=True)
def test_a_good_line(pair: Pair) -> None:
    assert [s["mos"] for s in pair.stats()] == [None, None]
    assert [s["rtt_ms"] for s in pair.stats()] == [None, None]
    pair.run(60)
    for s in pair.stats():
        assert s["rtt_ms"] == pytest.approx(120, abs=0.05)
        assert s["rtt_max_ms"] == pytest.approx(120, abs=0.05)
        assert (s["remote_lost"], s["remote_loss"], s["rtcp_malformed"], s["rtcp_errors"]) == (0, 0.0, 0, 0)
        assert s["remote_jitter_ms"] == 0
        assert s["rtcp_received"] > 8
        assert s["mos_lq"] == pytest.approx(4.41, abs=0.005)
        assert 4.35 < s["mos"] < s["mos_lq"]
        assert s["remote_mos"] == 4.4
        assert 90 < s["r_factor"] < 93.2
        assert s["rtcp_bye"] is False
    assert pair.legs[0].describe().endswith(" > wire | rtcp")


@pytest.mark.parametrize("pair", [(way(), way())], indirect=True)
def test_reports_as_a_stranger_reads_them(pair: Pair) -> None:
    pair.run(600)
    for i, reports in enumerate(pair.reports):
        times = [at for at, _ in reports]
        assert times[0] - START < 3.1 * SECOND, "half the interval in the beginning"
        assert (times[-1] - times[0]) / (len(times) - 1) / SECOND == pytest.approx(4.5, abs=0.2), "360 s / 80 kbit/s"
        assert len({a - b for a, b in itertools.pairwise(times)}) > 10, "never in step"
        for at, report in reports:
            assert report.types == [SR, SDES, XR]
            assert report.cname == reports[0][1].cname
            assert report.ntp is not None
            assert report.ntp >> 32 == NTP_1970 + (WALL + i * 777 * SECOND + at) // SECOND
            # The RTP timestamp is that of the same moment: both clocks have run as long.
            since = (report.ntp - (reports[0][1].ntp or 0)) / 2**32
            assert (report.rtp_ts - reports[0][1].rtp_ts) % 2**32 == pytest.approx(since * 8000, abs=2)
            assert report.n_octets == 160 * report.n_packets
            assert report.n_packets == (at - START) // TICK + 1
            assert report.voip is not None
            assert report.voip[20] in range(85, 94), "R factor"
    names = {report.cname for reports in pair.reports for _, report in reports}
    assert len(names) == 2
    (block,) = pair.reports[0][-1][1].blocks
    assert block.ssrc == pair.reports[1][-1][1].ssrc
    assert block.lsr, "the last report of the other side"


@pytest.mark.parametrize("pair", [(way(loss=0.03, jitter_us=15 * MS), way())], indirect=True)
def test_loss_and_jitter_are_known_at_both_ends(pair: Pair) -> None:
    pair.run(300)
    sender, receiver = pair.stats()
    assert receiver["rx_lost"] == pytest.approx(0.03 * 15000, rel=0.2)
    assert sender["remote_lost"] == pytest.approx(receiver["rx_lost"], abs=20)
    for jitter_ms in (sender["remote_jitter_ms"], receiver["rx_jitter_ms"]):
        assert 2.5 < jitter_ms < 8, "two delays of 0 to 15 ms differ by 5 ms on average"
    assert 0 <= sender["remote_loss"] < 0.1
    assert receiver["remote_lost"] == 0
    assert sender["mos_lq"] > 4.4, "it hears everything"
    assert 3.9 < receiver["mos_lq"] < 4.15, "G.711 with concealment at 3 %: R about 83"
    assert sender["remote_mos"] == pytest.approx(receiver["mos"], abs=0.1)
    assert receiver["remote_mos"] == pytest.approx(sender["mos"], abs=0.1)


def mos_of(conditions: Conditions, seconds: float = 120, **how: Any) -> float:
    with closing(Pair(conditions, way(), **how)) as pair:
        pair.run(seconds)
        mos = pair.stats()[1]["mos"]
        assert mos is not None
        return float(mos)


def test_mos_falls_with_each_of_its_causes() -> None:
    good = mos_of(way())
    assert good > 4.3
    assert mos_of(way(loss=0.05)) < good - 0.3
    even = mos_of(way(loss=0.0909))
    bursts = mos_of(way(burst_enter=0.02, burst_leave=0.2))
    assert bursts < even - 0.03, "the same loss in bursts of five is worse"
    assert mos_of(way(delay_us=400 * MS)) < good - 0.3
    late = mos_of(way(reorder=0.05, reorder_us=100 * MS))
    assert late < good - 0.3, "too late is lost"


@pytest.mark.parametrize("pair", [(way(), way())], indirect=True)
def test_bye_when_a_leg_closes(pair: Pair) -> None:
    pair.run(0.8)
    pair.legs[0].close()
    (last,) = pair.legs[0].rtcp()
    assert Compound.unpack(last).types == [SR, SDES, XR, BYE]
    pair.legs[1].on_rtcp(last, pair.now_us)
    assert pair.stats()[1]["rtcp_bye"] is True
    assert pair.stats()[0]["mos"] is not None, "a closed leg still says how good it was"
    pair.legs[0].close()
    assert pair.legs[0].rtcp() == []


@pytest.mark.parametrize("pair", [(way(), way())], indirect=True)
def test_hold_goes_on_reporting(pair: Pair) -> None:
    """RFC 3264 section 8.4: RTCP goes on whatever the direction. After two reports without RTP it is an RR."""
    pair.run(10)
    pair.legs[0].start(codec="PCMU", clock=8000, pt=0, send=False)
    pair.run(30)
    assert pair.reports[0][-1][1].types == [RR, SDES, XR]
    assert pair.reports[0][-1][1].ssrc == pair.reports[0][0][1].ssrc
    pair.legs[0].start(codec="PCMU", clock=8000, pt=0)
    pair.run(10)
    assert pair.reports[0][-1][1].types == [SR, SDES, XR]


@pytest.mark.parametrize("pair", [(way(loss=0.05), way())], indirect=True)
def test_another_codec_in_mid_call(pair: Pair) -> None:
    """Another clock is another SSRC (RFC 7160 section 4.1): counts of packets begin anew, sums of losses go on."""
    pair.run(60)
    before = pair.stats()[0]["remote_lost"]
    assert before > 80
    for leg in pair.legs:
        leg.start(codec="L16", clock=16000, pt=96)
    pair.run(60)
    old, new = pair.reports[0][0][1], pair.reports[0][-1][1]
    assert old.ssrc != new.ssrc
    assert old.cname == new.cname
    assert new.n_packets < 60 * 50 + 1
    assert before + 80 < pair.stats()[0]["remote_lost"] < before + 250
    assert pair.stats()[0]["rtt_ms"] == pytest.approx(60, abs=0.05)
    for reports in pair.reports:
        assert all(block.lost >= 0 for _, report in reports for block in report.blocks)


@pytest.mark.parametrize("pair", [(way(), way())], indirect=True)
def test_codecs_of_one_clock_are_one_stream(pair: Pair) -> None:
    pair.run(20)
    for leg in pair.legs:
        leg.start(codec="PCMA", clock=8000, pt=8)
    pair.run(20)
    for reports in pair.reports:
        assert reports[0][1].ssrc == reports[-1][1].ssrc
        at, last = reports[-1]
        assert last.n_packets == (at - START) // TICK + 1
        assert last.n_octets == 160 * last.n_packets
    for leg in pair.legs:
        leg.start(codec="L16", clock=16000, pt=96)
    pair.run(20)
    for stats in pair.stats():
        assert stats["mos_lq"] == pytest.approx(4.41, abs=0.005), "another codec is no loss, nor is another clock"


@pytest.mark.parametrize("ptime_ms", [10, 20, 60])
def test_rtp_timestamp_of_a_report_is_that_of_its_moment(ptime_ms: int) -> None:
    """RFC 3550 section 6.4.1; ticks come as late as they do in life."""
    with closing(VirtualLeg(rtcp=True, ptime_ms=ptime_ms, wall_us=WALL)) as leg:
        first = Rtp.unpack(leg.on_tick(START)[0])
        n = 0
        for k in range(1, 6000):
            now_us = START + k * 10 * MS + k % 7 * 900
            leg.on_tick(now_us)
            for pkt in leg.rtcp():
                n += 1
                assert (Compound.unpack(pkt).rtp_ts - first.ts) % 2**32 == pytest.approx((now_us - START) * 8 / MS, abs=1)
        assert n > 8


def test_a_new_source_is_no_loss() -> None:
    """Another SSRC with numbers far ahead: what came before is not counted against it, nor the jump."""
    reports = []
    with closing(VirtualLeg(rtcp=True)) as leg:
        for k in range(3000):
            now_us = START + k * TICK
            seq, ssrc = (k, 1) if k < 1500 else (k + 1000, 2)
            if k < 1500 or k % 4:
                leg.on_packet(Rtp(seq, 160 * k, bytes(160), ssrc=ssrc).pack(), now_us)
            leg.on_tick(now_us)
            leg.frames()
            reports += [(k, Compound.unpack(pkt)) for pkt in leg.rtcp()]
        assert leg.stats()["rx_lost"] == pytest.approx(1500 / 4, abs=2)
    blocks = {report.blocks[0].ssrc: report for _, report in reversed(reports) if report.blocks}
    old, new = blocks[1], blocks[2]  # the first of each
    assert (old.blocks[0].lost, old.blocks[0].fraction) == (0, 0)
    assert new.blocks[0].fraction == pytest.approx(64, abs=8), "a quarter, of what came since the change alone"
    last = reports[-1][1]
    assert last.voip is not None
    assert last.voip[4] == pytest.approx(256 / 8, abs=2), "a quarter of one half of the call"


def test_without_rtcp_none_is_sent() -> None:
    with closing(VirtualLeg()) as leg:
        for k in range(1000):
            leg.on_packet(Rtp(k, 160 * k, bytes(160)).pack(), SECOND + k * TICK)
            leg.on_tick(SECOND + k * TICK)
            leg.frames()
        assert leg.stats()["rtcp_sent"] == 0
        assert "rtcp" not in leg.describe()
        assert leg.stats()["mos"] == pytest.approx(4.38, abs=0.03), "quality is judged all the same"
    assert leg.rtcp() == []


def test_a_short_call_is_judged_at_its_end() -> None:
    with closing(VirtualLeg()) as leg:
        for k in range(30):
            leg.on_packet(Rtp(k, 160 * k, bytes(160)).pack(), START + k * TICK)
            leg.on_tick(START + k * TICK)
        assert leg.stats()["mos"] is None
        leg.stop()
        assert leg.stats()["mos"] > 4.3


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (lambda ssrc: Block(ssrc, fraction=64, lost=7, jitter=80), True),
        (lambda ssrc: Block(ssrc ^ 1, fraction=64, lost=7, jitter=80), False),
    ],
)
def test_a_report_about_somebody_else(made: Any, known: bool) -> None:
    with closing(VirtualLeg(rtcp=True)) as leg:
        sent = Rtp.unpack(leg.on_tick(SECOND)[0])
        leg.on_rtcp(receiver_report(0x99, made(sent.ssrc)), SECOND)
        stats = leg.stats()
        assert (stats["remote_lost"], stats["remote_loss"]) == ((7, 0.25) if known else (None, None))
        assert stats["remote_jitter_ms"] == (10.0 if known else None)
        assert stats["rtt_ms"] is None


def test_hostile_rtcp_changes_nothing_but_a_counter() -> None:
    """Good packets, mutated: whatever the bytes, the leg goes on sending at its times."""
    rng = np.random.default_rng(5)
    with closing(VirtualLeg(rtcp=True)) as leg:
        good = [receiver_report(1, Block(2), Block(3)), bye(7)]
        n = 0
        for k in range(3000):
            now = SECOND + k * TICK
            assert len(leg.on_tick(now)) == 1
            data = bytearray(good[k % 2])
            data[rng.integers(len(data))] = rng.integers(256)
            leg.on_rtcp(bytes(data[: rng.integers(len(data) + 1)]), now)
            n += 1
        stats = leg.stats()
        assert stats["rtcp_malformed"] > n / 2
        assert 7 < stats["rtcp_sent"] < 30


def test_real_legs_know_their_round_trip(worker: Worker) -> None:
    """L16 at 16 kHz, so that reports come each 1.3 s; both clocks are this machine's."""
    with two_legs(worker, codec="L16", clock=16000, pt=96, rtcp=True) as (a, b):
        drain_until(worker, lambda: all(leg.stats()["rtt_ms"] is not None for leg in (a, b)))
        for leg in (a, b):
            stats = leg.stats()
            assert 0 <= stats["rtt_ms"] < 1000, "loopback, on a machine that is busy with something else"
            assert stats["remote_lost"] == stats["rtcp_malformed"] == stats["rtcp_errors"] == 0
        a.close()
        drain_until(worker, lambda: bool(b.stats()["rtcp_bye"]))


def test_bye_goes_out_on_the_socket(worker: Worker) -> None:
    with peer() as sock, closing(Leg(worker)) as leg:
        leg.start_udp(local=("127.0.0.1", 0), remote=sock.getsockname(), rtcp=True)
        rtp = Rtp.unpack(sock.recv(2048))
        leg.close()
        pkt = sock.recv(2048)
        while not 192 <= pkt[1] <= 223:
            pkt = sock.recv(2048)
        last = Compound.unpack(pkt)
        assert (last.types, last.ssrc, last.bye) == ([SR, SDES, BYE], rtp.ssrc, True)
