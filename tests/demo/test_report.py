# SPDX-License-Identifier: GPL-3.0-or-later
"""The report says what happened, and a conversation that did not happen never passes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sipagent.demo import report
from sipagent.demo.measure import StereoFile
from sipagent.demo.report import Said

TEXTS = [
    "What time do you open?",
    "Where can I park the car?",
    "Stop, leave a message.",
    "Tell Martin it is Friday.",
    "Goodbye.",
]
SAID = [Said(text, i * 10_000_000, i * 10_000_000 + 2_000_000) for i, text in enumerate(TEXTS)]
EVENTS: list[dict[str, Any]] = [
    {"event": "answered", "t_us": 0, "codec": "opus"},
    {"event": "interrupted", "index": 2},
    {"event": "ended", "by": "bot", "code": 0, "lost": 0},
]
CALL: dict[str, Any] = {"state": "ended", "end_code": 0, "codec": "opus", "media": {"rx_lost": 1}}


def entry(number: int, heard: str, last_us: int | None, gap: float | None = 600.0, said: str = "Yes.") -> dict[str, Any]:
    return {
        "turn": number,
        "caller_heard": heard,
        "agent_said": said,
        "agent_heard": said,
        "interrupted": False,
        "gap_ms": gap,
        "stages": {"endpoint_ms": 300.04, "stt_ms": 200.0, "brain_ms": 1.0, "tts_ms": 90.0, "wire_ms": 9.0},
        "times_us": {"last_speech": last_us},
    }


def ledger() -> list[dict[str, Any]]:
    return [entry(i + 1, s.text, s.end_us - 50_000, 500.0 + 100 * i) for i, s in enumerate(SAID)]


def sound(seconds: float) -> np.ndarray:
    return np.full(int(seconds * 8000), 5000, np.int16)


def build(turns: list[report.Turn], **changes: Any) -> dict[str, Any]:
    for turn in turns:
        if turn.answered:
            turn.recording_gap_ms = (turn.gap_ms or 0) + 12
            turn.ledger_vs_recording_ms = 12.0
    given: dict[str, Any] = {
        "events": EVENTS,
        "recording": StereoFile(sound(5), sound(5), 8000, 0),
        "recording_path": "call.wav",
        "barge_in": None,
        "caller_ok": True,
        "call": CALL,
        "environment": {"machine": "m"},
    }
    return report.build(turns, **{**given, **changes})


def test_schema_of_a_good_report() -> None:
    made = json.loads(json.dumps(build(report.join(SAID, ledger()))))
    assert made["passed"] is True
    assert made["failures"] == []
    assert [t["caller_reference"] for t in made["turns"]] == TEXTS
    assert {"caller_reference", "caller_heard", "agent_said", "gap_ms", "stages"} <= set(made["turns"][0])
    assert made["turns"][0]["stages"]["endpoint_ms"] == 300.0
    assert made["word_error_rate"] == 0
    assert made["gap_p50_ms"] == 700
    assert made["gap_p95_ms"] == 880
    assert made["barge_in"] is None
    assert made["ledger_vs_recording_worst_ms"] == 12
    assert made["recording"] == "call.wav"
    assert made["machine"] == "m"


def test_an_utterance_heard_as_two_turns_is_one() -> None:
    rows = ledger()
    rows[1:2] = [
        entry(2, "Where can I", 11_000_000, None, ""),
        entry(3, "park the car?", 11_950_000, 640.0, "Behind the house."),
    ]
    turn = report.join(SAID, rows)[1]
    assert turn.caller_heard == "Where can I park the car?"
    assert (turn.agent_said, turn.gap_ms) == ("Behind the house.", 640.0)


def test_a_turn_of_nobody_belongs_to_nobody() -> None:
    rows = [*ledger(), entry(9, "noise", 5_000_000), entry(10, "more", None)]
    assert [t.caller_heard for t in report.join(SAID, rows)] == TEXTS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"caller_ok": False}, "caller's process"),
        ({"events": EVENTS[:-1]}, "hang up"),
        ({"events": [*EVENTS[:-1], {"event": "ended", "by": "caller"}]}, "hang up"),
        ({"call": {**CALL, "end_code": 408}}, "end cleanly"),
        ({"call": {}}, "end cleanly"),
        ({"recording": None}, "no recording"),
        ({"recording": StereoFile(sound(5), sound(1), 8000, 0)}, "bot's voice"),
        ({"recording": StereoFile(sound(0), sound(5), 8000, 0)}, "caller's voice"),
    ],
)
def test_what_went_wrong_fails(changes: dict[str, Any], words: str) -> None:
    made = build(report.join(SAID, ledger()), **changes)
    assert not made["passed"]
    assert any(words in text for text in made["failures"])


def test_misheard_turns_fail() -> None:
    rows = ledger()
    for row in rows[:2]:
        row["caller_heard"] = "watch dime dual hoping"
    made = build(report.join(SAID, rows))
    assert any("3 turns" in text for text in made["failures"])
    assert any("word error rate" in text for text in made["failures"])


def test_an_unanswered_turn_fails() -> None:
    rows = ledger()
    rows[3]["gap_ms"] = None
    assert any("no answer to" in text for text in build(report.join(SAID, rows))["failures"])


def test_an_answer_that_the_recording_lacks_fails() -> None:
    turns = report.join(SAID, ledger())
    made = build(turns)
    turns[0].recording_gap_ms = None
    found = report.failures(turns, 0.0, EVENTS, StereoFile(sound(5), sound(5), 8000, 0), True, CALL)
    assert made["passed"]
    assert any("recording has no answer" in text for text in found)


def interrupted(bot: list[tuple[float, float]], stopped_us: int | None = 20_160_000) -> dict[str, Any] | None:
    """The caller speaks from 20.1 to 22 s, the bot in these stretches of seconds."""
    left, right = np.zeros(8000 * 40, np.int16), np.zeros(8000 * 40, np.int16)
    left[int(20.1 * 8000) : 22 * 8000] = np.random.default_rng(1).integers(-6000, 6000, int(1.9 * 8000))
    for begin, end in bot:
        right[int(begin * 8000) : int(end * 8000)] = 5000
    rows = ledger()
    rows[2]["barge_in"] = {"onset_us": 20_130_000, "detected_us": 20_190_000, "stopped_us": stopped_us, "latency_ms": 30.0}
    return report.interruption(SAID, EVENTS, rows, StereoFile(left, right, 8000, 0))


def test_an_interruption_is_measured_from_the_callers_first_sound() -> None:
    found = interrupted([(18, 20.145), (24, 26)])
    assert found is not None
    assert found["sounded_ms"] == pytest.approx(45, abs=11)
    assert found["stopped_ms"] == pytest.approx(60, abs=11)
    assert found["decided_ms"] == pytest.approx(90, abs=11)


def test_a_pause_between_two_words_is_no_silence_after_the_interruption() -> None:
    found = interrupted([(18, 20.0), (24, 26)])
    assert found is not None
    assert found["sounded_ms"] is None
    assert found["stopped_ms"] == pytest.approx(60, abs=11)


def test_an_answer_that_goes_on_is_not_silenced() -> None:
    found = interrupted([(18, 21.5)])
    assert found is not None
    assert found["sounded_ms"] == pytest.approx(1400, abs=11)


def test_an_interruption_that_the_switch_did_not_notice_is_none() -> None:
    assert interrupted([(18, 21.5)], stopped_us=None) is None
    assert report.interruption(SAID, EVENTS, ledger(), StereoFile(sound(30), sound(30), 8000, 0)) is None
    assert report.interruption(SAID, [], ledger(), None) is None


def test_no_call_at_all_is_a_report_too() -> None:
    made = build([], events=[], recording=None, caller_ok=False, call={})
    assert not made["passed"]
    assert made["gap_p50_ms"] is None
    assert made["barge_in"] is None
