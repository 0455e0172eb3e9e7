# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation's book-keeping: what is written down of a reply, and when."""

from __future__ import annotations

from typing import Any

from sipagent.dialogue.clock import Clock
from sipagent.dialogue.events import Notes
from sipagent.dialogue.ledger import Line
from sipagent.dialogue.playout import Playout
from sipagent.dialogue.remember import Remembrance
from sipagent.dialogue.reply import Reply


class Records:
    """Of one call. `log` is bound to it: callbacks of the leg run outside the call's context."""

    def __init__(self, notes: Notes, playout: Playout, memory: Remembrance, clock: Clock, log: Any) -> None:
        self.notes, self._playout, self._memory, self._clock, self._log = notes, playout, memory, clock, log

    def mark(self, reply: Reply, stage: str) -> None:
        """A stage of the reply's turn is reached; the first time counts."""
        if reply.turn is not None and getattr(reply.turn, stage) is None:
            setattr(reply.turn, stage, self._clock())

    def first_packet(self, reply: Reply) -> None:
        """Looks whether the reply's first sample is on the wire; then the turn's gap is known."""
        turn, segments = reply.turn, reply.utterance.segments
        if turn is None or turn.first_packet is not None or not segments:
            return
        turn.first_packet = self._playout.started_us(segments[0].start)
        if turn.first_packet is not None:
            self._log.info("turn", number=turn.number, gap_ms=turn.gap_ms, **turn.stages())
            if (over := turn.over_budget()) is not None:
                self._log.warning("turn over its budget", number=turn.number, gap_ms=turn.gap_ms, **over)
            self.notes.turn(turn, "turn", self._clock())

    def line(self, reply: Reply) -> None:
        """The whole text of the reply is known."""
        if not reply.utterance.text:
            return
        reply.line = Line(self._clock(), "agent", reply.utterance.text)
        reply.entry = self.notes.line(reply.line)
        if reply.turn is not None:
            reply.turn.agent_said = reply.utterance.text

    def unsaid(self, reply: Reply) -> None:
        """The reply is taken back before a word of it was heard; its turn goes on."""
        if reply.line is not None and reply.entry is not None:
            reply.line.heard, reply.line.interrupted = "", True
            self.notes.line_end(reply.entry, reply.line, self._clock())

    def end(self, reply: Reply, *, interrupted: bool) -> None:
        """The reply is over: writes down what was heard of it. Once."""
        heard = self._playout.heard(reply.utterance)
        self.first_packet(reply)
        if reply.over:
            return
        reply.over = True
        if reply.line is None:
            self.line(reply)
        if reply.line is not None and reply.entry is not None:
            reply.line.heard, reply.line.interrupted = heard.text, interrupted
            self.notes.line_end(reply.entry, reply.line, self._clock())
        if reply.turn is not None:
            reply.turn.agent_heard, reply.turn.interrupted = heard.text, interrupted
            self.notes.turn(reply.turn, "turn_end", self._clock())
        self._memory.answered(heard.text, reply.acts, interrupted=interrupted)
