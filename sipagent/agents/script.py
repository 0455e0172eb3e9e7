# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reception agent says: facts, messages, the time, booking references, and what to do when it did not understand.

A flow is a state with a name; `_FLOWS` maps it to the method that takes the caller's next words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sipagent.agents import spelling
from sipagent.agents.clocktime import say_time
from sipagent.agents.facts import Facts
from sipagent.agents.intents import Matcher, words
from sipagent.agents.slots import yes_or_no
from sipagent.agents.small_talk import SMALL_TALK
from sipagent.dialogue.think import split
from sipagent.dialogue.turn import looks_complete
from sipagent.engines.base import Act, Answer, Tool, UserTurn

MIN_REFERENCE = 4  # letters and digits
MAX_MISSES = 2  # not understood in a row: then a message is offered

_ASK = {
    **SMALL_TALK,
    "message": [
        *("take a message", "can i leave a message", "i want to leave a message", "pass on a message"),
        *("tell the manager something", "leave a message for the manager", "take a note", "could someone call me back"),
        *("i'd like to speak to a person", "can i speak to somebody", "can i talk to someone"),
    ],
    "reference": [
        *("spell my booking reference", "check my booking reference", "my reference number is", "my booking reference is"),
        *("booking number", "confirmation number", "read back my reference", "confirm my reservation", "booking code"),
    ],
}
_MORE = "Is there anything else I can do for you?"
_WHAT_MESSAGE = "Of course. What is your message?"
_STILL_MESSAGE = "You wanted to leave a message. What is your message?"
_MISSED = "I am sorry, I did not understand that. Could you say it in other words?"
_SPELL = "Please spell your booking reference, letter by letter."
_NOTED, _PASSED_ON, _WELCOME = "Thank you, I have noted it.", "Thank you, I will pass it on.", "You are welcome."
_RIGHT = "Is that right?"
_FIXED = (_MORE, _WHAT_MESSAGE, _STILL_MESSAGE, _MISSED, _SPELL, _NOTED, _PASSED_ON, _WELCOME, _RIGHT)


@dataclasses.dataclass(slots=True)
class _State:
    flow: str = "top"
    offered: bool = False  # "anything else?" was asked: a bare no is a goodbye
    misses: int = 0
    draft: str = ""  # of a message or a reference, until it is confirmed
    last: str = ""
    messages: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


class Reception:
    """A Script (engines.base). `now` is the wall clock in the caller's time zone."""

    def __init__(self, facts: Facts, now: Callable[[], datetime] = datetime.now) -> None:
        self._facts = facts
        self._now = now
        self._answers = {fact.topic: fact.answer for fact in facts.fact}
        self._matcher = Matcher({**_ASK, **{fact.topic: fact.ask for fact in facts.fact}})
        self._state = _State()
        self._before = self._state
        self.tools: tuple[Tool, ...] = ()
        topics = ", ".join(self._answers)
        self.instructions = (
            f"You answer the telephone of {facts.business.name}. Be brief and friendly. What you know: "
            + " ".join(f"{fact.topic}: {fact.answer}" for fact in facts.fact)
        )
        self._help = (
            f"You can ask me about {topics}. I can also take a message, tell you the time, or check a booking reference."
        )

    @property
    def messages(self) -> tuple[str, ...]:
        """Messages that callers confirmed."""
        return self._state.messages

    @property
    def references(self) -> tuple[str, ...]:
        """Booking references that callers confirmed."""
        return self._state.references

    def notes(self) -> dict[str, Any]:
        """For the record of the call."""
        return {"messages": list(self.messages), "references": list(self.references)}

    def greet(self) -> Answer:
        """The first words."""
        return self._say(self._facts.business.greeting)

    def reply(self, turn: UserTurn) -> Answer:
        """The answer to what the caller said."""
        self._before = dataclasses.replace(self._state)
        return _FLOWS[self._state.flow](self, turn.text)

    def retract(self) -> None:
        """The last reply was never heard."""
        self._state = self._before

    def save(self) -> dict[str, Any]:
        """Where the flow stands, and what was noted."""
        state = dataclasses.asdict(self._state)
        return {**state, "messages": list(self.messages), "references": list(self.references)}

    def resume(self, slots: Mapping[str, Any]) -> Answer:
        """Asks again what was open, or whether there is anything else."""
        state = _state_of(slots)
        if state is None:
            return self.greet()
        self._state = state
        match state.flow:
            case "message":
                return self._say(_STILL_MESSAGE)
            case "confirm message":
                return self._ask_message()
            case "reference":
                return self._say(_SPELL)
            case "confirm reference":
                return self._read_back(state.draft)
        state.offered = True
        return self._say(_MORE)

    def delivered(self) -> None:
        """Messages and references are in the record of the call: they are not to come again with the next one."""
        self._state.messages = self._state.references = ()

    def idle(self, count: int) -> Answer:
        """Nobody spoke."""
        if count == 1:
            return Answer("Are you still there?")
        return Answer(f"I can't hear you any more. {self._facts.business.goodbye}", (Act.HANGUP,))

    def complete(self, text: str) -> bool | None:
        """A message has pauses in it, a reference has a length, a yes needs nothing behind it."""
        flow = self._state.flow
        if flow == "message":
            return False
        if flow == "reference":
            return None if len(spelling.parse(text)) >= MIN_REFERENCE + 1 else False
        if flow != "top":
            return True if yes_or_no(text) is not None else None
        return True if self._matcher.whole(text) and looks_complete(text.rstrip(" ,")) else None

    def clauses(self) -> list[str]:
        """What is surely going to be said, as the voice gets it."""
        business = self._facts.business
        said = [business.greeting, business.goodbye, *self._answers.values(), *_FIXED]
        return list(dict.fromkeys(clause for text in said for clause in split(text)))

    # Flows: each takes the caller's words.

    def _top(self, text: str) -> Answer:
        intent = "goodbye" if words(text)[-1:] in (["goodbye"], ["bye"]) else self._matcher.match(text)
        offered, self._state.offered = self._state.offered, False
        if intent is None and yes_or_no(text) is not None:
            return self._goodbye() if offered and not yes_or_no(text) else self._say("How can I help you?")
        if intent == "thanks" and offered and yes_or_no(text) is False:
            intent = "goodbye"
        if intent is None:
            return self._missed()
        self._state.misses = 0
        if intent in self._answers:
            return self._say(self._answers[intent])
        return _BUILT_IN[intent](self, text)

    def _message(self, text: str) -> Answer:
        if words(text) in (["no"], ["cancel"], ["nothing"], ["never", "mind"]):
            return self._back("All right, no message.")
        self._state.flow, self._state.draft = "confirm message", _sentence(text)
        return self._ask_message()

    def _confirm_message(self, text: str) -> Answer:
        verdict = yes_or_no(text)
        if verdict:
            self._state.messages += (self._state.draft,)
            return self._back(_PASSED_ON)
        if verdict is False:
            self._state.flow = "message"
            return self._say("Please say your message again.")
        return self._unsure("Shall I pass the message on? Please say yes or no.")

    def _reference(self, text: str) -> Answer:
        reference = spelling.parse(text)
        if len(reference) < MIN_REFERENCE:
            return self._unsure("I am sorry, I did not get that. Please spell the reference slowly, for example, A for Alpha.")
        return self._read_back(reference)

    def _confirm_reference(self, text: str) -> Answer:
        verdict = yes_or_no(text)
        if verdict:
            self._state.references += (self._state.draft,)
            return self._back(_NOTED)
        if verdict is False:
            self._state.flow = "reference"
            return self._say("I am sorry. Please spell it again.")
        return self._unsure("Is the reference right? Please say yes or no.")

    # Built-in intents.

    def _goodbye(self, text: str = "") -> Answer:
        return Answer(self._facts.business.goodbye, (Act.HANGUP,))

    def _time(self, text: str) -> Answer:
        return self._say(say_time(self._now()))

    def _take_message(self, text: str) -> Answer:
        self._state.flow = "message"
        return self._say(_WHAT_MESSAGE)

    def _take_reference(self, text: str) -> Answer:
        reference = spelling.parse(text, lenient=False)
        if len(reference) >= MIN_REFERENCE:
            return self._read_back(reference)
        self._state.flow = "reference"
        return self._say(_SPELL)

    def _repeat(self, text: str) -> Answer:
        return self._say(self._state.last or self._facts.business.greeting)

    def _tell_help(self, text: str) -> Answer:
        return self._say(self._help)

    def _thanks(self, text: str) -> Answer:
        self._state.offered = True
        return self._say(f"{_WELCOME} {_MORE}")

    def _greeting(self, text: str) -> Answer:
        return self._say("Hello. How can I help you?")

    # Helpers.

    def _say(self, text: str) -> Answer:
        self._state.last = text
        return Answer(text)

    def _ask_message(self) -> Answer:
        return self._say(f"Your message is: {self._state.draft} {_RIGHT}")

    def _read_back(self, reference: str) -> Answer:
        self._state.flow, self._state.draft = "confirm reference", reference
        return self._say(f"I have: {spelling.say(reference)}. {_RIGHT}")

    def _back(self, text: str) -> Answer:
        self._state.flow, self._state.draft, self._state.offered, self._state.misses = "top", "", True, 0
        return self._say(f"{text} {_MORE}")

    def _unsure(self, question: str) -> Answer:
        self._state.misses += 1
        if self._state.misses > MAX_MISSES:
            return self._back("Let us leave that for now.")
        return self._say(question)

    def _missed(self) -> Answer:
        self._state.misses += 1
        if self._state.misses <= 1:
            return self._say(_MISSED)
        if self._state.misses <= MAX_MISSES:
            return self._say(f"I am sorry, I still did not understand. {self._help}")
        self._state.flow, self._state.misses = "message", 0
        return self._say("I am afraid I can't answer that. Please leave a message, and somebody will call you back.")


_FLOWS: dict[str, Callable[[Reception, str], Answer]] = {
    "top": Reception._top,
    "message": Reception._message,
    "confirm message": Reception._confirm_message,
    "reference": Reception._reference,
    "confirm reference": Reception._confirm_reference,
}
_BUILT_IN: dict[str, Callable[[Reception, str], Answer]] = {
    "goodbye": Reception._goodbye,
    "time": Reception._time,
    "message": Reception._take_message,
    "reference": Reception._take_reference,
    "repeat": Reception._repeat,
    "help": Reception._tell_help,
    "thanks": Reception._thanks,
    "greeting": Reception._greeting,
}


def _state_of(slots: Mapping[str, Any]) -> _State | None:
    """What `save` gave, read back; None when it is not that, or nothing."""
    kinds = {"flow": str, "offered": bool, "misses": int, "draft": str, "last": str, "messages": list, "references": list}
    if slots.keys() != kinds.keys() or not all(isinstance(slots[name], kind) for name, kind in kinds.items()):
        return None
    messages, references = tuple(slots["messages"]), tuple(slots["references"])
    if slots["flow"] not in _FLOWS or not all(isinstance(text, str) for text in (*messages, *references)):
        return None
    return _State(**{**slots, "messages": messages, "references": references})


def _sentence(text: str) -> str:
    said = text.strip().rstrip(",;:- ")
    return said if said.endswith((".", "!", "?")) else said + "."
