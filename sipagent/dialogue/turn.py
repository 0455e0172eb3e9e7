# SPDX-License-Identifier: GPL-3.0-or-later
"""When has the caller finished? A state machine without clock, audio or threads: windows, texts and times in, events out.

    IDLE --speech--> ONSET --enough of it--> SPEECH --silence--> PAUSE --long enough--> end of turn, IDLE
                       \\--it was nothing--> IDLE       \\<--speech resumes--/

A pause ends the turn early when the text so far is complete, late when it is not (rhythm.py). The text comes from decoding the
turn during the pause already (`Speculate`); what was decoded is worthless when speech resumes (`Resumed`). All times are
microseconds on the wire.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipagent.dialogue.rhythm import Completeness, Rhythm

RELEASE = 0.15  # hysteresis: speech goes on while the probability is above threshold - RELEASE
MIN_SPEECH_US = 60_000  # two windows of 32 ms
SPECULATE_US = 150_000
STALL_US = 150_000  # no window for so long during speech: the packets have stopped
MAX_REFINE_US = 200_000  # a level says so much earlier than the voice detector at most that speech is over: voices fade
MAX_TURN_US = 30_000_000


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    onset_us: int


@dataclass(frozen=True, slots=True)
class Paused:
    """Speech seems to have ended at `silence_us`; a finer time may be given to `silence_from`."""

    silence_us: int


@dataclass(frozen=True, slots=True)
class Speculate:
    """Decode the turn so far and report to `text` with this number."""

    number: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """He goes on: forget what was decoded."""

    at_us: int


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The turn is over."""

    at_us: int


TurnEvent = SpeechStarted | Paused | Speculate | Resumed | EndOfTurn


class _State(enum.Enum):
    IDLE = enum.auto()
    ONSET = enum.auto()
    SPEECH = enum.auto()
    PAUSE = enum.auto()


class TurnDetector:
    """One caller."""

    def __init__(self, threshold: float, rhythm: Rhythm) -> None:
        self._threshold = threshold
        self._release = max(0.05, threshold - RELEASE)
        self._rhythm = rhythm
        self._state = _State.IDLE
        self._onset_us = 0
        self._voiced_us = 0
        self._last_us = 0  # end of the last window that held speech
        self._window_us = 0  # end of the newest window
        self._silence_us = 0
        self._number = 0
        self._speculated = False
        self._complete: Completeness | None = None  # the text's verdict for this pause

    @property
    def speaking(self) -> bool:
        """In a turn: from the confirmed start to the end of turn."""
        return self._state in (_State.SPEECH, _State.PAUSE)

    @property
    def talking(self) -> bool:
        """In a turn, and not in a pause of it."""
        return self._state is _State.SPEECH

    @property
    def starting(self) -> bool:
        """Speech was heard; whether it is enough of it is not known yet."""
        return self._state is _State.ONSET

    @property
    def waiting_for(self) -> int:
        """Number of the newest speculation."""
        return self._number

    def window(self, start_us: int, end_us: int, probability: float) -> list[TurnEvent]:
        """One judged window."""
        self._window_us = end_us
        speech = probability >= (self._threshold if self._state in (_State.IDLE, _State.PAUSE) else self._release)
        if not speech:
            return self._quiet(end_us)
        self._last_us = end_us
        if self._state is _State.IDLE:
            self._state, self._onset_us, self._voiced_us = _State.ONSET, start_us, 0
        self._voiced_us += end_us - start_us
        if self._state is _State.ONSET and self._voiced_us >= MIN_SPEECH_US:
            self._state = _State.SPEECH
            return [SpeechStarted(self._onset_us)]
        if self._state is _State.PAUSE:
            self._state = _State.SPEECH
            self._number += 1
            self._rhythm.went_on(start_us - self._silence_us)
            return [Resumed(start_us)]
        if self._state is _State.SPEECH and end_us - self._onset_us >= MAX_TURN_US:
            return [self._end(end_us)]
        return []

    def silence_from(self, t_us: int) -> None:
        """The pause began at `t_us` by a finer measure than the window's."""
        if self._state is _State.PAUSE:
            self._silence_us = min(max(t_us, self._last_us - MAX_REFINE_US), self._window_us)

    def text(self, number: int, complete: Completeness, now_us: int) -> list[TurnEvent]:
        """What a speculation found out. A number that is no longer valid is ignored."""
        if self._state is not _State.PAUSE or number != self._number:
            return []
        self._complete = complete
        return self.time(now_us)

    def time(self, now_us: int) -> list[TurnEvent]:
        """Time has passed."""
        events: list[TurnEvent] = []
        if self._state is _State.SPEECH and now_us - self._window_us >= STALL_US:
            events += self._pause()
        if self._state is not _State.PAUSE:
            return events
        silence = now_us - self._silence_us
        if silence >= min(SPECULATE_US, self._rhythm.wait_us(Completeness.SURE)) and not self._speculated:
            self._speculated = True
            events.append(Speculate(self._number))
        if silence >= self._rhythm.wait_us(self._complete):
            events.append(self._end(now_us))
        return events

    def deadline(self) -> int | None:
        """When `time` must be called at the latest; None = not needed."""
        if self._state is _State.SPEECH:
            return self._window_us + STALL_US
        if self._state is not _State.PAUSE:
            return None
        if not self._speculated:
            return self._silence_us + min(SPECULATE_US, self._rhythm.wait_us(Completeness.SURE))
        return self._silence_us + self._rhythm.wait_us(self._complete)

    def _quiet(self, end_us: int) -> list[TurnEvent]:
        if self._state is _State.ONSET:
            self._state = _State.IDLE
        if self._state is _State.SPEECH:
            return self._pause()
        return self.time(end_us) if self._state is _State.PAUSE else []

    def _pause(self) -> list[TurnEvent]:
        self._state = _State.PAUSE
        self._silence_us = self._last_us
        self._number += 1
        self._speculated, self._complete = False, None
        return [Paused(self._last_us)]

    def _end(self, now_us: int) -> EndOfTurn:
        self._state = _State.IDLE
        return EndOfTurn(now_us)


# Words that a finished sentence does not end with.
_DANGLING_WORDS = """
a an the and or but so because if when that which who to of in on at for from with by about into my your our their his its
is are was were am be i i'd i'll i'm we'd um uh er erm hmm like want need please can could would will do does did
"""
_DANGLING = frozenset(_DANGLING_WORDS.split())
_FINISHED_ANYWAY = frozenset(
    {"i am", "we are", "it is", "i do", "i did", "i will", "yes i can", "yes please", "go on", "come in"}
)


def looks_complete(text: str) -> bool:
    """Whether a sentence may be over, by its form alone."""
    said = text.strip().lower()
    if not said or said.endswith((",", "...", "-", "\u2014", "\u2026", ":", ";")):
        return False
    words = said.rstrip(".!?").replace(",", " ").split()
    if not words:
        return False
    if " ".join(words[-2:]) in _FINISHED_ANYWAY or (words[-1] == "please" and len(words) > 1):
        return True
    return words[-1] not in _DANGLING
