# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the caller did, what the switch's ledger says and what the recording holds to the demo's report and its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sipagent.demo.measure import StereoFile
from sipagent.demo.words import edits, normal_words, word_error_rate

MIN_TURNS = 4
MAX_WER = 0.15
MAX_TURN_WER = 0.5  # a turn with more was not understood
MIN_SPEECH_S = 3.0  # on each side of the recording
AGREEMENT_MS = 40.0  # ledger against recording
LATE_US = 500_000  # the switch hears an utterance's end so much after it was sent, at most


@dataclass(frozen=True)
class Said:
    """An utterance as the caller sent it."""

    text: str
    start_us: int
    end_us: int


@dataclass
class Turn:
    """One utterance and its answer. Times in ms."""

    caller_reference: str
    caller_heard: str = ""
    agent_said: str = ""
    gap_ms: float | None = None
    stages: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False  # the caller cut this answer short
    recording_gap_ms: float | None = None
    ledger_vs_recording_ms: float | None = None

    @property
    def words(self) -> int:
        return len(normal_words(self.caller_reference))

    @property
    def words_wrong(self) -> int:
        return edits(normal_words(self.caller_reference), normal_words(self.caller_heard))

    @property
    def understood(self) -> bool:
        return bool(self.caller_heard) and self.words_wrong <= MAX_TURN_WER * self.words

    @property
    def answered(self) -> bool:
        return bool(self.agent_said) and self.gap_ms is not None


def join(said: Sequence[Said], ledger: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """The ledger's turns laid beside the utterances, by time. An utterance that was taken for several turns is one here: its
    words together, its last answer."""
    turns = [Turn(s.text) for s in said]
    for entry in ledger:
        index = utterance_of(said, entry)
        if index is None:
            continue
        turn = turns[index]
        turn.caller_heard = f"{turn.caller_heard} {entry['caller_heard'] or ''}".strip()
        turn.agent_said = entry["agent_said"] or turn.agent_said
        if entry["gap_ms"] is not None:
            turn.gap_ms = float(entry["gap_ms"])
            turn.stages = {k: round(float(v), 1) for k, v in entry["stages"].items() if v is not None}
            turn.interrupted = bool(entry["interrupted"])
    return turns


def utterance_of(said: Sequence[Said], entry: Mapping[str, Any]) -> int | None:
    """Index of the utterance that a turn of the ledger answered; None when it belongs to none."""
    last_us = entry["times_us"].get("last_speech")
    if last_us is None:
        return None
    return next((i for i, s in enumerate(said) if s.start_us <= last_us <= s.end_us + LATE_US), None)


def compare(turns: Sequence[Turn], said: Sequence[Said], recording: StereoFile) -> None:
    """Measures each answered turn's gap in the recording."""
    for turn, utterance in zip(turns, said, strict=True):
        turn.recording_gap_ms = recording.gap_ms(utterance.start_us, utterance.end_us)
        if turn.recording_gap_ms is not None and turn.gap_ms is not None:
            turn.ledger_vs_recording_ms = round(turn.recording_gap_ms - turn.gap_ms, 1)


def build(
    turns: Sequence[Turn],
    *,
    events: Sequence[Mapping[str, Any]],
    recording: StereoFile | None,
    recording_path: str,
    barge_in: Mapping[str, Any] | None,
    caller_ok: bool,
    call: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> dict[str, Any]:
    """The report. `events`: what the caller process told; `call`: the switch's own record of the call."""
    gaps = [t.gap_ms for t in turns if t.gap_ms is not None]
    wer = word_error_rate([(t.caller_reference, t.caller_heard) for t in turns])
    report: dict[str, Any] = {
        "turns": [asdict(t) for t in turns],
        "word_error_rate": round(wer, 4),
        "gap_p50_ms": _percentile(gaps, 50),
        "gap_p95_ms": _percentile(gaps, 95),
        "barge_in": barge_in,
        "ledger_vs_recording_worst_ms": max(
            (abs(t.ledger_vs_recording_ms) for t in turns if t.ledger_vs_recording_ms is not None), default=None
        ),
        "recording": recording_path,
        "codec": _of("answered", "codec", events),
        "lost_packets": {"caller_to_bot": call.get("media", {}).get("rx_lost"), "bot_to_caller": _of("ended", "lost", events)},
        **environment,
    }
    report["failures"] = failures(turns, wer, events, recording, caller_ok, call)
    report["passed"] = not report["failures"]
    return report


def failures(
    turns: Sequence[Turn],
    wer: float,
    events: Sequence[Mapping[str, Any]],
    recording: StereoFile | None,
    caller_ok: bool,
    call: Mapping[str, Any],
) -> list[str]:
    """Why this was no conversation; empty when it was one."""
    found = []
    good = sum(t.understood and t.answered for t in turns)
    if good < MIN_TURNS:
        found.append(f"{good} turns were understood and answered, at least {MIN_TURNS} are needed")
    if wer > MAX_WER:
        found.append(f"word error rate {wer:.1%}, at most {MAX_WER:.0%} is allowed")
    found += [f'no answer to "{t.caller_reference}"' for t in turns if not t.answered]
    if not caller_ok:
        found.append("the caller's process failed")
    if _of("ended", "by", events) != "bot":
        found.append("the bot did not hang up after the goodbye")
    if call.get("state") != "ended" or call.get("end_code") != 0:
        found.append(f"the call did not end cleanly: state {call.get('state')}, code {call.get('end_code')}")
    if recording is None:
        found.append("there is no recording")
    else:
        for side, seconds in zip(("caller", "bot"), recording.speech_s(), strict=True):
            if seconds < MIN_SPEECH_S:
                found.append(
                    f"the recording holds {seconds:.1f} s of the {side}'s voice, at least {MIN_SPEECH_S:g} s are needed"
                )
        found += [
            f'the recording has no answer to "{t.caller_reference}"' for t in turns if t.answered and t.recording_gap_ms is None
        ]
    return found


def interruption(
    said: Sequence[Said], events: Sequence[Mapping[str, Any]], ledger: Sequence[Mapping[str, Any]], recording: StereoFile | None
) -> dict[str, Any] | None:
    """How fast the bot was silenced, in ms from the caller's first speech in the recording; None when nobody interrupted, or
    the switch did not notice.

    stopped_ms: until its playing stood still, by the ledger, in a word or between two.
    sounded_ms: until its last sound in the recording; None when it was between two words, for then that says nothing.
    decided_ms: until the voice detector was sure."""
    index = _of("interrupted", "index", events)
    if index is None or recording is None:
        return None
    found = recording.interruption(said[index].start_us, said[index].end_us)
    cut = next((e["barge_in"] for e in ledger if e.get("barge_in") and utterance_of(said, e) == index), None)
    if found is None or cut is None or cut["stopped_us"] is None:
        return None
    return {
        "stopped_ms": round((cut["stopped_us"] - found.onset_us) / 1000, 1),
        "decided_ms": round((cut["detected_us"] - found.onset_us) / 1000, 1),
        "sounded_ms": None if found.between_words else round(found.sounded_ms, 1),
    }


def _of(name: str, key: str, events: Sequence[Mapping[str, Any]]) -> Any:
    return next((e.get(key) for e in events if e["event"] == name), None)


def _percentile(values: Sequence[float], q: float) -> float | None:
    return round(float(np.percentile(values, q)), 1) if values else None
