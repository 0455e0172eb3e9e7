# SPDX-License-Identifier: GPL-3.0-or-later
"""What was really played, to the sample. Every written piece of speech is a range of the output ring's sample counter; the
counter of what left on the wire, minus what a flush dropped, tells which words the caller heard.

Between a flush and the core's report of it (EV_FLUSHED) nothing behind the last known position counts as heard, and a report
that never comes leaves it so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import chain

from mediacore import EV_FLUSHED, EV_PLAY_END, EV_PLAY_START
from sipagent.dialogue.words import word_ends
from sipagent.engines.base import WordEnd
from sipagent.media import MediaLeg

CHAR_S = 0.065  # seconds a character of text takes to speak, until the voice has spoken a whole clause
MAX_TURNS = 128  # from silence to sound and back
MAX_FLUSHES = 256  # of a flush before so many others nobody asks any more
FADE_S = 0.005  # what a flush still plays
PAUSE_MS = 500  # a pause is renewed with each packet while something is suspected; a worker that is told no more goes on


@dataclass(slots=True)
class Segment:
    """One clause in the ring: samples [start, end), growing until `whole`."""

    text: str
    start: int
    end: int
    whole: bool = False
    words: list[WordEnd] = field(default_factory=list)  # as far as the voice tells


@dataclass(slots=True)
class Utterance:
    """Everything said in one go."""

    segments: list[Segment] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # clauses that exist and have no sound in the ring yet

    @property
    def text(self) -> str:
        return " ".join([*(s.text for s in self.segments), *self.waiting])

    @property
    def end(self) -> int:
        """Index one past its last sample written; 0 before the first."""
        return self.segments[-1].end if self.segments else 0


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of an utterance was played."""

    text: str  # whole words
    rest: str  # from the first clause that was not played to its end
    samples: int


class Playout:
    """Truth about one leg's output. Feed it the leg's events."""

    def __init__(self, leg: MediaLeg) -> None:
        self._leg = leg
        self._turns: deque[tuple[int, int | None]] = deque(maxlen=MAX_TURNS)  # (sample, time): it sounds; None: it stopped
        self._dropped: deque[tuple[int, int]] = deque(maxlen=MAX_FLUSHES)
        self._unconfirmed: list[tuple[int, int]] = []  # flushes whose report has not come
        self.silent_us: int | None = None  # since when nothing sounds; None = it sounds, or never did

    def flush(self) -> None:
        """Stops the leg's output now."""
        self._unconfirmed.append((self._leg.played, self._leg.flush()))

    def pause(self) -> None:
        """Falls silent and keeps what is queued, until `go_on` or `flush`, or PAUSE_MS have passed since it was last called."""
        self._leg.pause(PAUSE_MS)

    def go_on(self) -> None:
        """Ends a pause, at the very next sample."""
        self._leg.pause(0)

    @property
    def flushing(self) -> bool:
        """A flush waits for its report."""
        return bool(self._unconfirmed)

    def on_event(self, kind: int, a: int, b: int, t_us: int) -> None:
        """Leg.on_event."""
        if kind == EV_PLAY_START:
            self._turns.append((a, t_us))
            self.silent_us = None
        elif kind in (EV_PLAY_END, EV_FLUSHED):
            self._turns.append((a, None))
            if self.silent_us is None:
                self.silent_us = t_us
        if kind == EV_FLUSHED:
            self._confirm(a, b)

    def heard_samples(self, start: int, end: int) -> int:
        """How many of the samples [start, end) were played."""
        played = min(end, self._leg.played)
        n = max(0, played - start)
        covered = start
        for a, b in sorted(chain(self._dropped, self._unconfirmed)):
            a, b = max(a, covered), min(b, played)
            if b > a:
                n -= b - a
                covered = b
        return max(0, n)

    def started_us(self, sample: int) -> int | None:
        """When `sample` left on the wire; None when it has not, or nobody can tell."""
        if self.heard_samples(sample, sample + 1) == 0:
            return None
        for first, t_us in reversed(self._turns):
            if first <= sample:
                return None if t_us is None else t_us + (sample - first) * 1_000_000 // self._leg.rate
        return None

    def heard(self, utterance: Utterance) -> Heard:
        """The words of `utterance` that were played to their last sample."""
        said: list[str] = []
        rest: list[str] = []
        samples = 0
        char_s = self._char_s(utterance)
        for segment in utterance.segments:
            n = self.heard_samples(segment.start, segment.end)
            samples += n
            length = segment.end - segment.start
            if not segment.whole:
                length = max(length + 1, int(len(segment.text) * char_s * self._leg.rate))
            said += self._words(segment, length)
            if n < length:
                rest.append(segment.text)
        return Heard(" ".join(said), " ".join([*rest, *utterance.waiting]), samples)

    def _words(self, segment: Segment, length: int) -> list[str]:
        """Those of a clause of `length` samples that were played."""
        said, at, whole = [], 0, False
        for word, end in zip(segment.text.split(), word_ends(segment.text, segment.words, length), strict=True):
            if end > at:  # else there are more words than samples, and it goes with the one before
                whole = self.heard_samples(segment.start + at, segment.start + end) == end - at
            said += [word] if whole else []
            at = end
        return said

    def _char_s(self, utterance: Utterance) -> float:
        """How long this voice takes for a character."""
        whole = [s for s in utterance.segments if s.whole and s.text]
        letters = sum(len(s.text) for s in whole)
        return sum(s.end - s.start for s in whole) / letters / self._leg.rate if letters else CHAR_S

    def _confirm(self, a: int, b: int) -> None:
        """A flush is reported: played until `a`, goes on from `b`. The report is the newest's that it can be of, and stands for
        those that were obeyed with it. One that was obeyed before has lost its own: what it may have dropped was not heard."""
        reported = [flush for flush in self._unconfirmed if flush[1] <= b]
        self._unconfirmed = [flush for flush in self._unconfirmed if flush[1] > b]
        fade = int(FADE_S * self._leg.rate)
        self._dropped.extend((start, cut) for start, cut in reported[:-1] if cut <= a and cut - start > fade)
        self._dropped.append((a, b))
