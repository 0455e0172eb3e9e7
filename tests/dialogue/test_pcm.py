# SPDX-License-Identifier: GPL-3.0-or-later
"""Resampling and trimming off the live path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.engines.pcm import Resampler, Trimmer, resample, trim


def tone(hz: float, rate: int, seconds: float = 1.0, level: float = 10000) -> bytes:
    return (level * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype("<i2").tobytes()


def samples(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


RATES = [(22050, 16000), (22050, 8000), (8000, 16000), (44100, 16000), (16000, 48000), (11025, 24000)]


@pytest.mark.parametrize(("src", "dst"), RATES)
def test_a_tone_stays_the_tone(src: int, dst: int) -> None:
    out = samples(resample(tone(1000, src), src, dst))
    want = samples(tone(1000, dst))
    assert len(out) == len(want)
    middle = slice(dst // 10, -dst // 10)
    error = np.sqrt(np.mean((out[middle] - want[middle]) ** 2))
    assert 20 * np.log10(7071 / error) > 70


@pytest.mark.parametrize(("src", "dst"), RATES)
def test_a_constant_stays_constant(src: int, dst: int) -> None:
    out = samples(resample(np.full(src // 5, 30000, "<i2").tobytes(), src, dst))
    assert np.abs(out[dst // 50 : -dst // 50] - 30000).max() <= 1


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    out = samples(resample(tone(9500, 22050), 22050, 16000))
    assert 20 * np.log10(np.sqrt(np.mean(out[1600:-1600] ** 2)) / 7071) < -60


@given(
    st.lists(st.integers(0, 700), max_size=12), st.sampled_from([(22050, 16000), (8000, 48000), (48000, 8000), (16000, 16000)])
)
@settings(max_examples=60, deadline=None)
def test_pieces_give_the_same_as_the_whole(sizes: list[int], rates: tuple[int, int]) -> None:
    pcm = np.random.default_rng(0).integers(-9000, 9000, sum(sizes)).astype("<i2").tobytes()
    r, at, out = Resampler(*rates), 0, b""
    for n in sizes:
        out += r.run(pcm[2 * at : 2 * (at + n)])
        at += n
    out += r.finish()
    whole = resample(pcm, *rates)
    assert len(out) == len(whole) == 2 * ((sum(sizes) * rates[1] + rates[0] // 2) // rates[0])
    assert np.abs(samples(out) - samples(whole)).max(initial=0) <= 1


@pytest.mark.parametrize("rates", [(0, 8000), (8000, -1)])
def test_a_rate_must_be_positive(rates: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Resampler(*rates)


@given(st.integers(0, 4000), st.integers(0, 4000), st.integers(100, 900))
@settings(deadline=None)
def test_trimming_keeps_the_sound_and_a_margin(head: int, tail: int, piece: int) -> None:
    sound = tone(440, 16000, 0.3, 8000)
    pcm = bytes(2 * head) + sound + bytes(2 * tail)
    t = Trimmer(16000)
    out = b"".join(t.run(pcm[i : i + 2 * piece]) for i in range(0, len(pcm), 2 * piece)) + t.finish()
    for trimmed in (out, trim(pcm, 16000)):
        assert len(sound) - 120 <= len(trimmed) <= len(sound) + 320
        assert sound[10:-10] in trimmed


def test_silence_is_trimmed_to_nothing() -> None:
    assert trim(bytes(2000), 16000) == b""
    t = Trimmer(16000)
    assert t.run(bytes(2000)) + t.run(bytes(2000)) + t.finish() == b""
