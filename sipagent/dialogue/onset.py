# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound that may be the beginning of speech, known packets before a voice detector can tell: consonants and breath come first.

    quiet --louder than this line has been without speech--> suspected --the voice detector says speech--> quiet
                                                                  \\--it fell silent, or went on too long--> quiet

Whoever speaks may hold his tongue while something is suspected. Without clock or threads; times are microseconds of its sound.
How soon it and the voice detector find speech: `scripts/bench barge-in` and docs/decisions.md.
"""

from __future__ import annotations

from collections import deque

from mediacore.dsp import level_db

MIN_DB = -50.0  # full-scale square = 0; what is softer is no interruption
ABOVE_DB = 8.0  # over the loudest that was no speech lately
FORGET_DB_S = 3.0  # how fast that is forgotten
QUIET_US = 160_000  # of silence, and it was a click; a plosive's gap is shorter
GIVE_UP_US = 3_000_000  # a voice detector that is so far behind has failed
MAX_SUSPECT_US = 400_000  # sound that the voice detector has passed over for so long was no speech


class Onset:
    """One caller."""

    def __init__(self) -> None:
        self._ambient_db = MIN_DB
        self._at_us: int | None = None  # of _ambient_db
        self._young: deque[tuple[int, float]] = deque()  # packets that may yet turn out to be speech
        self._since_us: int | None = None
        self._loud_us = 0

    @property
    def suspected(self) -> bool:
        """It may have been the beginning of speech, as far as is known."""
        return self._since_us is not None

    def hear(self, pcm: bytes, t_us: int, judged_us: int, starting: bool) -> bool:
        """One packet, s16le; returns `suspected`. `judged_us`: up to where the voice detector has come; on a busy machine it is
        behind, and what it has not judged is not given up. `starting`: it has heard something and is about to decide."""
        half = len(pcm) // 4 * 2
        level = max(level_db(pcm[:half]), level_db(pcm[half:]))
        self._learn(t_us, judged_us)
        self._young.append((t_us, level))
        if level > max(MIN_DB, self._ambient_db + ABOVE_DB):
            self._loud_us = t_us
            if self._since_us is None:
                self._since_us = t_us
        if self._since_us is not None and not starting:
            quiet = judged_us - self._loud_us >= QUIET_US
            if quiet or judged_us - self._since_us >= MAX_SUSPECT_US or t_us - self._since_us >= GIVE_UP_US:
                self._since_us = None
        return self.suspected

    def spoken(self) -> None:
        """It was speech: nothing of it is to be learned from."""
        self._young.clear()
        self._since_us = None

    def _learn(self, t_us: int, judged_us: int) -> None:
        """The loudest of what was no speech, forgotten slowly."""
        if self._at_us is not None:
            self._ambient_db -= FORGET_DB_S * (t_us - self._at_us) / 1e6
        self._at_us = t_us
        while self._young and judged_us - self._young[0][0] >= MAX_SUSPECT_US:
            self._ambient_db = max(self._ambient_db, self._young.popleft()[1])
