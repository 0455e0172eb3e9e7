# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as concealed, cut and held."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lab import line as lines
from tests.lab.line import NEVER, PACKET_US, PLAYED, WARM_UP, Line, make, score
from tests.lab.networks import Net
from tests.netsim import MS, Conditions

N = WARM_UP + 100
CLEAN = Net("clean", Conditions(delay_us=20 * MS), "")
TICK = 30 * MS  # of the first: 10 ms after the first arrival


def clean(pause: slice = slice(0, 0)) -> Line:
    quiet = np.zeros(N, bool)
    quiet[pause] = True
    return make(CLEAN, quiet)


def on_ticks(numbers: np.ndarray, first_us: int) -> np.ndarray:
    """A playout that plays packet numbers[i] at tick i, nothing where that is -1."""
    played = np.full(int(numbers.max()) + 1, NEVER, PLAYED)
    at = np.flatnonzero(numbers >= 0)
    played["us"][numbers[at]], played["len_us"][numbers[at]] = first_us + at * PACKET_US, PACKET_US
    return played


def ticks(*changes: tuple[str, int, int]) -> np.ndarray:
    """Packet numbers from 0 on, with changes: ("lost", at, n) | ("wait", before, n) | ("skip", at, n)."""
    out = list(range(N))
    for kind, at, n in changes:
        i = out.index(at)
        if kind == "lost":
            out[i : i + n] = [-1] * n
        elif kind == "wait":
            out[i:i] = [-1] * n
        else:
            del out[i : i + n]
    return np.array(out, np.int32)


AT = WARM_UP + 40


def test_all_played() -> None:
    found = score(clean(), on_ticks(ticks(), TICK))
    assert (found.held_ms, found.added_ms, found.concealed, found.cut) == (10, 10, 0, 0)


@pytest.mark.parametrize(
    ("pause", "change", "concealed", "cut"),
    [
        (slice(0, 0), ("lost", AT, 3), 3, 0),
        (slice(0, 0), ("wait", AT, 3), 3, 0),
        (slice(0, 0), ("skip", AT, 3), 3, 3),
        (slice(AT - 1, AT), ("wait", AT, 3), 0, 0),  # the talkspurt begins later: unheard
        (slice(AT, AT + 3), ("skip", AT, 3), 0, 0),
        (slice(AT, AT + 3), ("lost", AT, 3), 0, 0),
        (slice(AT, AT + 2), ("lost", AT, 3), 1, 0),
        (slice(0, 0), ("lost", WARM_UP - 20, 3), 0, 0),  # not judged yet
    ],
)
def test_one_event(pause: slice, change: tuple[str, int, int], concealed: int, cut: int) -> None:
    line = clean(pause)
    found = score(line, on_ticks(ticks(change), TICK + 60 * MS))
    n_speech = int(line.speech.sum())
    assert found.concealed == pytest.approx(concealed / n_speech)
    assert found.cut == pytest.approx(cut / n_speech)


def test_gap_that_is_longer_than_what_is_missing_counts_once() -> None:
    """Three ticks of nothing, then two packets passed over: one more was put in, none was cut."""
    played = ticks(("wait", AT, 3))
    played = np.delete(played, [np.flatnonzero(played == AT)[0], np.flatnonzero(played == AT + 1)[0]])
    found = score(clean(), on_ticks(played, TICK))
    assert (found.concealed * clean().speech.sum(), found.cut) == (3, 0)
    assert found.held_ms == pytest.approx(10 + 20 * (100 - 40 - 2) / 98)  # those after it are a tick later


def test_a_playout_that_goes_back_is_refused() -> None:
    played = on_ticks(ticks(), TICK)
    played["us"][AT] -= 10 * MS
    with pytest.raises(ValueError, match="forward"):
        score(clean(), played)


def scaled(n: int, us: int) -> np.ndarray:
    """Packet n is shortened by so much (< 0: stretched), and what comes after it moves up."""
    played = on_ticks(ticks(), TICK + 60 * MS)
    played["len_us"][n] -= us
    played["us"][n + 1 :] -= us
    return played


@pytest.mark.parametrize("us", [7_500, -7_500])
def test_scaled_sound_is_neither_concealed_nor_cut(us: int) -> None:
    line = clean()
    found = score(line, scaled(AT, us))
    n_speech = int(line.speech.sum())
    assert (found.concealed, found.cut) == (0, 0)
    assert found.scaled == pytest.approx(abs(us) / PACKET_US / n_speech)
    assert found.held_ms == pytest.approx(70 - us / 1000 * (n_speech - (AT - WARM_UP) - 1) / n_speech)
    assert score(clean(slice(AT, AT + 1)), scaled(AT, us)).scaled == 0  # in a pause it is free


def test_made_up_sound_counts_by_its_length() -> None:
    """Packet AT comes 5 ms after it was due: 5 ms made up, all behind it later."""
    played = on_ticks(ticks(), TICK)
    played["us"][AT:] += 5 * MS
    found = score(clean(), played)
    assert found.concealed * int(clean().speech.sum()) == pytest.approx(0.25)
    skipped = played.copy()
    skipped[AT - 1] = (NEVER, 0)  # 20 of the 25 ms stand for this one
    skipped["us"][AT:] -= 10 * MS  # 15 are left: 5 ms of it are cut
    found = score(clean(), skipped)
    assert found.concealed * int(clean().speech.sum()) == pytest.approx(1)
    assert found.cut * int(clean().speech.sum()) == pytest.approx(0.25)


def test_nothing_is_played_before_it_came() -> None:
    with pytest.raises(ValueError, match="before it came"):
        score(clean(), on_ticks(ticks(), TICK - 20 * MS))


def test_line_knows_lost_and_late() -> None:
    line = make(Net("x", Conditions(delay_us=30 * MS, jitter_us=40 * MS, loss=0.1, duplicate=0.2), ""), np.zeros(2000, bool))
    assert np.all(np.diff(line.arrivals["us"].astype(np.int64)) >= 0)
    assert line.lost == pytest.approx(0.1, abs=0.03)
    assert (line.base_us >= 30 * MS, line.base_us < 31 * MS) == (True, True)
    assert len(line.arrivals) > 2000 * 0.9
    for n in range(100):
        copies = line.arrivals[line.arrivals["n"] == n]["us"]
        assert line.first_us[n] == (copies.min() if len(copies) else NEVER)


def test_drift_is_no_jitter() -> None:
    line = make(Net("x", Conditions(delay_us=20 * MS), "", drift_ppm=1000), np.zeros(2000, bool))
    assert line.sent_us[-1] == round(1999 * PACKET_US * 1.001)
    assert set(line.transit_us) == {20 * MS}
    assert lines.mean([score(line, on_ticks(np.arange(2000), TICK + 41 * MS))]).concealed == 0
