# SPDX-License-Identifier: GPL-3.0-or-later
"""What was really played, to the sample. Every written piece of speech is a range of the output ring's sample counter; the
counter of what left on the wire, minus what a flush dropped, tells how much of which words the caller heard.

Between a flush and the core's report of it (EV_FLUSHED) nothing behind the last known position counts as heard.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mediacore import EV_FLUSHED, EV_PLAY_END, EV_PLAY_START
from sipagent.media import MediaLeg

CHAR_S = 0.065  # seconds a character of text takes to speak, for pieces whose synthesis was cut short
MAX_STARTS = 64
PAUSE_MS = 500  # a pause is renewed with each packet while something is suspected; a worker that is told no more goes on


@dataclass(slots=True)
class Segment:
    """One clause in the ring: samples [start, end), growing until `whole`."""

    text: str
    start: int
    end: int
    whole: bool = False


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
        self._starts: deque[tuple[int, int]] = deque(maxlen=MAX_STARTS)  # (sample, time): the ring came to life
        self._dropped: list[tuple[int, int]] = []
        self._unconfirmed: tuple[int, int] | None = None  # a flush whose report has not come
        self.silent_us: int | None = None  # since when nothing sounds; None = it sounds, or never did

    def flush(self) -> None:
        """Stops the leg's output now."""
        before = self._leg.played if self._unconfirmed is None else self._unconfirmed[0]
        self._unconfirmed = (before, self._leg.flush())

    def pause(self) -> None:
        """Falls silent and keeps what is queued, until `go_on` or `flush`, or PAUSE_MS have passed since it was last called."""
        self._leg.pause(PAUSE_MS)

    def go_on(self) -> None:
        """Ends a pause, at the very next sample."""
        self._leg.pause(0)

    @property
    def flushing(self) -> bool:
        """A flush waits for its report."""
        return self._unconfirmed is not None

    def on_event(self, kind: int, a: int, b: int, t_us: int) -> None:
        """Leg.on_event."""
        if kind == EV_PLAY_START:
            self._starts.append((a, t_us))
            self.silent_us = None
        elif self.silent_us is None and kind in (EV_PLAY_END, EV_FLUSHED):
            self.silent_us = t_us
        if kind == EV_FLUSHED:
            self._dropped.append((a, b))
            if self._unconfirmed is not None and b >= self._unconfirmed[1]:
                self._unconfirmed = None

    def heard_samples(self, start: int, end: int) -> int:
        """How many of the samples [start, end) were played."""
        played = min(end, self._leg.played)
        lost = [*self._dropped] + ([self._unconfirmed] if self._unconfirmed is not None else [])
        n = max(0, played - start)
        covered = start
        for a, b in sorted(lost):
            a, b = max(a, covered), min(b, played)
            if b > a:
                n -= b - a
                covered = b
        return max(0, n)

    def started_us(self, sample: int) -> int | None:
        """When `sample` left on the wire; None when it has not, or nobody can tell."""
        if self.heard_samples(sample, sample + 1) == 0:
            return None
        for first, t_us in reversed(self._starts):
            if first <= sample:
                return t_us + (sample - first) * 1_000_000 // self._leg.rate
        return None

    def heard(self, utterance: Utterance) -> Heard:
        """The words of `utterance` that were played. Inside a clause, time is shared out by letters."""
        said: list[str] = []
        rest: list[str] = []
        samples = 0
        for segment in utterance.segments:
            n = self.heard_samples(segment.start, segment.end)
            samples += n
            length = segment.end - segment.start
            if not segment.whole:
                length = max(length, int(len(segment.text) * CHAR_S * self._leg.rate))
            words = _words(segment.text, n / length if length else 0.0)
            said += words
            if n < length:
                rest.append(segment.text)
        return Heard(" ".join(said), " ".join([*rest, *utterance.waiting]), samples)

    def forget(self, before: int) -> None:
        """Nobody will ask about samples before this any more."""
        self._dropped = [(a, b) for a, b in self._dropped if b > before]


def _words(text: str, part: float) -> list[str]:
    """The words that end within the first `part` (0..1) of a clause."""
    words = text.split()
    total = sum(len(w) + 1 for w in words)
    out, at = [], 0
    for word in words:
        at += len(word) + 1
        if at > part * total + 1e-9:
            break
        out.append(word)
    return out
