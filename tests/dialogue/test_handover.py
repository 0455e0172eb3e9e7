# SPDX-License-Identifier: GPL-3.0-or-later
"""A brain hands the caller over, and what becomes of the conversation."""

from __future__ import annotations

import asyncio

from sipagent.call import Call, TransferError
from sipagent.dialogue.reply import ready_made
from sipagent.engines.base import Act, Answer, HandOver, UserTurn
from tests.dialogue.conftest import GREETING, Stage

DESK = "sip:desk@192.0.2.1"


class Board:
    """A switchboard on which somebody answers after a second, or nobody."""

    def __init__(self, stage: Stage, *, busy: bool) -> None:
        self.stage, self.busy = stage, busy
        self.asked: list[tuple[str, str]] = []
        self.pending: list[int] = []
        self.listening: list[bool] = []

    async def transfer(self, call: Call, uri: str, via: str) -> None:
        self.asked.append((uri, via))
        self.pending.append(call.leg.pending)
        self.stage.say("are you there", 0.5)  # he talks to the ringing tone
        await asyncio.sleep(1.0)
        self.listening.append(call.leg.on_audio is not None)
        if self.busy:
            raise TransferError(486, "Busy Here")
        call.on_hold = self.hold

    def hold(self, on: bool) -> None:
        """The join's own."""

    async def consult(self, call: Call, uri: str, via: str) -> Call:
        raise NotImplementedError

    async def connect(self, call: Call, other: Call) -> None:
        raise NotImplementedError

    async def release(self, call: Call, other: Call) -> None:
        raise NotImplementedError


def play(stage: Stage, board: Board) -> None:
    stage.script.answers["a person please"] = Answer("One moment.", (HandOver(DESK, "trunk"),))
    stage.script.answers[""] = Answer("Nobody is free.")

    async def scene() -> None:
        assert stage.call is not None
        stage.call.switchboard = board
        await stage.quiet()
        stage.say("a person please")
        await asyncio.sleep(0.1)
        await stage.quiet(1.5)
        stage.say("thank you then")
        await stage.quiet(1.5)

    stage.play(scene())


def test_a_caller_who_is_handed_over_is_let_go_of_after_the_last_word(stage: Stage) -> None:
    board = Board(stage, busy=False)
    play(stage, board)
    assert board.asked == [(DESK, "trunk")]
    assert board.pending == [0]
    assert board.listening == [False]
    assert stage.finished
    assert not stage.control.hung_up
    assert stage.call is not None
    assert stage.call.on_hold == board.hold  # what the new holder of the call has set stays
    assert stage.lines("agent") == [GREETING, "One moment."]


def test_when_nobody_takes_him_the_brain_hears_why_and_the_conversation_goes_on(stage: Stage) -> None:
    board = Board(stage, busy=True)
    play(stage, board)
    assert not stage.finished
    assert UserTurn("", happened="the transfer failed: 486 Busy Here") in stage.script.turns
    assert stage.lines("agent") == [GREETING, "One moment.", "Nobody is free.", "You said thank you then"]
    assert "are you there" not in stage.lines("caller")


def test_after_the_end_nobody_speaks(stage: Stage) -> None:
    """A program that has more to say when the conversation is over is not heard, and tells no listener."""
    stage.script.answers["bye"] = Answer("Goodbye.", (Act.HANGUP,))

    async def scene() -> None:
        await stage.quiet()
        stage.say("bye")
        await asyncio.sleep(0.1)
        await stage.quiet(2.0)
        assert stage.talk is not None
        assert not stage.talk.speak(lambda: ready_made("One thing more.", []))
        await asyncio.sleep(5)

    stage.play(scene())
    assert stage.finished
    assert stage.lines("agent") == [GREETING, "Goodbye."]
    assert stage.events[-1].kind == "end"


def test_nobody_is_asked_whether_he_is_there_while_he_is_with_somebody_else(stage: Stage) -> None:
    """The leg is away for longer than the idle time; what he said just before is not answered into it."""
    stage.cfg["idle_s"] = 2

    async def scene() -> None:
        await stage.quiet()
        stage.say("hello there")
        await asyncio.sleep(1.05)
        assert stage.talk is not None
        with stage.talk.away():
            await asyncio.sleep(10)
        await asyncio.sleep(1)
        assert stage.lines("agent") == [GREETING]
        await asyncio.sleep(4)

    stage.play(scene())
    assert stage.lines("agent")[1] == "Are you there?"
