# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller makes a sound while the bot speaks: the bot holds its tongue at once, and goes on or yields when it is known what
that was. Without clock, audio or threads, but for `Hold`.

    sound --> the bot pauses --> words                           --> it yields: what is queued is dropped, the reply ends
                             \\-> "mhm", a cough, music, nothing --> it goes on at the very next sample
"""

from __future__ import annotations

import asyncio
import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sipagent.dialogue.playout import PAUSE_MS, Playout

SURELY_SPEECH_US = 800_000  # a cough or a knock is shorter
NOISE_US = 1_500_000  # of sound without a word: music, a crowd
UNFINISHED_MIN_WORDS = 2  # while he still speaks: what is recognised of half a word is a guess
RENEW_S = PAUSE_MS / 1000 / 2.5


class Verdict(enum.Enum):
    """What to do about a sound."""

    WAIT = "wait"
    GO_ON = "go on"
    YIELD = "yield"


@dataclass(frozen=True, slots=True)
class Words:
    """What is known of the sound."""

    text: str
    speech_us: int  # it lasts, or has lasted, so long
    over: bool  # the caller has paused
    failed: bool = False  # the recogniser has, and there is no text for that reason


class Judge:
    """Whether a sound is an interruption. `min_words`: of words that are no backchannel; 0 = any speech is one."""

    def __init__(self, min_words: int, backchannels: Iterable[str]) -> None:
        self.min_words = min_words
        # Longest first: "all right" before "all".
        self._backchannels = sorted({tuple(_words(b)) for b in backchannels} - {()}, key=len, reverse=True)

    def __call__(self, heard: Words, *, asked: bool) -> Verdict:
        """`asked`: the bot has put a question, or has not been heard yet; then any word counts."""
        if self.min_words == 0:
            return Verdict.YIELD
        if heard.failed:
            long = heard.speech_us >= SURELY_SPEECH_US
            return Verdict.YIELD if long else Verdict.GO_ON if heard.over else Verdict.WAIT
        n = len(_words(heard.text)) if asked else self.count(heard.text)
        long = heard.speech_us >= NOISE_US
        need = 1 if asked else self.min_words
        if n >= (need if heard.over or long else max(need, UNFINISHED_MIN_WORDS)):
            return Verdict.YIELD
        return Verdict.GO_ON if heard.over or (long and not heard.text) else Verdict.WAIT

    def count(self, text: str) -> int:
        """How many of the words are no backchannel."""
        words, n = _words(text), 0
        while words:
            known = next((len(b) for b in self._backchannels if tuple(words[: len(b)]) == b), 0)
            n += not known
            del words[: known or 1]
        return n


class Hold:
    """Keeps one leg's output paused, however long it takes to decide. A process that hangs lets go by itself."""

    def __init__(self, playout: Playout) -> None:
        self._playout = playout
        self._timer: asyncio.TimerHandle | None = None

    @property
    def active(self) -> bool:
        """Between `begin` and `end`."""
        return self._timer is not None

    def begin(self) -> None:
        """Silent from the next packet on."""
        self._playout.pause()
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(RENEW_S, self.begin)

    def end(self) -> None:
        """Goes on where it stopped."""
        if self.active:
            self.stop()
            self._playout.go_on()

    def stop(self) -> None:
        """Renews no more: somebody flushes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("\u2019", "'"))
