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
from collections.abc import Coroutine, Iterator

from mediacore import EV_FLUSHED, EV_PLAY_START
from sipagent.call import Call, TransferError
from sipagent.config import Dialogue
from sipagent.dialogue.barge_in import SURELY_SPEECH_US, Hold, Judge, Verdict, Words
from sipagent.dialogue.clock import Clock, clock_us
from sipagent.dialogue.events import Listener, Notes
from sipagent.dialogue.hearing import HeardTurn, Hearing
from sipagent.dialogue.idle import IdleTimer
from sipagent.dialogue.ledger import BargeIn, Line, Turn
from sipagent.dialogue.playout import Playout
from sipagent.dialogue.records import Records
from sipagent.dialogue.remember import Remembrance
from sipagent.dialogue.reply import Reply, ReplyFailed, Think, ready_made
from sipagent.dialogue.reply_maker import ReplyMaker
from sipagent.dialogue.think import split
from sipagent.engines import EngineSet
from sipagent.engines.base import Act, BrainSession, HandOver, UserTurn
from sipagent.engines.clips import Apology
from sipagent.log import get_logger

AFTER_GOODBYE_S = 0.3  # the caller's own jitter buffer still plays when our last packet has left
MAX_FAILURES = 3  # failed turns in a row; then the call ends with an apology
FAREWELL = "We have reached the longest time a call can take. Thank you for calling. Goodbye."
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
        self._maker = ReplyMaker(self._leg, engines, cfg.tts_timeout_s, self._records)
        self._hearing = Hearing(
            *(self._leg.rate, engines.vad, engines.stt, cfg, clock),
            on_suspect=self._caller_may_speak,
            on_speech=self._caller_speaks,
            on_words=self._words_so_far,
            on_turn=self._caller_said,
            complete=session.complete,
        )
        self._reply: Reply | None = None  # the one that is being made or played
        self._task: asyncio.Task[None] | None = None
        self._finished: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._turns = 0
        self._failures = 0
        self._idle = 0
        self._idle_timer = IdleTimer(cfg.idle_s, self._nobody_speaks)
        self._judge = Judge(cfg.barge_in_min_words, cfg.backchannels)
        self._hold = Hold(self._playout)
        self._spoken_over: Reply | None = None  # during which the caller's newest sound began
        self._barge_in: BargeIn | None = None
        self._interrupted: Reply | None = None  # what a barge-in cut short, until the caller's words are known
        self._away = 0  # the leg is somebody else's meanwhile
        self._unheard_text = ""  # of a turn whose answer was taken back: it belongs before the next turn's

    async def run(self) -> None:
        """Greets, then answers until somebody hangs up."""
        loop = asyncio.get_running_loop()
        self._attach()
        limit = loop.call_later(max(1.0, self._cfg.max_duration_s - FAREWELL_S), self._time_is_up)
        reason = "cancelled"
        try:
            self._say(Reply(None), self._memory.greet)
            reason = await self._finished
            if reason != HANDED_OVER:
                await self._call.hangup()
        finally:
            limit.cancel()
            if reason != HANDED_OVER and not self._away:  # else the leg has other listeners by now
                self._detach()
            self._hearing.close()
            self._hold.stop()
            self._idle_timer.stop()
            await self._stop_task()
            self._end_reply(interrupted=True)
            await self._memory.close()
            self._notes.end(self._clock(), reason)

    # Doors for whoever has the call beside the brain.

    def speak(self, think: Think) -> bool:
        """The bot says something of its own. False: it is not its turn now, somebody speaks or is about to."""
        if self._reply is not None or self._away or self._hearing.speaking or self._hearing.deciding:
            return False
        self._say(Reply(None), think)
        return True

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
        self._on_hold(self._call.held)

    def _detach(self) -> None:
        self._idle_timer.stop()
        self._leg.on_audio = None
        self._call.on_event = None
        self._call.on_hold = None

    # What the caller does.

    def _on_hold(self, held: bool) -> None:
        """On hold the leg keeps what is queued, what comes is music and not the caller, and nobody is late."""
        self._leg.on_audio = None if held else self._hearing.on_audio
        self._idle_timer.hold(held)
        if not held and self._reply is None:
            self._idle_timer.arm()

    def _caller_may_speak(self, suspected: bool) -> None:
        if suspected and self._reply is not None and self._cfg.barge_in:
            self._playout.pause()
        elif not suspected and not self._hold.active:
            self._playout.go_on()

    def _caller_speaks(self, onset_us: int) -> None:
        self._idle = 0
        self._idle_timer.stop()
        if self._reply is None or self._interrupted is not None or not self._cfg.barge_in:
            return
        self._barge_in, self._spoken_over = BargeIn(onset_us, self._clock()), self._reply
        self._hold.begin()
        self._hearing.listen_closely()
        if self._judge.min_words == 0:
            self._cut(self._reply)

    def _words_so_far(self, words: Words) -> None:
        if self._reply is None or self._reply is not self._spoken_over or self._interrupted is not None:
            return
        verdict = self._judge(words, asked=self._asked(self._reply))
        if verdict is Verdict.YIELD:
            self._cut(self._reply)
        elif verdict is Verdict.GO_ON:
            self._log.info("no interruption", text=words.text, speech_ms=words.speech_us // 1000)
            self._hold.end()

    def _asked(self, reply: Reply) -> bool:
        """Whether "yeah" is an answer to `reply`, and not a backchannel: it ends with a question that is being put, or nothing
        of it was heard yet."""
        heard = self._playout.heard(reply.utterance)
        return not heard.samples or (reply.utterance.text.endswith("?") and len(split(heard.rest)) <= 1)

    def _cut(self, reply: Reply) -> None:
        """Falls silent now."""
        self._hold.stop()
        self._playout.flush()
        if self._task is not None:
            self._task.cancel()
        self._interrupted = reply

    def _settle(self) -> None:
        """The flush is confirmed: what was heard of the reply that was cut is known to the sample."""
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if reply.turn is not None and not self._playout.heard(reply.utterance).text:
            self._records.unsaid(reply)
            self._take_back(reply.turn)
            return
        if self._barge_in is not None:
            silent_us = self._playout.silent_us or self._clock()
            self._barge_in.stopped = max(self._barge_in.onset, silent_us)
            self._notes.barge_in(self._barge_in, self._clock())
        self._records.end(reply, interrupted=True)

    def _take_back(self, turn: Turn) -> None:
        """The caller went on before he heard a word of the answer: it was not the end of his turn."""
        self._memory.retract()
        self._unheard_text = turn.caller_heard
        self._turns -= 1
        self._interrupted = self._barge_in = None

    def _caller_said(self, heard: HeardTurn) -> None:
        if self._interrupted is None and not self._yields_to(heard):
            return
        if self._reply is not None:
            self._settle()  # no report of the flush came: the leg has stopped
        if self._hearing.speaking and heard.error is None:  # he goes on already
            self._unheard_text = f"{self._unheard_text} {heard.text}".strip()
            return
        interrupted, self._interrupted = self._interrupted, None
        barge_in, self._barge_in = self._barge_in, None
        if heard.error is not None:
            self._unheard_text = ""
            self._fail(Apology.HEARING, heard.error)
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
        )
        was_heard = self._playout.heard(interrupted.utterance).text if interrupted is not None else ""
        self._unheard_text = ""
        if heard.text:
            self._notes.line(Line(self._clock(), "caller", heard.text, heard.text))
        self._notes.turn(turn, "turn", self._clock())
        self._memory.caller_said(turn.caller_heard)
        said = UserTurn(turn.caller_heard, was_heard)
        self._say(Reply(turn), lambda: self._session.reply(said))

    def _yields_to(self, heard: HeardTurn) -> bool:
        """Whether what was said, perhaps while the bot spoke, is a turn; if not, the bot goes on."""
        reply, over, self._spoken_over = self._reply, self._spoken_over, None
        if over is None or (reply is not None and reply is not over):
            return reply is None  # barge_in = false, or it spoke up in the middle of the turn: it was not listening
        words = Words(heard.text, heard.speech_us, True, heard.error is not None)
        yields = self._judge(words, asked=self._asked(over)) is Verdict.YIELD
        if yields and reply is not None:
            self._cut(reply)
            return True
        self._barge_in = None
        if yields:
            return True
        if heard.text:
            self._notes.line(Line(self._clock(), "caller", heard.text, heard.text))
        if reply is None:
            self._idle_timer.arm()
        self._hold.end()
        return False

    def _no_words(self, interrupted: Reply | None, speech_us: int) -> None:
        """Noise, and what it cut short is said again from the clause that was not heard to its end; or speech that was not
        understood, and whoever spoke to the silence must hear so."""
        if interrupted is None:
            self._log.info("no words were heard", speech_ms=speech_us // 1000)
            if speech_us >= SURELY_SPEECH_US:
                self._apologise(Apology.HEARING)
            else:
                self._idle_timer.arm()
            return
        rest = self._playout.heard(interrupted.utterance).rest
        self._say(Reply(None), lambda: ready_made(rest, interrupted.acts))

    # What the bot does.

    def _say(self, reply: Reply, think: Think) -> None:
        self._start(reply, self._answer(reply, think))

    def _start(self, reply: Reply, work: Coroutine[None, None, None]) -> None:
        self._idle_timer.stop()
        self._reply = reply
        self._task = asyncio.get_running_loop().create_task(work)

    async def _answer(self, reply: Reply, think: Think) -> None:
        try:
            await self._maker.make(reply, think)
        except ReplyFailed as e:
            self._fail(e.apology, e)
            return
        self._failures = 0
        await self._played(reply)

    async def _apology(self, reply: Reply, apology: Apology) -> None:
        await self._maker.play(reply, apology)
        await self._played(reply)

    async def _played(self, reply: Reply) -> None:
        """Waits for the last sample to leave, then does what the answer asked for."""
        await self._maker.played(reply)
        self._end_reply(interrupted=False)
        if Act.HANGUP in reply.acts:
            await asyncio.sleep(AFTER_GOODBYE_S)
            self._finish("agent hung up")
            return
        for deed in reply.acts:
            if isinstance(deed, HandOver) and await self._hand_over(deed):
                return
        if self._reply is None:
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
            self._say(Reply(None), lambda: self._session.reply(told))
        return False

    def _fail(self, apology: Apology, error: Exception) -> None:
        """The caller hears why; after too many failures the call ends."""
        self._failures += 1
        self._log.error("the caller gets an apology", reason=str(error), apology=apology.name.lower(), failures=self._failures)
        self._end_reply(interrupted=True)
        self._apologise(Apology.GIVE_UP if self._failures >= MAX_FAILURES else apology)

    def _apologise(self, apology: Apology) -> None:
        reply = Reply(None, acts=[Act.HANGUP] if apology is Apology.GIVE_UP else [])
        reply.utterance.waiting.append(apology.value)
        self._records.line(reply)
        self._start(reply, self._apology(reply, apology))

    def _on_event(self, kind: int, a: int, b: int, t_us: int) -> None:
        self._playout.on_event(kind, a, b, t_us)
        if kind == EV_PLAY_START and self._reply is not None:
            self._records.first_packet(self._reply)
        elif kind == EV_FLUSHED and self._interrupted is not None and not self._playout.flushing:
            self._settle()

    def _end_reply(self, *, interrupted: bool) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            self._records.end(reply, interrupted=interrupted)

    async def _stop_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    # Time.

    def _nobody_speaks(self) -> None:
        if self._reply is not None or self._hearing.speaking or self._hearing.deciding:
            self._idle_timer.arm()
            return
        self._idle += 1
        self._say(Reply(None), lambda: self._session.idle(self._idle))

    def _time_is_up(self) -> None:
        self._log.info("the call reaches its longest time", limit_s=self._cfg.max_duration_s)
        if self._call.held or self._away:  # nobody hears a farewell
            self._finish("longest time reached on hold")
            return
        if self._reply is not None:
            self._playout.flush()
            self._end_reply(interrupted=True)
        if self._task is not None:
            self._task.cancel()
        self._say(Reply(None), lambda: ready_made(FAREWELL, [Act.HANGUP]))

    def _finish(self, reason: str) -> None:
        if not self._finished.done():
            self._finished.set_result(reason)
