# SPDX-License-Identifier: GPL-3.0-or-later
"""What the wire carried is known to the sample; a flush or a pause stops it within the packet at hand."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediacore import EV_FLUSHED, EV_PLAY_END, EV_PLAY_START, ArgumentError, VirtualLeg
from tests.media.rtp import Rtp, from_l16, tone
from tests.netsim import MS

START = 1_000_000
FADE = 80  # 5 ms at 16 kHz


def leg_of(ptime_ms: int = 20) -> VirtualLeg:
    return VirtualLeg(codec="L16", clock=16000, pt=96, rate=16000, ptime_ms=ptime_ms, tx_seconds=4)


class Wire:
    """Ticks a leg and keeps what left."""

    def __init__(self, leg: VirtualLeg) -> None:
        self.leg = leg
        self.now = START
        self.heard = np.zeros(0, np.int16)

    def ticks(self, n: int) -> None:
        for _ in range(n):
            for pkt in self.leg.on_tick(self.now):
                self.heard = np.append(self.heard, from_l16(Rtp.unpack(pkt).payload))
            self.now += 10 * MS if self.leg.params["ptime_ms"] == 10 else 20 * MS


@pytest.mark.parametrize("ptime_ms", [10, 20, 40])
def test_flush_fades_and_stops(ptime_ms: int) -> None:
    with closing(leg_of(ptime_ms)) as leg:
        wire = Wire(leg)
        speech = tone(2.0, 16000)
        leg.write(speech.tobytes())
        wire.ticks(10)
        played = leg.played
        assert leg.flush() == leg.written == len(speech)
        assert leg.pending == 0
        wire.ticks(10)
        assert leg.played == len(speech)
        assert np.array_equal(wire.heard[:played], speech[:played])
        faded = wire.heard[played : played + FADE]
        assert np.all(np.abs(faded) <= np.abs(speech[played : played + FADE]) + 1)
        assert np.abs(faded[-8:]).max() < 0.15 * np.abs(speech).max()
        assert np.abs(faded[:8]).max() > 0
        assert not wire.heard[played + FADE :].any()
        flushed = [e for e in leg.events() if e[0] == EV_FLUSHED]
        assert [e[1:3] for e in flushed] == [(played + FADE, len(speech))]
        assert leg.stats()["flushed"] == len(speech) - played - FADE


def test_new_speech_starts_in_the_very_packet_of_the_flush() -> None:
    with closing(leg_of()) as leg:
        wire = Wire(leg)
        leg.write(np.full(16000, 1000, np.int16).tobytes())
        wire.ticks(5)
        cut = leg.flush()
        leg.write(np.full(3200, 77, np.int16).tobytes())
        wire.ticks(1)
        assert np.all(wire.heard[5 * 320 + FADE :] == 77)
        kinds = [(e[0], e[1]) for e in leg.events()]
        assert kinds[-2:] == [(EV_FLUSHED, 5 * 320 + FADE), (EV_PLAY_START, cut)]


def test_flush_of_nothing_and_of_what_never_played() -> None:
    with closing(leg_of()) as leg:
        wire = Wire(leg)
        wire.ticks(2)
        leg.flush()
        wire.ticks(1)
        leg.write(np.full(640, 500, np.int16).tobytes())
        leg.flush()
        wire.ticks(2)
        assert not wire.heard.any()
        assert [e[0:3] for e in leg.events() if e[0] != 1] == [(EV_FLUSHED, 0, 0), (EV_FLUSHED, 0, 640)]


def test_a_pause_fades_out_waits_and_goes_on_at_the_very_next_sample() -> None:
    with closing(leg_of()) as leg:
        wire = Wire(leg)
        speech = np.full(16000, 1000, np.int16)
        leg.write(speech.tobytes())
        wire.ticks(2)
        leg.pause(60)
        wire.ticks(3)
        assert (leg.played, leg.pending) == (640 + FADE, 16000 - 640 - FADE)
        assert wire.heard[640:].any()
        assert not wire.heard[640 + FADE :].any()
        wire.ticks(1)  # it goes on by itself
        again = wire.heard[5 * 320 :]
        assert again[0] == 0
        assert np.all(np.diff(again[:FADE]) >= 0)
        assert np.all(again[FADE:] == 1000)
        assert leg.played == 640 + FADE + 320
        wire.ticks(60)
        told = [(kind, a, (t - START) // (20 * MS)) for kind, a, _, t in leg.events() if kind in (EV_PLAY_START, EV_PLAY_END)]
        want = [(EV_PLAY_START, 0, 0), (EV_PLAY_END, 640 + FADE, 2), (EV_PLAY_START, 640 + FADE, 5), (EV_PLAY_END, 16000, 52)]
        assert told == want
        assert leg.stats()["underruns"] == 1  # the end, not the pause


def test_a_pause_ends_when_told_and_with_a_flush() -> None:
    with closing(leg_of()) as leg:
        wire = Wire(leg)
        leg.write(np.full(16000, 1000, np.int16).tobytes())
        wire.ticks(1)
        leg.pause(10_000)
        wire.ticks(2)
        leg.pause(0)
        wire.ticks(1)
        assert np.all(wire.heard[3 * 320 + FADE :] == 1000)
        leg.pause(10_000)
        wire.ticks(2)
        played = leg.played
        assert leg.flush() == 16000
        leg.write(np.full(320, 77, np.int16).tobytes())
        wire.ticks(1)
        assert np.all(wire.heard[-320:] == 77)  # at once and at full level: nothing of the old is left to join to
        assert (EV_FLUSHED, played, 16000) in [e[:3] for e in leg.events()]


@pytest.mark.parametrize("ms", [-1, 10_001])
def test_a_pause_has_its_limits(ms: int) -> None:
    with closing(leg_of()) as leg, pytest.raises(ArgumentError, match="pause: ms must lie between 0"):
        leg.pause(ms)


def test_start_and_end_of_speech_are_told_with_their_indices() -> None:
    with closing(leg_of()) as leg:
        wire = Wire(leg)
        wire.ticks(3)
        leg.write(np.full(1000, 5, np.int16).tobytes())  # 3 packets and 40 samples
        wire.ticks(5)
        leg.write(np.full(640, 6, np.int16).tobytes())
        wire.ticks(4)
        at = [(kind, a, (t - START) // (20 * MS)) for kind, a, _, t in leg.events() if kind in (EV_PLAY_START, EV_PLAY_END)]
        assert at == [(EV_PLAY_START, 0, 3), (EV_PLAY_END, 1000, 6), (EV_PLAY_START, 1000, 8), (EV_PLAY_END, 1640, 10)]
        # The last packet is padded with silence, not held back.
        assert wire.heard[6 * 320 : 6 * 320 + 40].tolist() == [5] * 40
        assert not wire.heard[6 * 320 + 40 : 8 * 320].any()


def test_a_full_ring_takes_what_fits() -> None:
    with closing(VirtualLeg(codec="L16", clock=16000, pt=96, tx_seconds=0.5)) as leg:
        room = leg.write(bytes(2 * 100_000))
        assert room >= 8000
        assert leg.write(b"\0\0") == 0
        leg.on_tick(START)
        assert leg.write(bytes(2000)) == 320


actions = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 3000)),
        st.tuples(st.just("tick"), st.integers(1, 6)),
        st.just(("flush", 0)),
        st.tuples(st.just("pause"), st.sampled_from([0, 20, 50, 120])),
    ),
    max_size=40,
)


class Model:
    """The output ring as it is meant to be: lists, no cleverness."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.queue: list[int] = []
        self.n_cut = 0
        self.asked = self.playing = self.paused_in_sound = False
        self.pause_left = 0
        self.wire: list[float] = []
        self.is_fade: list[bool] = []

    def flush(self) -> None:
        self.asked, self.n_cut = True, len(self.queue)
        self.pause_left = 0

    def pause(self, ms: int) -> None:
        self.pause_left = 16 * ms

    def tick(self) -> None:
        packet: list[float] = []
        if self.asked:
            fade = min(FADE, self.n_cut, self.size) if self.playing else 0
            packet = [self.queue[i] * (1 - i / fade) for i in range(fade)]
            self.queue = self.queue[self.n_cut :]
            self.asked = self.playing = self.paused_in_sound = False
        n_fade = len(packet)
        if self.pause_left > 0:
            self.pause_left -= self.size
            if self.playing:
                fade = min(FADE, self.size - n_fade, len(self.queue))
                packet += [self.queue.pop(0) * (1 - i / fade) for i in range(fade)]
                self.playing, self.paused_in_sound = False, True
            self._leave(packet, list(range(len(packet))))
            return
        taken = self.queue[: self.size - n_fade]
        self.queue = self.queue[len(taken) :]
        fading = list(range(n_fade))
        if taken and self.paused_in_sound:
            rise = min(FADE, len(taken))
            packet += [taken.pop(0) * i / rise for i in range(rise)]
            fading += range(n_fade, n_fade + rise)
            self.paused_in_sound = False
        packet += taken
        self.playing = (self.playing or len(packet) > n_fade) and len(packet) == self.size
        self._leave(packet, fading)

    def _leave(self, packet: list[float], fading: list[int]) -> None:
        self.wire += packet + [0] * (self.size - len(packet))
        self.is_fade += [i in fading for i in range(self.size)]


@settings(max_examples=150, deadline=None)
@given(actions, st.sampled_from([10, 20, 40]))
def test_every_sample_on_the_wire_is_accounted_for(todo: list[tuple[str, int]], ptime_ms: int) -> None:
    with closing(leg_of(ptime_ms)) as leg:
        wire, model = Wire(leg), Model(16 * ptime_ms)
        written = 0
        ticks_of_packet = ptime_ms // 20 or 1
        for what, n in [*todo, ("tick", 1)]:
            if what == "write":
                pcm = (np.arange(written, written + n) % 1000 + 1000).astype(np.int16)
                taken = leg.write(pcm.tobytes())
                model.queue += pcm[:taken].tolist()
                written += taken
            elif what == "flush":
                assert leg.flush() == written
                model.flush()
            elif what == "pause":
                leg.pause(n)
                model.pause(n)
            else:
                for _ in range(n):
                    wire.ticks(ticks_of_packet)
                    model.tick()
            assert leg.pending == len(model.queue) - (model.n_cut if model.asked else 0)
        want, fades = np.array(model.wire), np.array(model.is_fade, bool)
        assert np.array_equal(wire.heard[~fades], want[~fades])
        assert np.abs(wire.heard[fades] - want[fades]).max(initial=0) < 2000 * 2 / FADE
        assert leg.written == written
        assert leg.played == written - len(model.queue)
        dropped = sum(b - a for kind, a, b, _ in leg.events() if kind == EV_FLUSHED)
        assert dropped == leg.stats()["flushed"] == leg.played - np.count_nonzero(want) - _fade_zeros(want, fades)


def _fade_zeros(want: np.ndarray, fades: np.ndarray) -> int:
    return int(np.count_nonzero(fades & (want == 0)))
