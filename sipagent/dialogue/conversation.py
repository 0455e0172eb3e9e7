# SPDX-License-Identifier: GPL-3.0-or-later
"""One call's dialogue: hearing, thinking, speaking and playing at the same time, and the caller may interrupt all of it.

    leg.on_audio > ear > voice detector > turn detector > speech to text --(turn)--> brain > clauses > speech > leg.write
                              \\--(speech while the bot speaks)--> pause; words: flush, cancel, remember what was heard
    what may become speech already makes the bot pause; if it was nothing or a backchannel, it goes on at the next sample

Everything here runs on the event loop; one reply task exists at a time. A part that fails costs one answer: the caller hears
an apology that was recorded at start, the log gets a line, the call goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from mediacore import EV_FLUSHED, EV_PLAY_START
from sipagent.call import Call, TransferError
from sipagent.config import Dialogue
from sipagent.dialogue.barge_in import SURELY_SPEECH_US, Words
from sipagent.dialogue.clock import Clock, clock_us
from sipagent.dialogue.events import Listener, Notes
from sipagent.dialogue.floor import Floor
from sipagent.dialogue.hearing import HeardTurn, Hearing
from sipagent.dialogue.idle import IdleTimer
from sipagent.dialogue.keypad import Entry, Keypad
from sipagent.dialogue.ledger import Line, Turn
from sipagent.dialogue.playout import Playout
from sipagent.dialogue.preempt import Preempt
from sipagent.dialogue.records import Records
from sipagent.dialogue.remember import Remembrance
from sipagent.dialogue.replies import Replies
from sipagent.dialogue.reply import Reply, Think, ready_made
from sipagent.dialogue.reply_maker import ReplyMaker
from sipagent.engines import EngineSet
from sipagent.engines.base import Act, BrainSession, HandOver, UserTurn
from sipagent.engines.clips import Apology
from sipagent.log import get_logger

AFTER_GOODBYE_S = 0.3  # the caller's own jitter buffer still plays when our last packet has left
FAREWELL_S = 8.0  # before the limit
HANDED_OVER = "handed over"


class Conversation:
    """Runs one call. `run` returns when the bot has hung up; cancel it when the call has ended."""

    def __init__(
        self,
        call: Call,
        engines: EngineSet,
        session: BrainSession,
        cfg: Dialogue,
        listener: Listener | None = None,
        clock: Clock = clock_us,
    ) -> None:
        self._call, self._leg, self._engines, self._session, self._cfg = call, call.leg, engines, session, cfg
        self._clock = clock
        self._log = get_logger(__name__).bind(call=call.id)  # callbacks of the leg run outside the call's context
        self._notes = Notes(call, listener)
        self._playout = Playout(self._leg)
        self._memory = Remembrance(call.context, session, cfg.remember_turns, cfg.welcome_back)
        self._records = Records(self._notes, self._playout, self._memory, clock, self._log)
        self._replies = Replies(
            *(ReplyMaker(self._leg, engines, cfg, self._records), self._records, self._log),
            on_start=self._bot_speaks,
            on_played=self._bot_has_spoken,
        )
        self._preempt = Preempt(session, engines.tts, self._leg.rate, allowed=cfg.preemptive)
        self._hearing = Hearing(
            *(self._leg.rate, engines.vad, engines.stt, cfg, clock),
            on_suspect=lambda may_speak: self._floor.suspected(may_speak),
            on_speech=self._caller_speaks,
            on_words=lambda words: self._floor.words(words),
            on_guess=self._caller_may_have_said,
            on_turn=self._caller_said,
            complete=self._is_whole,
            turn_model=engines.turn,
        )
        self._keypad = Keypad(cfg, clock, self._is_whole, self._caller_entered)
        self._floor = Floor(cfg, self._playout, self._replies, clock, self._log, self._hearing.listen_closely)
        self._finished: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._turns = 0
        self._idle = 0
        self._idle_timer = IdleTimer(cfg.idle_s, self._nobody_speaks)
        self._away = 0  # the leg is somebody else's meanwhile
        self._unheard_text = ""  # of a turn whose answer was taken back: it belongs before the next turn's

    async def run(self) -> None:
        """Greets, then answers until somebody hangs up."""
        loop = asyncio.get_running_loop()
        self._attach()
        farewell = loop.call_later(max(1.0, self._cfg.max_duration_s - FAREWELL_S), self._time_is_up)
        limit = loop.call_later(max(1.0 + FAREWELL_S, self._cfg.max_duration_s), self._finish, "longest time reached")
        reason = "cancelled"
        try:
            self._replies.say(Reply(None), self._memory.greet)
            reason = await self._finished
            if reason != HANDED_OVER:
                await self._call.hangup()
        finally:
            farewell.cancel()
            limit.cancel()
            if reason != HANDED_OVER and not self._away:  # else the leg has other listeners by now
                self._detach()
            self._hearing.close()
            self._keypad.clear()
            self._floor.close()
            self._idle_timer.stop()
            await self._replies.close()
            await self._preempt.close()
            await self._memory.close()
            self._notes.end(self._clock(), reason)

    # Doors for whoever has the call beside the brain.

    @property
    def caller_busy(self) -> bool:
        """He speaks, presses keys, or has done so and his turn is not there yet."""
        return self._hearing.speaking or self._hearing.deciding or self._keypad.entering

    def speak(self, think: Think) -> bool:
        """The bot says something of its own. False: it is not its turn now, somebody speaks or is about to, or it is over."""
        if self._finished.done() or self._replies.current is not None or self._away or self.caller_busy:
            return False
        self._replies.say(Reply(None), think)
        return True

    def hush(self) -> None:
        """The bot says no more of what it is saying."""
        if self._replies.current is not None:
            self._playout.flush()
            self._replies.cancel()
            self._replies.end(interrupted=True)
            self._idle_timer.arm()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """The leg is somebody else's meanwhile: the bot hears nothing, says nothing, and nobody is late."""
        self._away += 1
        if self._away == 1:
            self._detach()
        try:
            yield
        finally:
            self._away -= 1
            if not self._away and not self._finished.done() and not self._call.ended.is_set():
                self._attach()

    def leave(self) -> None:
        """The caller is with somebody else: `run` returns, and does not hang up."""
        self._finish(HANDED_OVER)

    def _attach(self) -> None:
        self._call.on_event = self._on_event
        self._call.on_hold = self._on_hold
        self._call.on_dtmf = self._caller_presses
        self._on_hold(self._call.held)

    def _detach(self) -> None:
        self._idle_timer.hold(True)
        self._leg.on_audio = None
        self._call.on_event = None
        self._call.on_hold = None
        self._call.on_dtmf = None
        self._keypad.clear()
        self._floor.release()

    # What the caller does.

    def _on_hold(self, held: bool) -> None:
        """On hold the leg keeps what is queued, what comes is music and not the caller, and nobody is late."""
        self._leg.on_audio = None if held else self._hearing.on_audio
        self._idle_timer.hold(held)
        if not held:
            self._idle_timer.arm()

    def _caller_speaks(self, onset_us: int) -> None:
        self._idle = 0
        self._idle_timer.arm()
        self._floor.speech(onset_us)

    def _caller_presses(self, key: str, ms: int) -> None:
        if self._floor.key(self._clock() - 1000 * ms):
            self._idle = 0
            self._idle_timer.arm()
            self._keypad.press(key)

    def _caller_entered(self, entry: Entry) -> None:
        now = self._clock()
        self._floor.key(now)  # the bot may have spoken up since
        self._caller_said(HeardTurn(entry.keys, entry.last_us, now, now), keys=entry.keys)

    def _settle(self) -> None:
        """The flush is confirmed: what was heard of the reply that was cut is known to the sample."""
        reply = self._replies.take()
        if reply is None:
            return
        if reply.turn is not None and not self._playout.heard(reply.utterance).text:
            self._records.unsaid(reply)
            self._take_back(reply.turn)
            return
        if (barge_in := self._floor.stopped()) is not None:
            self._notes.barge_in(barge_in, self._clock())
        self._records.end(reply, interrupted=True)

    def _take_back(self, turn: Turn) -> None:
        """The caller went on before he heard a word of the answer: it was not the end of his turn."""
        self._memory.retract()
        self._unheard_text = turn.caller_heard
        self._turns -= 1
        self._hearing.cut_short()
        self._floor.take()

    def _caller_said(self, heard: HeardTurn, keys: str = "") -> None:
        if self._away:  # it came too late: he is with somebody else
            return
        if not self._floor.yields_to(Words(heard.text, heard.speech_us, True, heard.error is not None)):
            self._passed_over(heard.text)
            return
        if self._replies.current is not None:
            self._settle()  # no report of the flush came: the leg has stopped
        if (self._hearing.speaking or self._keypad.entering) and heard.error is None:  # he goes on already
            self._unheard_text = f"{self._unheard_text} {heard.text}".strip()
            return
        interrupted, barge_in = self._floor.take()
        if heard.error is not None:
            self._unheard_text = ""
            self._replies.fail(Apology.HEARING, heard.error)
            return
        if not heard.text and not self._unheard_text:
            self._no_words(interrupted, heard.speech_us)
            return
        self._turns += 1
        turn = Turn(
            self._turns,
            caller_heard=f"{self._unheard_text} {heard.text}".strip(),
            last_speech=heard.last_speech_us,
            end_of_turn=heard.end_of_turn_us,
            stt_final=heard.stt_final_us,
            barge_in=barge_in,
            engines=self._engines.names() | ({"stt": heard.engine} if heard.engine else {}),
            budget=self._cfg.budget,
        )
        said = self._turn_of(heard.text, interrupted, keys)
        self._unheard_text = ""
        if heard.text:
            self._notes.line(Line(self._clock(), "caller", heard.text, heard.text))
        self._notes.turn(turn, "turn", self._clock())
        self._memory.caller_said(turn.caller_heard)
        tokens, prepared = self._preempt.answer(said, turn.engines)
        self._replies.say(Reply(turn, prepared=prepared), lambda: tokens)

    def _turn_of(self, text: str, interrupted: Reply | None, keys: str = "") -> UserTurn:
        was_heard = self._playout.heard(interrupted.utterance).text if interrupted is not None else ""
        return UserTurn(f"{self._unheard_text} {text}".strip(), was_heard, keys=keys)

    def _is_whole(self, text: str) -> bool | None:
        """What the agent says about words or keys."""
        try:
            return self._session.complete(text)
        except Exception:  # somebody's script: the caller is answered a little later
            self._log.exception("the agent's script can't say whether a turn is complete")
            return None

    def _caller_may_have_said(self, text: str | None) -> None:
        """He pauses behind these words; or he goes on (None)."""
        if text is None:
            self._preempt.drop()
        elif self._replies.current is None and not self._keypad.entering:
            self._preempt.begin(self._turn_of(text, self._floor.interrupted))

    def _passed_over(self, text: str) -> None:
        """A backchannel or noise, over what the bot says or has said."""
        if text and self._cfg.barge_in:
            self._notes.line(Line(self._clock(), "caller", text, text))
        if self._replies.current is None:
            self._idle_timer.arm()

    def _no_words(self, interrupted: Reply | None, speech_us: int) -> None:
        """Noise, and what it cut short is said again from the clause that was not heard to its end; or speech that was not
        understood, and whoever spoke to the silence must hear so."""
        if interrupted is None:
            self._log.info("no words were heard", speech_ms=speech_us // 1000)
            if speech_us >= SURELY_SPEECH_US:
                self._replies.apologise(Apology.HEARING)
            else:
                self._idle_timer.arm()
            return
        rest = self._playout.heard(interrupted.utterance).rest
        self._replies.say(Reply(None), lambda: ready_made(rest, interrupted.acts))

    # What the bot does.

    def _bot_speaks(self) -> None:
        self._idle_timer.arm()
        self._floor.release()

    async def _bot_has_spoken(self, reply: Reply) -> None:
        """Does what the answer asked for."""
        if Act.HANGUP in reply.acts:
            await asyncio.sleep(AFTER_GOODBYE_S)
            self._finish("agent hung up")
            return
        for deed in reply.acts:
            if isinstance(deed, HandOver) and await self._hand_over(deed):
                return
        if self._replies.current is None:
            self._idle_timer.arm()

    async def _hand_over(self, deed: HandOver) -> bool:
        """False: he is still here, and the brain says how it goes on."""
        try:
            with self.away():
                await self._call.transfer(deed.uri, deed.via)
                self.leave()
            return True
        except TransferError as e:
            self._log.info("transfer failed", to=deed.uri, reason=str(e))
            told = UserTurn("", happened=f"the transfer failed: {e}")
        if not self._call.ended.is_set():
            tokens, _ = self._preempt.answer(told, {})
            self._replies.say(Reply(None), lambda: tokens)
        return False

    def _on_event(self, kind: int, a: int, b: int, t_us: int) -> None:
        self._playout.on_event(kind, a, b, t_us)
        if kind == EV_PLAY_START and self._replies.current is not None:
            self._records.first_packet(self._replies.current)
        elif kind == EV_FLUSHED and self._floor.interrupted is not None and not self._playout.flushing:
            self._settle()

    # Time.

    def _nobody_speaks(self) -> None:
        """The timer runs always, whatever became of who spoke last: a call is never left in silence."""
        if self._replies.current is not None or self.caller_busy:
            self._idle_timer.arm()
            return
        self._idle += 1
        if self._idle > self._cfg.idle_reminders:
            self._goodbye(self._cfg.goodbye_to_silence)
        else:
            self._replies.say(Reply(None), lambda: self._session.idle(self._idle))

    def _time_is_up(self) -> None:
        self._log.info("the call reaches its longest time", limit_s=self._cfg.max_duration_s)
        if self._call.held or self._away:  # nobody hears a farewell
            self._finish("longest time reached on hold")
            return
        self._keypad.clear()
        self._floor.take()
        if self._replies.current is not None:
            self._playout.flush()
            self._replies.end(interrupted=True)
        self._replies.cancel()
        self._goodbye(self._cfg.goodbye_at_limit)

    def _goodbye(self, text: str) -> None:
        self._replies.say(Reply(None), lambda: ready_made(text, [Act.HANGUP]))

    def _finish(self, reason: str) -> None:
        if not self._finished.done():
            self._finished.set_result(reason)
