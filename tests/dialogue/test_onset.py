# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be the beginning of speech: found in its first packet, given up when it was nothing, and noise is got used to."""

from __future__ import annotations

import numpy as np
import pytest

from sipagent.dialogue.onset import MAX_SUSPECT_US, QUIET_US, Onset, Verdict

PACKET = 320  # 20 ms at 16 kHz
PACKET_US = 20_000
FAINT, SOFT, LOUD = 5.0, 60.0, 3000.0  # -76, -55 and -21 dB


class Line:
    """A caller's packets; `verdicts`: (packet, verdict)."""

    def __init__(self) -> None:
        self.onset = Onset()
        self.rng = np.random.default_rng(1)
        self.n = 0
        self.verdicts: list[tuple[int, Verdict]] = []

    def hear(self, level: float, packets: int = 1, *, starting: bool = False, ms: int = 20) -> None:
        for _ in range(packets):
            pcm = self.rng.normal(0, level, PACKET)
            pcm[ms * 16 :] = 0
            verdict = self.onset.hear(pcm.astype(np.int16).tobytes(), self.n * PACKET_US, starting)
            if verdict is not None:
                self.verdicts.append((self.n, verdict))
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
    assert line.verdicts == [(100, Verdict.SUSPECT), (100 + QUIET_US // PACKET_US, Verdict.NOTHING)]


def test_soft_sound_is_no_interruption(line: Line) -> None:
    line.hear(SOFT, 100)
    assert line.verdicts == []


def test_noise_that_goes_on_is_suspected_once(line: Line) -> None:
    line.hear(LOUD, 500)
    assert line.verdicts == [(100, Verdict.SUSPECT), (100 + MAX_SUSPECT_US // PACKET_US, Verdict.NOTHING)]
    line.hear(3 * LOUD)  # 9.5 dB over it
    assert line.verdicts[2:] == [(600, Verdict.SUSPECT)]


def test_noise_is_forgotten_slowly(line: Line) -> None:
    line.hear(LOUD, 100)
    line.hear(FAINT, 50)
    line.hear(LOUD / 10)
    assert len(line.verdicts) == 2  # a second later: 20 dB softer is still under what was noise
    line.hear(FAINT, 500)
    line.hear(LOUD / 10)
    assert line.verdicts[2:] == [(751, Verdict.SUSPECT)]


def test_nothing_is_given_up_while_the_voice_detector_decides(line: Line) -> None:
    line.hear(LOUD)
    line.hear(FAINT, 50, starting=True)
    assert line.verdicts == [(100, Verdict.SUSPECT)]
    line.hear(FAINT)
    assert line.verdicts[1:] == [(151, Verdict.NOTHING)]


def test_speech_is_no_noise_to_get_used_to(line: Line) -> None:
    line.hear(LOUD, 10)
    line.onset.spoken()
    line.hear(FAINT, 100)
    line.hear(LOUD / 10)
    assert line.verdicts == [(100, Verdict.SUSPECT), (210, Verdict.SUSPECT)]
