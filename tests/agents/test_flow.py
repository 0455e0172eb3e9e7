# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent file's flows, in the words of callers."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sipagent.agents.conditions import parse
from sipagent.agents.flow import FlowScript
from sipagent.agents.spec import AgentFile
from sipagent.engines.base import Act, Answer, HandOver, UserTurn

NOW = datetime(2026, 5, 6, 9, 20)  # a Wednesday
FILE = """
greeting = "Hello, this is Da Mario."
goodbye = "Goodbye."
lost = "message"

[phrases]
more = "Anything else?"

[[intent]]
name = "parking"
examples = ["do you have parking", "where can i park my car"]
say = "There is a car park behind the house."

[[intent]]
name = "a table"
examples = ["i want to book a table", "reserve a table", "can i make a reservation"]
flow = "book"

[[intent]]
name = "a person"
examples = ["i want to talk to a person", "can i speak to somebody"]
say = "One moment."
transfer = "sip:desk@192.0.2.1"

[[flow]]
name = "book"
[[flow.step]]
ask = "For how many people?"
slot = "people"
kind = "number"
again = "How many will you be?"
[[flow.step]]
when = { people = "> 8" }
say = "For more than eight I connect you."
transfer = "sip:boss@192.0.2.1"
[[flow.step]]
when = { people = "> 8" }
say = "The boss is out."
goto = "message"
[[flow.step]]
ask = "On which day?"
slot = "day"
kind = "date"
[[flow.step]]
ask = "At what time?"
slot = "time"
kind = "time"
within = "17:00-23:00"
[[flow.step]]
ask = "What is your name?"
slot = "name"
kind = "name"
keep = true
[[flow.step]]
confirm = "A table for {people} on {day} at {time}. Is that right?"
[[flow.step]]
save = "bookings"
say = "Thank you, {name}."

[[flow]]
name = "message"
[[flow.step]]
ask = "What is your message?"
slot = "message"
[[flow.step]]
save = "messages"
say = "I will pass it on."
hangup = false
"""


def load(text: str = FILE) -> AgentFile:
    return AgentFile.model_validate(tomllib.loads(text))


@pytest.fixture
def desk() -> FlowScript:
    return FlowScript(load(), lambda: NOW)


def ask(desk: FlowScript, *texts: str) -> list[str]:
    return [desk.reply(UserTurn(text)).text for text in texts]


BOOK = ("I would like to book a table.", "Four.", "On Friday.", "At seven.", "My name is Anna Smith.")


def test_a_flow_asks_step_by_step_confirms_and_saves(desk: FlowScript) -> None:
    assert desk.greet().text == "Hello, this is Da Mario."
    assert ask(desk, *BOOK, "Yes, that's right.") == [
        "For how many people?",
        "On which day?",
        "At what time?",
        "What is your name?",
        "A table for 4 on Friday, the eighth of May at seven o'clock in the evening. Is that right?",
        "Thank you, Anna Smith. Anything else?",
    ]
    assert desk.notes()["saved_bookings"] == [{"people": 4, "day": "2026-05-08", "time": "19:00", "name": "Anna Smith"}]
    assert desk.reply(UserTurn("No, thank you.")) == Answer("Goodbye.", (Act.HANGUP,))


def test_what_was_told_already_is_not_asked(desk: FlowScript) -> None:
    said = ask(desk, "I'd like to reserve a table for four on Friday at seven.", "Anna Smith")
    assert said[0] == "What is your name?"
    assert said[1].startswith("A table for 4 on Friday, the eighth of May at seven o'clock")


def test_an_answer_may_tell_more_than_was_asked(desk: FlowScript) -> None:
    assert ask(desk, "book a table", "Four, tomorrow at half past six") == ["For how many people?", "What is your name?"]


def test_a_slot_that_is_kept_is_known_the_next_time_and_others_are_not(desk: FlowScript) -> None:
    ask(desk, *BOOK, "yes")
    assert ask(desk, "I want to book a table", "two", "tomorrow", "at eight")[-1].startswith("A table for 2 on Thursday")


def test_a_correction_is_taken_with_the_no(desk: FlowScript) -> None:
    ask(desk, *BOOK)
    assert "Saturday, the ninth of May" in ask(desk, "No, on Saturday.")[0]
    assert "half past eight" in ask(desk, "at half past eight please")[0]
    ask(desk, "yes")
    assert desk.notes()["saved_bookings"][0]["day"] == "2026-05-09"


def test_after_a_bare_no_what_was_read_back_is_asked_again(desk: FlowScript) -> None:
    ask(desk, *BOOK)
    assert ask(desk, "No, that is wrong.") == ["I am sorry. For how many people?"]
    assert ask(desk, "five", "Friday", "at nine")[-1].startswith("A table for 5")  # the name was not read back: it stays


def test_branches_by_what_was_told_and_a_failed_transfer_goes_on_with_the_next_step(desk: FlowScript) -> None:
    ask(desk, "book a table")
    answer = desk.reply(UserTurn("twelve of us"))
    assert answer == Answer("For more than eight I connect you.", (HandOver("sip:boss@192.0.2.1"),))
    failed = desk.reply(UserTurn("", happened="the transfer failed: 486 Busy Here"))
    assert failed.text == "The boss is out. What is your message?"
    assert ask(desk, "Call me about a party.") == ["I will pass it on. Anything else?"]
    assert desk.notes()["saved_messages"] == [{"people": 12, "message": "Call me about a party."}]


def test_who_interrupts_the_announcement_of_a_transfer_is_answered_and_then_transferred(desk: FlowScript) -> None:
    said = ask(desk, "book a table", "twelve", "Do you have parking?")
    assert said[2] == "There is a car park behind the house. For more than eight I connect you."
    for text in ("", "what did you say", "hm"):
        answer = desk.reply(UserTurn(text))
        assert answer == Answer("For more than eight I connect you.", (HandOver("sip:boss@192.0.2.1"),))
    assert ask(desk, "never mind") == ["All right, let us leave that. Anything else?"]


def test_an_intent_hands_over_and_says_when_nobody_is_there(desk: FlowScript) -> None:
    assert desk.reply(UserTurn("Can I speak to somebody?")).acts == (HandOver("sip:desk@192.0.2.1"),)
    assert "nobody can take your call" in desk.reply(UserTurn("", happened="the transfer failed: 480")).text


def test_a_question_in_between_is_answered_and_the_flow_goes_on(desk: FlowScript) -> None:
    said = ask(desk, "book a table", "Do you have parking?", "four")
    assert said[1] == "There is a car park behind the house. For how many people?"
    assert said[2] == "On which day?"
    assert desk.reply(UserTurn("I want to talk to a person")).acts == (HandOver("sip:desk@192.0.2.1"),)


def test_a_transfer_in_between_that_fails_leaves_no_question_out(desk: FlowScript) -> None:
    ask(desk, "book a table", "four")
    assert desk.reply(UserTurn("I want to talk to a person")).acts == (HandOver("sip:desk@192.0.2.1"),)
    failed = desk.reply(UserTurn("", happened="the transfer failed: 480")).text
    assert failed == "I am sorry, nobody can take your call there. On which day?"


def test_never_mind_leaves_the_flow(desk: FlowScript) -> None:
    assert ask(desk, "book a table", "Never mind.")[1] == "All right, let us leave that. Anything else?"
    assert ask(desk, "do you have parking") == ["There is a car park behind the house."]


def test_what_is_not_understood_is_asked_again_but_not_forever(desk: FlowScript) -> None:
    said = ask(desk, "book a table", "banana", "banana", "banana")
    assert said[1:3] == ["How many will you be?"] * 2
    assert said[3] == "Let us leave that for now. Anything else?"


def test_who_is_never_understood_comes_to_the_flow_for_it(desk: FlowScript) -> None:
    said = ask(desk, "gibberish", "gibberish", "gibberish", "Tell Mario I called.")
    assert "other words" in said[0]
    assert "parking, a table, a person" in said[1]
    assert said[2] == "I am afraid I can't help you with that. What is your message?"
    assert desk.notes()["saved_messages"] == [{"message": "Tell Mario I called."}]


def test_repeat_time_thanks_and_goodbye(desk: FlowScript) -> None:
    said = ask(desk, "do you have parking", "say that again", "what time is it", "thank you")
    assert said == [said[0], said[0], "It is twenty past nine in the morning.", "You are welcome. Anything else?"]
    assert ask(desk, "book a table", "pardon")[1] == "For how many people?"
    assert desk.reply(UserTurn("Okay, goodbye.")).acts == (Act.HANGUP,)


def test_an_answer_that_nobody_heard_is_taken_back(desk: FlowScript) -> None:
    ask(desk, "book a table")
    ask(desk, "four")
    desk.retract()
    assert desk.complete("four") is None
    assert ask(desk, "five") == ["On which day?"]
    assert desk.save()["slots"]["people"]["value"] == 5


def test_when_a_turn_is_whole(desk: FlowScript) -> None:
    assert desk.complete("Do you have parking") is True
    ask(desk, *BOOK)
    assert desk.complete("yes") is True
    ask(desk, "never mind", "gibberish", "gibberish", "gibberish")
    assert desk.complete("Tell Mario") is False


def test_where_a_caller_stood_is_kept_and_taken_up(desk: FlowScript) -> None:
    ask(desk, *BOOK[:3])
    kept = json.loads(json.dumps(desk.save()))
    again = FlowScript(load(), lambda: NOW)
    assert again.resume(kept).text == "At what time?"
    ask(again, "at seven", "Anna", "yes")
    assert again.notes()["saved_bookings"][0]["people"] == 4


def test_who_calls_back_after_a_transfer_or_a_goodbye_is_not_sent_away_again(desk: FlowScript) -> None:
    ask(desk, "book a table")
    assert desk.reply(UserTurn("twelve")).acts == (HandOver("sip:boss@192.0.2.1"),)
    ending = FILE.replace("hangup = false", "").replace('say = "I will pass it on."', "") + ENDS
    ends = FlowScript(load(ending), lambda: NOW)
    ask(ends, "gibberish", "gibberish", "gibberish")
    assert ends.reply(UserTurn("Tell Mario I called.")).acts == (Act.HANGUP,)
    for kept, text in ((desk.save(), FILE), (ends.save(), ending)):
        again = FlowScript(load(text), lambda: NOW)
        assert again.resume(json.loads(json.dumps(kept))) == Answer("How can I help you?")
        assert ask(again, "do you have parking") == ["There is a car park behind the house."]


ENDS = """
[[flow.step]]
say = "I will pass it on. Goodbye."
hangup = true
"""
KEPT = {"flow": "book", "step": 0, "slots": {}, "misses": 0, "offered": False, "last": "", "saved": {}}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {**KEPT, "flow": "gone"},
        {**KEPT, "step": 99},
        {**KEPT, "step": -1},
        {**KEPT, "slots": []},
        {**KEPT, "slots": {"people": 4}},
        {**KEPT, "slots": {"people": {"value": None, "said": "4"}}},
        {k: v for k, v in KEPT.items() if k != "saved"},
    ],
)
def test_what_another_version_kept_is_as_good_as_nothing(desk: FlowScript, data: dict[str, object]) -> None:
    assert desk.resume(data).text == "How can I help you?"
    assert desk.resume(KEPT).text == "For how many people?"


def test_flows_that_chase_each_other_come_to_an_end() -> None:
    chase = FILE.replace('say = "I will pass it on."\nhangup = false', 'goto = "message"')
    desk = FlowScript(load(chase.replace('save = "messages"\n', "")), lambda: NOW)
    ask(desk, "gibberish", "gibberish", "gibberish")
    assert ask(desk, "hello there").pop().endswith("Anything else?")


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("> 8", 9, True),
        ("> 8", 8, False),
        ("<= 2.5", 2.5, True),
        ("suite or single", "Suite", True),
        ("!= suite", "single", True),
        ("!= a or b", "b", False),
        ("yes", True, True),
        ("known", None, False),
        ("unknown", None, True),
        ("> 8", None, False),
        (">= 2026-05-08", "2026-05-09", True),
    ],
)
def test_conditions(text: str, value: str | float | bool | None, holds: bool) -> None:
    assert parse(text).holds(value) is holds


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *BOOK,
                "yes",
                "no",
                "no, on Saturday",
                "never mind",
                "what?",
                "",
                "do you have parking",
                "x" * 50,
                "twelve",
                "pardon",
                "thanks",
                "hello",
                "can i speak to somebody",
                "FAILED",
            ]
        ),
        max_size=12,
    )
)
@example(texts=["I would like to book a table.", "twelve", ""])
def test_whatever_is_said_the_caller_gets_an_answer(texts: list[str]) -> None:
    desk = FlowScript(load(), lambda: NOW)
    for text in texts:
        answer = desk.reply(UserTurn("", happened="the transfer failed: 0") if text == "FAILED" else UserTurn(text))
        assert answer.text
        desk.complete(text)
        assert FlowScript(load(), lambda: NOW).resume(json.loads(json.dumps(desk.save()))).text
