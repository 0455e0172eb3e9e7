# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is to speak, when the caller makes a sound while the bot does (barge_in.py has the rules)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sipagent.config import Dialogue
from sipagent.dialogue.barge_in import Hold, Judge, Verdict, Words
from sipagent.dialogue.clock import Clock
from sipagent.dialogue.ledger import BargeIn
from sipagent.dialogue.playout import Playout
from sipagent.dialogue.replies import Replies
from sipagent.dialogue.reply import Reply
from sipagent.dialogue.think import split

# What the sounds turned out to be that callers of this process made while the agent spoke.
OUTCOMES: Counter[str] = Counter({"words": 0, "backchannel": 0, "noise": 0, "key": 0})


class Floor:
    """Of one call. `listen_closely`: the words are wanted while they are being said."""

    def __init__(
        self, cfg: Dialogue, playout: Playout, replies: Replies, clock: Clock, log: Any, listen_closely: Callable[[], None]
    ) -> None:
        self._allowed = cfg.barge_in
        self._playout, self._replies, self._clock, self._log = playout, replies, clock, log
        self._listen_closely = listen_closely
        self._judge = Judge(cfg.barge_in_min_words, cfg.backchannels)
        self._hold = Hold(playout)
        self._spoken_over: Reply | None = None  # during which the caller's newest sound began
        self.interrupted: Reply | None = None  # what a barge-in cut short, until the caller's words are known
        self.barge_in: BargeIn | None = None

    def suspected(self, may_speak: bool) -> None:
        """A sound that a voice detector has not judged yet; or it was nothing."""
        if may_speak and self._replies.current is not None and self._allowed:
            self._playout.pause()
        elif not may_speak and not self._hold.active:
            self._playout.go_on()

    def speech(self, onset_us: int) -> None:
        """The caller surely speaks, and perhaps over the bot."""
        reply = self._replies.current
        if reply is None or self.interrupted is not None or not self._allowed:
            return
        self.barge_in, self._spoken_over = BargeIn(onset_us, self._clock()), reply
        self._hold.begin()
        self._listen_closely()
        if self._judge.min_words == 0:
            self._yield(reply, "words")

    def key(self, pressed_us: int) -> bool:
        """The caller presses a key, which is no accident. False: the bot speaks and is not to be interrupted."""
        reply = self._replies.current
        if reply is None or self.interrupted is not None:
            return True
        if self._allowed:
            self.barge_in = BargeIn(pressed_us, self._clock())
            self._yield(reply, "key")
        return self._allowed

    def words(self, words: Words) -> None:
        """What he has said so far."""
        reply = self._replies.current
        if reply is None or reply is not self._spoken_over or self.interrupted is not None:
            return
        verdict = self._judge(words, asked=self._asked(reply))
        if verdict is Verdict.YIELD:
            self._yield(reply, "words")
        elif verdict is Verdict.GO_ON:
            self._log.info("no interruption", words=len(words.text.split()), speech_ms=words.speech_us // 1000)
            self._hold.end()

    def yields_to(self, words: Words) -> bool:
        """Whether the caller's whole turn, perhaps spoken over the bot, is to be answered; if not, the bot goes on."""
        if self.interrupted is not None:
            return True
        reply, over, self._spoken_over = self._replies.current, self._spoken_over, None
        if over is None or (reply is not None and reply is not over):
            return reply is None  # barge_in = false, or it spoke up in the middle of the turn: it was not listening
        yields = self._judge(words, asked=self._asked(over)) is Verdict.YIELD
        if yields and reply is not None:
            self._yield(reply, "words")
        else:
            if not yields:
                OUTCOMES["backchannel" if words.text else "noise"] += 1
            self.barge_in = None
            self._hold.end()
        return yields

    def cut(self, reply: Reply) -> None:
        """The bot yields: it falls silent now."""
        self._hold.stop()
        self._playout.flush()
        self._replies.cancel()
        self.interrupted, self._spoken_over = reply, None

    def stopped(self) -> BargeIn | None:
        """What was cut is silent: the interruption, if a sound was one, with its times."""
        if self.barge_in is not None:
            self.barge_in.stopped = max(self.barge_in.onset, self._playout.silent_us or self._clock())
        return self.barge_in

    def take(self) -> tuple[Reply | None, BargeIn | None]:
        """What was interrupted and how; that is settled then."""
        taken = self.interrupted, self.barge_in
        self.interrupted = self.barge_in = None
        return taken

    def release(self) -> None:
        """Whatever is said from now on is not to wait."""
        self._hold.end()

    def close(self) -> None:
        """Holds nothing any more."""
        self._hold.stop()

    def _yield(self, reply: Reply, to: str) -> None:
        OUTCOMES[to] += 1
        self.cut(reply)

    def _asked(self, reply: Reply) -> bool:
        """Whether "yeah" is an answer to `reply`, and not a backchannel: it ends with a question that is being put, or nothing
        of it was heard yet."""
        heard = self._playout.heard(reply.utterance)
        return not heard.samples or (reply.utterance.text.endswith("?") and len(split(heard.rest)) <= 1)
