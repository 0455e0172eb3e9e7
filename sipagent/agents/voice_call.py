# SPDX-License-Identifier: GPL-3.0-or-later
"""A call as a person's program has it: `async def on_call(call: VoiceCall)`.

Everything may be cancelled (asyncio.timeout, a task that is no longer wanted): words stop, who is being called is called no
more, and the call is whole. When the caller hangs up the program is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from pathlib import Path
from typing import Any, Unpack

from sipagent.agents import slots
from sipagent.agents.recorded import named
from sipagent.agents.slots import Kind, Value, Wanted
from sipagent.agents.slots.found import WantedKeys
from sipagent.agents.spelling import parse
from sipagent.agents.turns import Spoken, Turns
from sipagent.call import Call, CallRecording, TransferError
from sipagent.dialogue.conversation import AFTER_GOODBYE_S, Conversation
from sipagent.engines.base import UserTurn
from sipagent.log import get_logger
from sipagent.signalling.headers import Headers

__all__ = ["CallOver", "Spoken", "TransferError", "UserTurn", "VoiceCall"]

log = get_logger(__name__)

HEAR_S = 15.0
GOODBYE_S = 10.0  # for the last words to be spoken
OVER_S = 0.05  # a program that catches everything and tries again must not stop the loop, which carries all calls
FINISH_S = 0.5  # a caller who speaks when the time is over is heard out
TRIES = 3
KEYS = "0123456789*#ABCD"
AGAIN = "I am sorry, I did not understand that."


class CallOver(Exception):
    """The call has ended, or was handed over: nobody is there to speak with."""


class VoiceCall:
    """On the event loop. `call` has all that the switch knows: headers, identity, DTMF, legs."""

    TransferError = TransferError  # for `except` in a program that imports nothing

    def __init__(self, call: Call, turns: Turns, conversation: Conversation) -> None:
        self.call = call
        self._turns, self._conversation = turns, conversation
        self._answering = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._over = self._handed_over = False

    @property
    def caller(self) -> str:
        """URI of who calls: what a trusted peer asserts, else what he says himself."""
        return self.call.identity or self.call.remote_uri

    @property
    def headers(self) -> Headers:
        """Of the INVITE."""
        return self.call.headers

    @property
    def notes(self) -> dict[str, Any]:
        """Goes into the record of the call; JSON."""
        return self.call.notes

    @property
    def slots(self) -> dict[str, Any]:
        """What is kept of this caller, if the switch keeps conversations: filled again when he is back. JSON."""
        return self._turns.slots

    @property
    def answered(self) -> bool:
        """Whether `answer` has been called, by the program or by the first thing it said."""
        return self._running is not None

    async def ring(self) -> None:
        """The caller hears ringing."""
        await self.call.control.answer(180)

    async def answer(self) -> None:
        """Takes the call; it is recorded from here on if the switch records. CallOver: he hung up before."""
        await self._check()
        async with self._answering:
            if self._running is None:
                if not await self.call.board().answer(self.call):
                    raise CallOver("the call ended before it was answered")
                self._running = asyncio.create_task(self._run(), name=f"talk-{self.call.id}")

    async def say(self, text: str) -> Spoken:
        """Returns when the caller has heard it, or has interrupted it; what he said then is the next thing that is heard."""
        await self.answer()
        await self._check()
        if not any(c.isalnum() for c in text):
            return Spoken("", False)
        return await self._turns.say(text, self._conversation.speak, self._conversation.hush)

    async def play(self, path: str | Path) -> Spoken:
        """Plays a WAV file; like words, the caller can interrupt it. FileNotFoundError."""
        if not await asyncio.to_thread(Path(path).is_file):
            raise FileNotFoundError(f"{path}: no such file")
        return await self.say(named(Path.cwd() / path))

    async def hear(self, timeout_s: float | None = HEAR_S) -> UserTurn | None:
        """The caller's next turn: its `text`, and the `keys` if he pressed some. None: he said nothing for so long. After
        dialogue.idle_s without a word he is asked whether he is still there, whatever the time-out, and the call ends when he
        is not."""
        await self.answer()
        await self._check()
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._turns.hear()
            except TimeoutError:
                if not self._conversation.caller_busy:
                    return None
                timeout_s = FINISH_S

    async def ask(
        self,
        question: str,
        kind: Kind = "text",
        *,
        again: str = "",
        tries: int = TRIES,
        timeout_s: float = HEAR_S,
        **wanted: Unpack[WantedKeys],
    ) -> Value | None:
        """Puts a question and gives the answer's value (see `sipagent.agents.slots`); `again` is asked after an answer that was
        not understood, `tries` times in all. None: there was no answer."""
        want = Wanted(datetime.now(), **wanted)
        text = question
        for _ in range(tries):
            self._turns.whole = lambda said: slots.whole(kind, said, want)
            try:
                self._turns.forget()
                await self.say(text)
                turn = await self.hear(timeout_s)
            finally:
                self._turns.whole = lambda said: None
            found = None if turn is None else slots.find(kind, turn.text, want)
            if found is not None:
                return found.value
            text = again or f"{AGAIN} {question}"
        return None

    async def gather(self, question: str = "", *, digits: int = 16, timeout_s: float = HEAR_S) -> str:
        """Digits, pressed or spoken: all `digits` of them, or what he ended with the terminator (dialogue.keys_terminator) or a
        pause. "" = none within the time."""
        await self.answer()
        self._turns.forget()
        self._turns.whole = lambda said: True if len(_digits(said)) >= digits else None
        try:
            await self.say(question)
            while (turn := await self.hear(timeout_s)) is not None:
                if got := turn.keys or _digits(turn.text):
                    return got.strip("#")[:digits]  # the terminator alone: he has none
            return ""
        finally:
            self._turns.whole = lambda said: None

    async def transfer(self, uri: str, via: str = "") -> None:
        """Hands the caller over; afterwards the program has nothing more to do. TransferError: he was not taken, and is the
        program's again."""
        await self.answer()
        self._turns.silent()
        with self._conversation.away():
            await self.call.transfer(uri, via)
            self._over = self._handed_over = True
            self._conversation.leave()

    async def bridge(self, uri: str, via: str = "") -> None:
        """Joins the caller with somebody else until that one hangs up; then he is the program's again. TransferError: nobody
        answered. CallOver: that one has transferred him. Cancelled, the other one is hung up on."""
        await self.answer()
        self._turns.silent()
        with self._conversation.away():
            if not await self.call.bridge(uri, via):
                self._over = self._handed_over = True
                self._conversation.leave()
        await self._check()

    async def record(self, path: str | Path) -> CallRecording:
        """Records both sides from now on, caller left, bot right; .wav or .opus. It ends with the call, or by its `stop`. A
        call that the switch records already has that recording."""
        await self.answer()
        return self.call.board().record(self.call, Path(path))

    async def hangup(self, code: int = 0, reason: str = "") -> None:
        """Ends the call. Before the answer `code` refuses it (486, 603), and none is 480."""
        if self.answered and not self._over:
            await asyncio.sleep(AFTER_GOODBYE_S)
        self._over = True
        await self.call.hangup(code or (0 if self.answered else 480), reason)

    async def close(self, goodbye: str = "") -> None:
        """The program is over, or has failed (`goodbye` says so to the caller): the call ends, unless it was handed over."""
        if not self._over and not self.call.ended.is_set():
            if goodbye and self.answered:
                with contextlib.suppress(TimeoutError, CallOver):
                    await asyncio.wait_for(self.say(goodbye), GOODBYE_S)
            await self.hangup()
        if self._running is not None:
            if not self._handed_over:  # else it ends by itself, and the legs are somebody else's
                self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._conversation.run()
        except Exception:
            log.exception("the conversation failed")
            await self.call.hangup(500, "internal error")

    async def _check(self) -> None:
        if self._over or self.call.ended.is_set():
            await asyncio.sleep(OVER_S)
            raise CallOver("the call is over")


def _digits(text: str) -> str:
    """Keys as they are, and digits as they are said."""
    if text and all(c in KEYS for c in text):
        return text
    return "".join(c for c in parse(text, lenient=False) if c.isdigit())
