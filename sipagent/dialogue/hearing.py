# SPDX-License-Identifier: GPL-3.0-or-later
"""The listening half of a conversation: ear, voice detector, endpointing and speech to text, joined.

Decoding starts early in a pause and runs beside everything else; its text, if the pause becomes the end of the turn, is there
when the end is decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sipagent.config import Dialogue
from sipagent.dialogue.barge_in import Words
from sipagent.dialogue.clock import Clock
from sipagent.dialogue.decoding import Decoded, Decoder
from sipagent.dialogue.ear import PREROLL_MS, Ear
from sipagent.dialogue.levels import speech_end, speech_start
from sipagent.dialogue.onset import Onset
from sipagent.dialogue.opinion import Opinion
from sipagent.dialogue.rhythm import Completeness, Rhythm
from sipagent.dialogue.turn import (
    STALL_US,
    EndOfTurn,
    Paused,
    Resumed,
    Speculate,
    SpeechStarted,
    TurnDetector,
    TurnEvent,
)
from sipagent.engines.base import EngineError, Stt, TurnModel, Vad

LATE_US = 60_000  # of silence that may be assumed behind the last judged window
MIN_WAIT_S = 0.01
FIRST_LOOK_US = 400_000  # of speech, to be read while it lasts; then at twice that, and so on
MAX_LOOK_S = 6
LOOK_BACK_S = 8  # of a long turn, for its speech level
LEAD_MS = 300  # audio before the detected onset that belongs to the turn


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """What the caller said. Times are microseconds on the wire."""

    text: str
    last_speech_us: int
    end_of_turn_us: int
    stt_final_us: int
    error: EngineError | None = None
    speech_us: int = 0  # from its first to its last sound
    engine: str = ""  # that understood him; empty = keys, or nobody did


class Hearing:
    """`on_suspect`: the caller may be beginning to speak (True, with each packet), or it was nothing (False);
    `on_speech(onset_us)`: he surely speaks, or speaks again after a pause; `on_words`: what he has said so far, in each pause,
    and if somebody `listens_closely` before it, too; `on_turn`: he has finished. `on_guess`: he has probably finished with this
    text, or has not, after all (None); after `on_turn` no guess holds. `complete` judges a text: None = by form."""

    def __init__(
        self,
        rate: int,
        vad: Vad,
        stt: Stt,
        cfg: Dialogue,
        clock: Clock,
        *,
        on_suspect: Callable[[bool], None],
        on_speech: Callable[[int], None],
        on_turn: Callable[[HeardTurn], None],
        complete: Callable[[str], bool | None],
        on_words: Callable[[Words], None] = lambda words: None,
        turn_model: TurnModel | None = None,
        on_guess: Callable[[str | None], None] = lambda text: None,
    ) -> None:
        self.ear = Ear(rate, vad, self._window)
        self._clock = clock
        self._on_suspect, self._on_speech, self._on_words, self._on_turn = on_suspect, on_speech, on_words, on_turn
        self._complete, self._on_guess = complete, on_guess
        self._decoder = Decoder(stt, rate, cfg.stt_timeout_s, clock, self._partial)
        self._opinion = Opinion(turn_model, rate)
        self._onset = Onset()
        self._rhythm = Rhythm(
            *(cfg.end_silence_ms, cfg.end_silence_likely_ms, cfg.end_silence_incomplete_ms), adapts=cfg.end_silence_adapts
        )
        self._detector = TurnDetector(cfg.speech_threshold, self._rhythm)
        self._ended_well = False  # the turn before
        self._pause_us = 0  # between it and this one
        self._timer: asyncio.TimerHandle | None = None
        self._judged = 0  # end of the newest judged window
        self._tasks: set[asyncio.Task[None]] = set()
        self._start = 0  # first sample of the turn
        self._fed = 0  # the recogniser has it up to here
        self._look_us: int | None = None  # look at the words when the turn lasts so long; None = not before a pause
        self._onset_us = 0
        self._so_far = ""  # words of this turn, from engines that hear while he speaks
        self._guessed: str | None = None  # words that were judged in this pause
        self._script_says: bool | None = None  # about them
        self._last_loud_us = 0
        self._taken = 0  # samples before this belong to an earlier turn

    @property
    def speaking(self) -> bool:
        """The caller is in a turn."""
        return self._detector.speaking

    @property
    def deciding(self) -> bool:
        """A turn is over and its text is not there yet."""
        return bool(self._tasks)

    def close(self) -> None:
        """Nothing is reported after this."""
        self.ear.close()
        self._decoder.end()
        self._opinion.forget()
        for task in self._tasks:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def listen_closely(self) -> None:
        """Tells the words of this turn also while they are being said."""
        self._look_us = FIRST_LOOK_US

    def cut_short(self) -> None:
        """The turn before this one was not over: the caller had only paused."""
        self._rhythm.went_on(self._pause_us)
        self._ended_well = False

    def on_audio(self, pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        """Leg.on_audio."""
        self.ear.on_audio(pcm, arrival_us, index, lost)
        if self._detector.speaking or lost:
            return
        heard_us, judged_us = (sample * 1_000_000 // self.ear.rate for sample in (index, self._judged))
        before = self._onset.suspected
        if self._onset.hear(pcm, heard_us, judged_us, self._detector.starting):
            self._on_suspect(True)
        elif before:
            self._on_suspect(False)

    def _window(self, start: int, end: int, probability: float) -> None:
        self._judged = end
        wire = self.ear.wire_us
        self._handle(self._detector.window(wire(start), wire(end), probability), end)
        if self._detector.talking:
            self._feed(end)
            self._look(end)

    def _feed(self, end: int) -> None:
        if end > self._fed:
            self._decoder.feed(self.ear.slice(self._fed, end))
            self._fed = end

    def _look(self, end: int) -> None:
        if self._look_us is not None and self.ear.wire_us(end) - self._onset_us >= self._look_us:
            self._look_us *= 2
            pcm = self.ear.slice(max(self._start, end - MAX_LOOK_S * self.ear.rate), end)
            self._decoder.look(pcm, lambda done: self._tell(done, over=False))

    def _partial(self, done: Decoded) -> None:
        self._so_far = done.text
        if self._look_us is not None and self._detector.talking:
            self._tell(done, over=False)

    def _tell(self, done: Decoded, *, over: bool) -> None:
        until = self._last_loud_us if over else self.ear.wire_us(self._judged)
        self._on_words(Words(done.text, until - self._onset_us, over, done.error is not None))

    def _handle(self, events: list[TurnEvent], end: int) -> None:
        for event in events:
            if isinstance(event, SpeechStarted):
                self._begin(event.onset_us, end)
            elif isinstance(event, Paused):
                self._look_for_end()
                self._guess(self._so_far)
                self._handle(self._detector.time(self.ear.wire_us(end)), end)
            elif isinstance(event, Resumed):
                self._decoder.forget()
                self._opinion.forget()
                self._guess_again()
                self._on_speech(event.at_us)
            elif isinstance(event, Speculate):
                self._look_for_end()
                self._speculate(event.number)
            elif isinstance(event, EndOfTurn):
                self._end()
        self._arm()

    def _begin(self, onset_us: int, end: int) -> None:
        self._onset.spoken()
        self._onset_us = onset_us
        self._pause_us = onset_us - self._last_loud_us
        onset = end - (self.ear.wire_us(end) - onset_us) * self.ear.rate // 1_000_000
        self._start = self._fed = self.ear.keep = max(self._taken, onset - LEAD_MS * self.ear.rate // 1000)
        self._so_far = ""
        self._decoder.begin()
        voiced = speech_start(self.ear.slice(self._start, end), self.ear.rate)
        self._on_speech(self.ear.wire_us(min(end, self._start + voiced)))

    def _look_for_end(self) -> None:
        """The voice detector holds on for some 50-150 ms after the last word; the level tells where it was."""
        start = max(self._start, self.ear.end - LOOK_BACK_S * self.ear.rate)
        n = speech_end(self.ear.slice(start, self.ear.end), self.ear.rate)
        last = start + n if n else self.ear.end
        self._taken = last
        self._last_loud_us = self.ear.wire_us(last)
        self._detector.silence_from(self._last_loud_us)

    def _speculate(self, number: int) -> None:
        self._feed(self.ear.end)
        said: list[Decoded] = []

        def text(done: Decoded) -> None:
            said.append(done)
            self._tell(done, over=True)
            judge()

        def judge() -> None:
            if said:
                self._judge(number, said[0])

        self._opinion.ask(self.ear.slice(self._start, self.ear.end), judge)
        self._decoder.finish(text)

    def _judge(self, number: int, done: Decoded) -> None:
        complete = Completeness.UNFINISHED if done.error is not None else self._guess(done.text)
        self._handle(self._detector.text(number, complete, self._clock()), self.ear.end)

    def _guess(self, text: str) -> Completeness:
        """What seems to be a whole turn is told at once."""
        if text != self._guessed:  # of the same words the agent is not asked again: its answer to them may be under way
            self._on_guess(None)
            self._guessed, self._script_says = text, self._complete(text) if text else None
        complete = self._opinion.complete(text, self._script_says)
        if complete is not Completeness.UNFINISHED:
            self._on_guess(text)
        return complete

    def _guess_again(self) -> None:
        """No guess holds any more."""
        self._guessed = self._script_says = None
        self._on_guess(None)

    def _end(self) -> None:
        self._look_for_end()
        if self._ended_well:
            self._rhythm.ended()
        self._ended_well = True
        if not self._decoder.finishing:
            self._feed(self.ear.end)
        decoding = self._decoder.take()
        self._opinion.forget()
        self.ear.keep = self._look_us = None
        task = asyncio.get_running_loop().create_task(self._report(decoding, self._onset_us, self._last_loud_us, self._clock()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _report(self, decoding: asyncio.Task[Decoded], onset_us: int, last_speech_us: int, decided_us: int) -> None:
        done = await decoding
        if (this := asyncio.current_task()) is not None:
            self._tasks.discard(this)
        spoken_us = last_speech_us - onset_us
        self._on_turn(HeardTurn(done.text, last_speech_us, decided_us, done.done_us, done.error, spoken_us, done.engine))
        self._guess_again()

    def _arm(self) -> None:
        """One timer: a late one is replaced, an early one only looks again."""
        deadline = self._detector.deadline()
        if deadline is None:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max(MIN_WAIT_S, (deadline - self._clock()) / 1e6)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._time)

    def _time(self) -> None:
        self._timer = None
        self._handle(self._detector.time(self._known_until()), self.ear.end)

    def _known_until(self) -> int:
        """Up to when we know whether the caller spoke. Late packets and a late voice detector are not silence; packets that
        have stopped coming are."""
        now = self._clock()
        if now - self.ear.last_arrival_us > STALL_US:
            return now
        return min(now, self.ear.wire_us(self._judged) + LATE_US)


assert LEAD_MS < PREROLL_MS
