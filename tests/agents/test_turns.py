# SPDX-License-Identifier: GPL-3.0-or-later
"""A program's words and the conversation's events, in orders that are rare."""

from __future__ import annotations

import asyncio
from typing import Any

from sipagent.agents.turns import Spoken, Turns
from sipagent.dialogue.events import DialogueEvent
from sipagent.dialogue.reply import Think
from sipagent.engines.base import Act, Token, UserTurn


def over(text: str, heard: str, who: str = "agent") -> DialogueEvent:
    data: dict[str, Any] = {"who": who, "text": text, "heard": heard, "interrupted": heard != text}
    return DialogueEvent("line_end", "call", 0, data)


class Stand:
    """A conversation that speaks when it is told to."""

    def __init__(self) -> None:
        self.turns = Turns("there?", "bye")
        self.free = True
        self.hushed = 0

    def speak(self, think: Think) -> bool:
        if self.free:
            self.free = False
            self.replying = asyncio.ensure_future(self.tokens(think))
        return not self.free

    def hush(self) -> None:
        self.hushed += 1

    @staticmethod
    async def tokens(think: Think) -> list[Token]:
        return [token async for token in think()]

    def say(self, text: str) -> asyncio.Future[Spoken]:
        return asyncio.ensure_future(self.turns.say(text, self.speak, self.hush))


async def test_an_event_of_words_that_were_over_before_ends_no_others() -> None:
    stand = Stand()
    said = stand.say("The second thing.")
    assert await stand.tokens(stand.turns.greet) == ["The second thing."]
    stand.turns.on_event(over("The first thing.", "The first"))
    stand.turns.on_event(over("The second thing.", "The second thing.", who="caller"))
    await asyncio.sleep(0.01)
    assert not said.done()
    stand.turns.on_event(over("Welcome back. One moment. The second thing.", "Welcome back. One"))
    assert await said == Spoken("Welcome back. One", True)


async def test_words_wait_until_the_conversation_has_begun_and_speaks_for_the_bot() -> None:
    stand = Stand()
    said = stand.say("Hello.")
    await asyncio.sleep(0.12)
    assert stand.free  # nobody was asked before the greeting
    assert await stand.tokens(stand.turns.greet) == ["Hello."]
    stand.turns.on_event(over("Hello.", "Hello."))
    assert await said == Spoken("Hello.", False)
    more = stand.say("And more.")
    await asyncio.sleep(0.01)
    assert await stand.replying == ["And more."]
    stand.turns.on_event(over("And more.", "And more."))
    assert not (await more).interrupted


async def test_a_turn_is_answered_by_what_is_said_next_or_by_nothing() -> None:
    stand = Stand()
    stand.turns.greet()
    answer = asyncio.ensure_future(stand.tokens(lambda: stand.turns.reply(UserTurn("one"))))
    await asyncio.sleep(0)
    assert (await stand.turns.hear()).text == "one"
    said = stand.say("Two.")
    assert await answer == ["Two."]
    stand.turns.on_event(over("Two.", "Two."))
    await said
    stand.free = False
    answer = asyncio.ensure_future(stand.tokens(lambda: stand.turns.reply(UserTurn("three"))))
    await asyncio.sleep(0)
    assert (await stand.turns.hear()).text == "three"
    listening = asyncio.ensure_future(stand.turns.hear())
    assert await answer == [Act.NOTHING]
    listening.cancel()


async def test_words_that_nobody_heard_end_when_the_caller_goes_on() -> None:
    for how in ("retract", "reply", "end"):
        stand = Stand()
        said = stand.say("Something.")
        await stand.tokens(stand.turns.greet)
        if how == "retract":
            stand.turns.retract()
        elif how == "reply":
            stand.turns.reply(UserTurn("more"))
        else:
            stand.turns.on_event(DialogueEvent("end", "call", 0, {"reason": "hung up"}))
        assert await asyncio.wait_for(said, 5) == Spoken("", True)


async def test_cancelled_words_stop_or_are_never_said() -> None:
    stand = Stand()
    stand.free = False
    said = stand.say("Never.")
    await asyncio.sleep(0.01)
    said.cancel()
    await asyncio.gather(said, return_exceptions=True)
    assert stand.hushed == 0
    now = stand.say("Now.")
    assert await stand.tokens(stand.turns.greet) == ["Now."]
    now.cancel()
    await asyncio.gather(now, return_exceptions=True)
    assert stand.hushed == 1
