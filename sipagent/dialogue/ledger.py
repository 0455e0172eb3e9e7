# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the time between a caller's last word and the answer goes: one entry a turn, one clock (clock.py), wire to wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sipagent.config_dialogue import Budget

# Stages of a turn in order, and the role of the engine that each waits for.
STAGES: Mapping[str, str] = {"endpoint": "vad", "stt": "stt", "brain": "brain", "tts": "tts", "wire": ""}


@dataclass(slots=True)
class Turn:
    """One caller turn and its answer. Times are microseconds; None = did not happen."""

    number: int
    caller_heard: str = ""
    agent_said: str = ""
    agent_heard: str = ""
    interrupted: bool = False
    last_speech: int | None = None  # the last loud sample of the caller, on the wire
    end_of_turn: int | None = None  # decided
    stt_final: int | None = None  # the text that was used existed
    first_token: int | None = None
    first_tts: int | None = None  # first sample of the answer existed
    first_packet: int | None = None  # and left
    barge_in: BargeIn | None = None  # how this turn began, when it interrupted
    engines: dict[str, str] = field(default_factory=dict)  # role -> name of the engine at work
    budget: Budget = field(default_factory=Budget)

    @property
    def gap_ms(self) -> float | None:
        """What the caller waited."""
        if self.last_speech is None or self.first_packet is None:
            return None
        return (self.first_packet - self.last_speech) / 1000

    def stages(self) -> dict[str, float]:
        """Milliseconds of each stage, in order. They add up to the gap: work hidden behind an earlier stage counts 0."""
        out: dict[str, float] = {}
        at = self.last_speech
        for name, t in zip(
            STAGES, (self.end_of_turn, self.stt_final, self.first_token, self.first_tts, self.first_packet), strict=True
        ):
            if at is None or t is None:
                continue
            out[f"{name}_ms"] = max(0, t - at) / 1000
            at = max(at, t)
        return out

    def over_budget(self) -> dict[str, Any] | None:
        """None = within it, or not answered. Else by how much, and the stage that is furthest over its own share."""
        gap_ms, limit_ms = self.gap_ms, self.budget.turn_ms
        if gap_ms is None or not limit_ms or gap_ms <= limit_ms:
            return None
        stages = {name.removesuffix("_ms"): ms for name, ms in self.stages().items()}
        stage = max(stages, key=lambda name: stages[name] - float(getattr(self.budget, f"{name}_ms")))
        return {
            "stage": stage,
            "engine": self.engines.get(STAGES[stage], ""),
            "stage_ms": stages[stage],
            "over_ms": gap_ms - limit_ms,
        }

    def to_dict(self) -> dict[str, Any]:
        """For the API, the record and the demo's report."""
        return {
            "turn": self.number,
            "caller_heard": self.caller_heard,
            "agent_said": self.agent_said,
            "agent_heard": self.agent_heard,
            "interrupted": self.interrupted,
            "gap_ms": self.gap_ms,
            "stages": self.stages(),
            "engines": dict(self.engines),
            "over_budget": self.over_budget(),
            "times_us": {
                "last_speech": self.last_speech,
                "end_of_turn": self.end_of_turn,
                "stt_final": self.stt_final,
                "first_token": self.first_token,
                "first_tts": self.first_tts,
                "first_packet": self.first_packet,
            },
            "barge_in": self.barge_in.to_dict() if self.barge_in is not None else None,
        }


@dataclass(slots=True)
class BargeIn:
    """An interruption. Times are microseconds."""

    onset: int  # the caller's first voiced sample, on the wire
    detected: int
    stopped: int | None = None  # the last sample of the bot left

    def to_dict(self) -> dict[str, Any]:
        """For the API."""
        latency = None if self.stopped is None else (self.stopped - self.onset) / 1000
        return {"onset_us": self.onset, "detected_us": self.detected, "stopped_us": self.stopped, "latency_ms": latency}


@dataclass(slots=True)
class Line:
    """One line of the transcript."""

    t_us: int
    who: str  # "caller" or "agent"
    text: str
    heard: str | None = None  # of an agent's line: what was played; None while it is being played
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For the API."""
        return {"t_us": self.t_us, "who": self.who, "text": self.text, "heard": self.heard, "interrupted": self.interrupted}
