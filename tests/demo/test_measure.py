# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps are found where they were put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.demo.measure import StereoFile
from sipagent.wavfile import write_wav

RATE = 16000
START_US = 7_000_000_000
RNG = np.random.default_rng(5)


def voice(ms: int, level: int = 6000) -> np.ndarray:
    """Noise with the slow swell of syllables, never near silence."""
    n = RATE * ms // 1000
    swell = 0.6 + 0.4 * np.sin(np.arange(n) / RATE * 2 * np.pi * 4)
    return (RNG.normal(0, 1, n) * swell * level / 3).clip(-30000, 30000).astype(np.int16)


def recording(seconds: float, *, left: dict[int, int], right: dict[int, int], noise: int = 0) -> StereoFile:
    """Sound of so many ms at so many ms on each side."""
    sides = []
    for parts in (left, right):
        side = RNG.integers(-noise, noise + 1, int(seconds * RATE)).astype(np.int16)
        for at, ms in parts.items():
            side[at * RATE // 1000 : (at + ms) * RATE // 1000] += voice(ms)
        sides.append(side)
    return StereoFile(sides[0], sides[1], RATE, START_US)


@settings(max_examples=40, deadline=None)
@given(gap=st.integers(0, 3000), noise=st.sampled_from([0, 3, 30]))
def test_gap_is_found(gap: int, noise: int) -> None:
    file = recording(9, left={1000: 1500}, right={0: 500, 2500 + gap: 1200}, noise=noise)
    found = file.gap_ms(START_US + 1_000_000, START_US + 2_500_000)
    assert found == pytest.approx(gap, abs=20)


def test_each_turn_has_its_own_gap() -> None:
    file = recording(12, left={1000: 1000, 5000: 1500}, right={2400: 1000, 7250: 1000})
    assert file.gap_ms(START_US + 1_000_000, START_US + 2_000_000) == pytest.approx(400, abs=20)
    assert file.gap_ms(START_US + 5_000_000, START_US + 6_500_000) == pytest.approx(750, abs=20)


def test_trailing_silence_of_the_utterance_is_not_speech() -> None:
    file = recording(8, left={1000: 1000}, right={3000: 1000})
    assert file.gap_ms(START_US + 1_000_000, START_US + 2_600_000) == pytest.approx(1000, abs=20)


@pytest.mark.parametrize(("left", "right"), [({}, {3000: 500}), ({1000: 1000}, {}), ({1000: 1000}, {0: 900})])
def test_a_missing_side_is_no_gap(left: dict[int, int], right: dict[int, int]) -> None:
    assert recording(6, left=left, right=right).gap_ms(START_US + 1_000_000, START_US + 2_000_000) is None


def test_file_is_read_and_both_voices_measured(tmp_path: Path) -> None:
    made = recording(5, left={500: 2000}, right={3000: 1000})
    pcm = np.stack([made.left, made.right], axis=1).tobytes()
    write_wav(tmp_path / "call.wav", RATE, 2, pcm)
    file = StereoFile.read(tmp_path / "call.wav", START_US)
    assert file.rate == RATE
    assert file.speech_s() == pytest.approx((2, 1), abs=0.2)


def test_a_mono_file_is_refused(tmp_path: Path) -> None:
    write_wav(tmp_path / "mono.wav", RATE, 1, bytes(4))
    with pytest.raises(ValueError, match="stereo"):
        StereoFile.read(tmp_path / "mono.wav", 0)
