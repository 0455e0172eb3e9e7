# SPDX-License-Identifier: GPL-3.0-or-later
"""Where speech ends must not depend on where a block begins, on the codec or on the rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediacore import Codec
from sipagent.dialogue.levels import speech_end, speech_start


def voice(rate: int, seconds: float, level: int = 8000, seed: int = 1) -> bytes:
    """Noise under a syllable-like envelope that ends abruptly at full level."""
    n = int(rate * seconds)
    envelope = 0.6 + 0.4 * np.cos(2 * np.pi * 4 * (np.arange(n) - n) / rate)
    return (np.random.default_rng(seed).normal(0, level / 3, n) * envelope).clip(-32768, 32767).astype("<i2").tobytes()


def quiet(rate: int, seconds: float, level: float = 3.0) -> bytes:
    return np.random.default_rng(2).normal(0, level, int(rate * seconds)).astype("<i2").tobytes()


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_start_and_end_are_found_to_two_blocks(rate: int) -> None:
    pcm = quiet(rate, 0.5) + voice(rate, 1.0) + quiet(rate, 0.5)
    assert abs(speech_start(pcm, rate) - rate // 2) <= rate // 50
    assert abs(speech_end(pcm, rate) - rate * 3 // 2) <= rate // 50


@given(st.integers(0, 159), st.sampled_from([500, 3000, 15000]))
@settings(max_examples=30, deadline=None)
def test_a_shift_moves_the_end_by_as_much(shift: int, level: int) -> None:
    plain = quiet(16000, 0.3) + voice(16000, 0.8, level) + quiet(16000, 0.3)
    moved = bytes(2 * shift) + plain
    assert abs(speech_end(moved, 16000) - shift - speech_end(plain, 16000)) <= 208  # 13 ms


def test_g711_does_not_move_the_end() -> None:
    codec = Codec("PCMU", 8000)
    pcm = quiet(8000, 0.3) + voice(8000, 0.8) + quiet(8000, 0.3)
    heard = b"".join(codec.decode(codec.encode(pcm[i : i + 320])) for i in range(0, len(pcm) - 319, 320))
    assert abs(speech_end(heard, 8000) - speech_end(pcm, 8000)) <= 104


def test_a_loud_room_is_not_speech() -> None:
    pcm = quiet(16000, 0.5, 300) + voice(16000, 1.0) + quiet(16000, 0.5, 300)
    assert abs(speech_end(pcm, 16000) - 24000) <= 320


def test_a_click_is_not_speech() -> None:
    pcm = bytearray(voice(16000, 1.0) + quiet(16000, 1.0))
    pcm[2 * 28000 : 2 * 28008] = np.full(8, 9000, "<i2").tobytes()
    assert speech_end(bytes(pcm), 16000) <= 16000 + 320


@pytest.mark.parametrize("pcm", [b"", bytes(10), bytes(32000)])
def test_silence_has_neither_start_nor_end(pcm: bytes) -> None:
    assert speech_end(pcm, 16000) == 0
    assert speech_start(pcm, 16000) == len(pcm) // 2
