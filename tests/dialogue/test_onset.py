# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be the beginning of speech: found in its first packet, given up when it was nothing, and noise is got used to."""

from __future__ import annotations

import numpy as np
import pytest

from sipagent.dialogue.onset import GIVE_UP_US, MAX_SUSPECT_US, QUIET_US, Onset

PACKET = 320  # 20 ms at 16 kHz
PACKET_US = 20_000
FAINT, SOFT, LOUD = 5.0, 60.0, 3000.0  # -76, -55 and -21 dB


class Line:
    """A caller's packets; `changes`: (packet, suspected from there on)."""

    def __init__(self) -> None:
        self.onset = Onset()
        self.rng = np.random.default_rng(1)
        self.n = 0
        self.changes: list[tuple[int, bool]] = []

    def hear(self, level: float, packets: int = 1, *, starting: bool = False, ms: int = 20, behind: int = 0) -> None:
        """`behind`: so many packets the voice detector has still to judge."""
        for _ in range(packets):
            pcm = self.rng.normal(0, level, PACKET)
            pcm[ms * 16 :] = 0
            before = self.onset.suspected
            after = self.onset.hear(pcm.astype(np.int16).tobytes(), self.n * PACKET_US, (self.n - behind) * PACKET_US, starting)
            if after != before:
                self.changes.append((self.n, after))
            self.n += 1


@pytest.fixture
def line() -> Line:
    line = Line()
    line.hear(FAINT, 100)
    return line


@pytest.mark.parametrize("ms", [5, 20])
def test_a_click_is_suspected_at_once_and_forgotten_soon(line: Line, ms: int) -> None:
    line.hear(LOUD, ms=ms)
    line.hear(FAINT, 50)
    assert line.changes == [(100, True), (100 + QUIET_US // PACKET_US, False)]


def test_soft_sound_is_no_interruption(line: Line) -> None:
    line.hear(SOFT, 100)
    assert line.changes == []


def test_noise_that_goes_on_is_suspected_once(line: Line) -> None:
    line.hear(LOUD, 500)
    assert line.changes == [(100, True), (100 + MAX_SUSPECT_US // PACKET_US, False)]
    line.hear(3 * LOUD)  # 9.5 dB over it
    assert line.changes[2:] == [(600, True)]


def test_noise_is_forgotten_slowly(line: Line) -> None:
    line.hear(LOUD, 100)
    line.hear(FAINT, 50)
    line.hear(LOUD / 10)
    assert len(line.changes) == 2  # a second later: 20 dB softer is still under what was noise
    line.hear(FAINT, 500)
    line.hear(LOUD / 10)
    assert line.changes[2:] == [(751, True)]


def test_nothing_is_given_up_while_the_voice_detector_decides(line: Line) -> None:
    line.hear(LOUD)
    line.hear(FAINT, 50, starting=True)
    assert line.changes == [(100, True)]
    line.hear(FAINT)
    assert line.changes[1:] == [(151, False)]


def test_nothing_is_given_up_that_the_voice_detector_has_not_judged(line: Line) -> None:
    for behind in range(50):
        line.hear(LOUD, behind=behind)
    assert line.changes == [(100, True)]
    line.onset.spoken()  # it was speech, it says at last
    line.hear(FAINT, 100)
    line.hear(LOUD / 10)
    assert line.changes[1:] == [(250, True)]  # and was not taken for noise meanwhile


def test_a_voice_detector_that_never_comes_back_is_given_up(line: Line) -> None:
    line.hear(LOUD, behind=1)
    for behind in range(2, 200):
        line.hear(FAINT, behind=behind)
    assert line.changes == [(100, True), (100 + GIVE_UP_US // PACKET_US, False)]


def test_speech_is_no_noise_to_get_used_to(line: Line) -> None:
    line.hear(LOUD, 10)
    line.onset.spoken()
    line.hear(FAINT, 100)
    line.hear(LOUD / 10)
    assert line.changes == [(100, True), (210, True)]
