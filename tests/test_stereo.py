# SPDX-License-Identifier: GPL-3.0-or-later
"""The recording's time line: sound stands where it was on the wire."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.stereo import PATIENCE_MS, TOLERANCE_MS, StereoAligner

RATE = 8000
BLOCK = RATE // 50
TICK_US = 20_000
LOUD = 8000


def block(left: int | np.ndarray, right: int | np.ndarray) -> bytes:
    """20 ms of two constant levels, or of given samples."""
    stereo = np.zeros((BLOCK, 2), np.int16)
    stereo[:, 0] = left
    stereo[:, 1] = right
    return stereo.tobytes()


def run(aligner: StereoAligner, blocks: list[tuple[bytes, int, int]]) -> np.ndarray:
    pcm = b"".join(aligner.feed(*b) for b in blocks) + aligner.finish()
    return np.frombuffer(pcm, np.int16).reshape(-1, 2)


def onset(samples: np.ndarray) -> int:
    """Index of the first loud sample."""
    return int(np.argmax(np.abs(samples.astype(int)) > LOUD // 2))


@given(delay_ms=st.integers(0, 400), at=st.integers(0, 60), start_us=st.integers(0, 2**50))
def test_sides_stand_at_their_wire_times(delay_ms: int, at: int, start_us: int) -> None:
    # The same tick plays a click that came delay_ms ago and sends one now: in the file they are delay_ms apart.
    blocks = [
        (block(LOUD if i == at else 0, LOUD if i == at else 0), start_us + i * TICK_US, delay_ms * 1000) for i in range(at + 2)
    ]
    wav = run(StereoAligner(RATE), blocks)
    assert onset(wav[:, 1]) - onset(wav[:, 0]) == delay_ms * RATE // 1000


@given(
    pause=st.integers(5, 50),
    before_ms=st.integers(0, 200),
    after_ms=st.integers(0, 200),
    ticks=st.integers(1, 40),
)
def test_a_new_delay_is_taken_over_in_the_pause(pause: int, before_ms: int, after_ms: int, ticks: int) -> None:
    # Two loud stretches with a pause between; the jitter buffer's delay changes inside the pause.
    first, second = ticks, ticks + max(pause, 15)
    levels = [LOUD] * first + [0] * (second - first) + [LOUD] * ticks
    blocks = [(block(v, 0), i * TICK_US, (before_ms if i < first else after_ms) * 1000) for i, v in enumerate(levels)]
    aligner = StereoAligner(RATE)
    wav = run(aligner, blocks)
    left = np.abs(wav[:, 0].astype(int)) > LOUD // 2
    assert left.sum() == 2 * ticks * BLOCK  # not one loud sample lost or made up
    rises = np.flatnonzero(np.diff(np.concatenate([[0], left.astype(int)])) == 1)
    assert aligner.start_us is not None
    wire = (second * TICK_US - after_ms * 1000 - aligner.start_us) * RATE / 1e6
    assert abs(rises[-1] - wire) <= TOLERANCE_MS * RATE // 1000


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=100))
def test_wobble_within_the_tolerance_is_left_alone(wobble: list[int]) -> None:
    ramp = np.arange(1, len(wobble) * BLOCK + 1, dtype=np.int64) % 30000 + 400
    blocks = [
        (block(ramp[i * BLOCK : (i + 1) * BLOCK].astype(np.int16), 0), i * TICK_US, (100 + w) * 1000)
        for i, w in enumerate(wobble)
    ]
    left = run(StereoAligner(RATE), blocks)[:, 0]
    assert left[: len(ramp)].tolist() == ramp.tolist()


@pytest.mark.parametrize(("lost", "side"), [(n, s) for n in (12, 500) for s in (0, 1)])
def test_a_hole_is_silence_of_its_length_at_its_place(lost: int, side: int) -> None:
    n = 20
    numbers = [*range(n), *range(n + lost, 2 * n + lost)]
    channel = run(StereoAligner(RATE), [(block(LOUD, LOUD), i * TICK_US, 0) for i in numbers])[:, side]
    assert np.flatnonzero(channel == 0).tolist() == list(range(n * BLOCK, (n + lost) * BLOCK))


def test_a_small_hole_is_made_good_in_the_next_pause() -> None:
    numbers = [*range(20), *range(23, 43)]
    blocks = [(block(LOUD if i < 30 or i == 42 else 0, 0), i * TICK_US, 0) for i in numbers]
    left = run(StereoAligner(RATE), blocks)[:, 0]
    assert onset(left[35 * BLOCK :]) == 7 * BLOCK


def test_endless_sound_is_anchored_after_the_patience() -> None:
    # Delay falls by 100 ms while the caller never pauses: the error lives for PATIENCE_MS, then it is put right.
    jump = 50
    blocks = [(block(LOUD, 0), i * TICK_US, 150_000 if i < jump else 50_000) for i in range(100)]
    aligner = StereoAligner(RATE)
    left = run(aligner, blocks)[:, 0]
    hole = np.flatnonzero(left[: 100 * BLOCK] == 0)
    assert len(hole) == RATE // 10
    assert hole[0] >= (jump + PATIENCE_MS // 20) * BLOCK


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(-50_000, 5_000_000), st.integers(-(2**40), 2**40), st.booleans()), max_size=40),
)
def test_wild_times_never_break_it(steps: list[tuple[int, int, bool]]) -> None:
    t_us = 0
    aligner = StereoAligner(RATE)
    out = b""
    for step, delay, loud in steps:
        t_us += step
        out += aligner.feed(block(LOUD if loud else 0, LOUD), t_us, delay)
    out += aligner.finish()
    span_us = sum(max(s, 0) for s, _, _ in steps) + len(steps) * TICK_US + 4_000_000
    assert len(out) % 4 == 0
    assert len(out) // 4 <= span_us * RATE / 1e6
