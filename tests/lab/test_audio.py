# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard lies where the policy says, and NetEq's own figures are weighed by what was played."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from tests.lab import __main__ as lab
from tests.lab import audio, neteq, plot, policies, quality
from tests.lab.audio import Audio
from tests.lab.line import NEVER, PACKET_US, WARM_UP, Line, make, score
from tests.lab.networks import Net, network
from tests.lab.speech import FRAME, RATE, Said, Talk
from tests.media.rtp import babble, best_lag
from tests.netsim import MS, Conditions

SECONDS = 14
N = SECONDS * 50
CLEAN = Net("clean", Conditions(delay_us=20 * MS), "")


@pytest.fixture(scope="module")
def talk() -> Talk:
    """Six made sentences of a second and a half, half a second between them; two are in the warm-up."""
    pcm = np.random.default_rng(1).normal(0, 4, SECONDS * RATE).astype(np.int16)
    said = []
    for i in range(6):
        start, end = round((0.5 + 2 * i) * RATE), round((2 + 2 * i) * RATE)
        pcm[start:end] += babble(1.5, RATE, seed=i)
        said.append(Said(str(i), start, end))
    return Talk(pcm, tuple(said))


@pytest.fixture(scope="module")
def line(talk: Talk) -> Line:
    return make(CLEAN, talk.quiet)


def late_ms(line: Line, talk: Talk, heard: Audio) -> list[float]:
    placed = quality.place(line, talk, heard)
    assert all(p.found for p in placed)
    return [(p.heard_us - quality.sent_us(line, p.said.start) - line.base_us) / MS for p in placed]


def test_quiet_is_where_nothing_is_said(talk: Talk) -> None:
    assert talk.quiet[:20].all()
    assert talk.quiet[30:95].mean() < 0.2
    assert talk.quiet[102:123].all()


def test_a_known_delay_is_found(line: Line, talk: Talk) -> None:
    heard = Audio(audio.decoded(talk), line.base_us + 137 * MS)
    assert late_ms(line, talk, heard) == pytest.approx([137] * 4, abs=0.2)


@pytest.mark.parametrize("name", ["clean", "lte"])
def test_sound_is_as_late_as_the_policy_says(talk: Talk, name: str) -> None:
    line = make(CLEAN if name == "clean" else network(name), talk.quiet, audio.decoded(talk))
    for heard, policy in ((audio.ours(line, talk), policies.ours()), (audio.pjsip(line, talk), policies.pjsip())):
        told = score(line, policies.play(policy, line, audio.PHASE_US)).added_ms
        assert np.mean(late_ms(line, talk, heard)) == pytest.approx(told, abs=25)


@pytest.mark.parametrize("name", ["clean", "gauss-10", "lte", "burst-loss"])
def test_the_policy_plays_what_the_leg_plays(talk: Talk, name: str) -> None:
    """Block by block, to the sample: how old what is played is, says the leg's tap; when each packet is played, the policy."""
    line = make(CLEAN if name == "clean" else network(name), talk.quiet, audio.decoded(talk))
    played = policies.play(policies.ours(), line, audio.PHASE_US)
    numbers = np.flatnonzero(played["us"] != NEVER)
    start, age = played["us"][numbers], (played["us"] + played["len_us"] - PACKET_US)[numbers] - line.first_us[numbers]
    compared = 0
    for at, told in audio.ages(line, talk):
        i = int(np.searchsorted(start, at, "right")) - 1
        if i >= 0 and at < start[i] + played["len_us"][numbers[i]]:
            assert told == pytest.approx(age[i], abs=2), f"block at {at}, packet {numbers[i]}"
            compared += 1
    assert compared > 0.8 * N * (1 - line.lost)


@pytest.mark.parametrize("name", ["clean", "gauss-10"])
def test_a_recording_has_the_caller_where_his_packets_came(talk: Talk, name: str) -> None:
    line = make(CLEAN if name == "clean" else network(name), talk.quiet)
    recorded = audio.recorded(line, talk)
    assert quality.misplaced_ms(line, talk, recorded) < 20
    late = Audio(recorded.pcm, recorded.start_us + 60 * MS)
    assert quality.misplaced_ms(line, talk, late) == pytest.approx(60, abs=20)


@pytest.mark.parametrize("most_ms", [0, 10])
def test_what_was_played_is_what_was_said(talk: Talk, most_ms: int) -> None:
    """PJSIP's concealment holds a few milliseconds back, ours nothing."""
    policy = policies.pjsip() if most_ms else policies.ours()
    whole, said = np.arange(N, dtype=np.int32), audio.decoded(talk)
    heard = policies.render(policy, said, whole)
    lag, likeness = best_lag(said[: 8 * RATE], heard, RATE // 10)
    assert lag <= most_ms * RATE // 1000
    assert likeness > 0.99
    holed = whole.copy()
    holed[240:242] = -1
    holed_sound = policies.render(policy, said, holed)
    assert holed_sound[240 * FRAME : 242 * FRAME].any()
    assert not np.array_equal(holed_sound, heard)


def test_windows_hold_whole_sentences_and_their_sound(line: Line, talk: Talk) -> None:
    heard = Audio(audio.decoded(talk), line.base_us + 50 * MS)
    rows = quality.windows(quality.place(line, talk, heard))
    assert [len(row) for row in rows] == [4]
    reference, sound = quality.cut(talk, heard, rows[0])
    assert len(reference) == len(sound) > quality.WINDOW_S * RATE
    assert np.corrcoef(reference, sound)[0, 1] > 0.99


def test_silence_is_not_found(line: Line, talk: Talk) -> None:
    nothing = Audio(np.zeros(SECONDS * RATE, np.int16), 0)
    assert [p.found for p in quality.place(line, talk, nothing)] == [False] * 4


def readings(line: Line, held_us: int, concealed: np.ndarray) -> dict[str, Any]:
    """getStats every 50 ms of a NetEq that holds each packet for the same time; `concealed`: which packets it makes up."""
    start = 5_000_000
    rows = [dict.fromkeys(neteq.KEYS, 0.0) | {"us": start}]
    per_packet = PACKET_US * RATE // 1_000_000
    for at in range(0, line.n * PACKET_US, neteq.POLL_MS * MS):
        played = np.arange(max(0, at - line.base_us - held_us) // PACKET_US + 1)
        made_up = int(concealed[played].sum()) * per_packet
        total = len(played) * per_packet
        row = {"us": start + at, "total": total, "concealed": made_up, "emitted": total - made_up, "removed": total / 100}
        row["delay_s"] = row["emitted"] * held_us / 1e6
        rows.append(dict.fromkeys(neteq.KEYS, 0.0) | row)
    return {"series": rows, "capture": None}


def test_neteqs_figures_count_in_speech(line: Line) -> None:
    path = {"start_us": 5_000_000, "late_us": {"p99": 100.0}, "overdue": 0}
    concealed = np.zeros(line.n, bool)
    speaking = np.flatnonzero(line.speech)
    concealed[speaking[20:24]] = True
    concealed[np.flatnonzero(line.quiet & (np.arange(line.n) > WARM_UP))[-10:]] = True  # in the last pause: free
    found = neteq.judge(line, readings(line, 60 * MS, concealed), path)
    assert found.held_ms == pytest.approx(60, rel=0.02)
    assert found.added_ms == pytest.approx(60, rel=0.02)
    assert found.concealed == pytest.approx(4 / len(speaking), rel=0.25)
    assert found.concealed_anywhere > found.concealed
    assert found.scaled == pytest.approx(0.01, rel=0.1)


def test_picture_is_a_picture() -> None:
    one = plot.Panel("a < b", {"best": [(5, 10), (50, 0)]}, {"ours": (40, 2.0), "theirs": (90, 0.0)})
    sections = [plot.Section("ms", upwards, [one] * 5) for upwards in (plot.CONCEALED, plot.PESQ)]
    root = ET.fromstring(plot.draw("title", sections))
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("a < b") == 10
    assert [texts.count(name) for name in ("ours", "theirs", "best")] == [1, 1, 1]
    assert {f"across: ms; {upwards.text}" for upwards in (plot.CONCEALED, plot.PESQ)} <= set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 10


@pytest.mark.parametrize("upwards", [plot.CONCEALED, plot.PESQ, plot.WORD_ERRORS])
def test_the_greater_value_lies_higher(upwards: plot.Upwards) -> None:
    panel = plot.Panel("x", {}, {"ours": (10, 2.0), "theirs": (90, 3.0)})
    root = ET.fromstring(plot.draw("title", [plot.Section("ms", upwards, [panel])]))
    space = "{http://www.w3.org/2000/svg}"
    circle = list(root.iter(f"{space}circle"))[-1]
    square = [e for e in root.iter(f"{space}rect") if e.get("width") == "8.0"][-1]
    assert float(circle.get("cy") or 0) > float(square.get("y") or 0) + 4  # SVG counts downwards
    assert float(circle.get("cx") or 0) < float(square.get("x") or 0)


def test_systems_that_were_not_found_are_left_out_of_the_picture() -> None:
    def sound(ms: float, visqol: float | None) -> dict[str, Any]:
        return {"sound": {"mouth_to_ear_ms": ms, "pesq": 3.0, "visqol": visqol, "word_errors": 0.1}}

    systems = {"ours": sound(50, None), "lost": sound(float("nan"), None)}
    results = {"lan": {"systems": systems}}
    assert [p.marks for p in lab.heard_panels(results, "word_errors", 100.0)] == [{"ours": (50, 10.0)}]
    assert lab.heard_panels(results, "visqol") == []
    drawn = lab.picture("title", results, [plot.Panel("lan", {}, {"ours": (40, 0.1)})])
    assert "PESQ" in drawn
    assert "ViSQOL" not in drawn
