# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn-taking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sipagent.config_types import Section

BACKCHANNELS = [
    "mhm",
    "mm hmm",
    "mm",
    "hm",
    "hmm",
    "uh huh",
    "uh",
    "um",
    "ah",
    "oh",
    "aha",
    "yeah",
    "yes",
    "yep",
    "okay",
    "ok",
    "right",
    "all right",
    "alright",
    "sure",
    "i see",
    "got it",
    "great",
    "good",
]


class Budget(Section):
    """What a turn may take, from the caller's last word to the answer on the wire, ms. A turn over it is logged, counted
    and marked in the ledger with the stage that is furthest over its share."""

    turn_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(default=1000.0, description="All of it. 0 = no budget.")
    endpoint_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(
        default=400.0, description="Until it is decided that he has ended; the silence that ends a turn is in it."
    )
    stt_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(default=250.0, description="Until his words are known.")
    brain_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(default=150.0, description="Until the answer begins.")
    tts_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(default=150.0, description="Until its first sound exists.")
    wire_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(default=50.0, description="Until that has left.")


class Dialogue(Section):
    """Turn-taking."""

    budget: Budget = Field(default_factory=Budget)

    agent: str = Field(
        default="reception",
        description='"echo", "reception", "play:FILE", a file that describes one ("desk.toml") or a program '
        '("desk.py", "desk.py:name", "package.module:name"): see docs/agents.md.',
    )
    facts: Path | None = Field(default=None, description="Fact file of the reception agent; none = the one it ships.")
    speech_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5, description="VAD probability that starts speech."
    )
    end_silence_ms: Annotated[int, Field(ge=100, le=3000)] = Field(
        default=300, description="Silence that ends a turn when the agent knows that it is complete."
    )
    end_silence_likely_ms: Annotated[int, Field(ge=100, le=3000)] = Field(
        default=600, description="Silence that ends a turn that seems complete by its words."
    )
    end_silence_incomplete_ms: Annotated[int, Field(ge=100, le=5000)] = Field(
        default=640, description="Silence that ends an unfinished one."
    )
    end_silence_adapts: bool = Field(
        default=True,
        description="end_silence_likely_ms falls to end_silence_ms for callers who never pause inside their turns.",
    )
    preemptive: bool = Field(
        default=True,
        description="Begin an answer while the caller may still go on; if he does, nothing of it is left.",
    )
    barge_in: bool = Field(default=True, description="The caller may interrupt the agent.")
    barge_in_min_words: Annotated[int, Field(ge=0, le=10)] = Field(
        default=1,
        description="Words that interrupt, backchannels not counted; until then the agent only pauses. 0 = any sound.",
    )
    backchannels: list[str] = Field(
        default=BACKCHANNELS, description="What a listener says without wanting the floor: the agent goes on."
    )
    keys_end_s: Annotated[float, Field(gt=0, le=60)] = Field(
        default=2.0, description="Keys that the caller presses are an entry when no other follows for so long."
    )
    keys_terminator: Literal["#", "*", ""] = Field(default="#", description='Key that ends an entry at once; "" = none.')
    stt_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="A recognition that takes longer is given up."
    )
    tts_timeout_s: Annotated[float, Field(gt=0)] = Field(default=5.0, description="A synthesis that takes longer is given up.")
    fillers: list[str] = Field(
        default=["One moment, please.", "I am still on it.", "It takes a little longer. Please stay on the line."],
        description="Said one after the other while a tool or the brain is slow; [] = nothing.",
    )
    filler_after_s: Annotated[float, Field(gt=0, le=60)] = Field(
        default=2.5, description="A brain that has said nothing for so long is slow; tools have a time of their own."
    )
    idle_s: Annotated[float, Field(gt=0)] = Field(
        default=20.0, description="Silence of both sides before the agent asks whether somebody is there."
    )
    idle_reminders: Annotated[int, Field(ge=0, le=100)] = Field(
        default=3, description="How often it asks in a row; after that silence it says goodbye. Agents may do so before."
    )
    goodbye_to_silence: str = Field(default="I can't hear anybody. Goodbye.", description="Last words to nobody.")
    max_duration_s: Annotated[float, Field(gt=0)] = Field(default=3600.0, description="Longest call, seconds.")
    goodbye_at_limit: str = Field(
        default="We have reached the longest time a call can take. Thank you for calling. Goodbye.",
        description="Last words of such a call, 8 s before its end; whoever talks over them is cut off at the limit.",
    )
    remember_turns: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=40, description="So many exchanges are remembered word for word; older ones as a summary."
    )
    welcome_back: str = Field(
        default="Welcome back.", description="First words to a caller who is back; the agent then goes on where they were."
    )
