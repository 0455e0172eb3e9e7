# SPDX-License-Identifier: GPL-3.0-or-later
"""The reception agent's words: many phrasings, as people say them and as recognisers write them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from sipagent.agents import facts
from sipagent.agents.clocktime import say_time
from sipagent.agents.facts import FactsError
from sipagent.agents.script import Reception
from sipagent.engines.base import Act, UserTurn

FACTS = facts.load(None)
ANSWERS = {fact.topic: fact.answer for fact in FACTS.fact}
NOW = datetime(2024, 5, 6, 9, 20)


@pytest.fixture
def desk() -> Reception:
    return Reception(FACTS, lambda: NOW)


def ask(desk: Reception, *texts: str) -> list[str]:
    return [desk.reply(UserTurn(text)).text for text in texts]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("What are your opening hours?", "opening hours"),
        ("what are your opening-nours", "opening hours"),
        ("What are your opening ours?", "opening hours"),
        ("Hi, um, when are you open, please?", "opening hours"),
        ("Could you please tell me what time the front desk closes?", "opening hours"),
        ("Are you open on Sundays?", "opening hours"),
        ("Where are you located?", "our address"),
        ("Can you tell me the address?", "our address"),
        ("How do I get there from the airport?", "our address"),
        ("Do you have parking?", "parking"),
        ("Do you have any barking?", "parking"),
        ("Where can I part my car?", "parking"),
        ("Hi there, I was wondering whether you have any parking at the hotel", "parking"),
        ("Is there a free car park at the hotel?", "parking"),
        ("Do you have a parking lot for guests,", "parking"),
        ("How much is a double room?", "room prices"),
        ("How much does a ruin cost for one night?", "room prices"),
        ("Can I get the price?", "room prices"),
        ("what are your rates", "room prices"),
        ("What time is breakfast?", "breakfast"),
        ("Is breakfast included?", "breakfast"),
        ("What time can I check in?", "check-in and check-out"),
        ("when is check-out", "check-in and check-out"),
        ("Can I bring my dog?", "pets"),
        ("are cats allowed", "pets"),
        ("Do you have wireless internet?", "the internet"),
        ("What's the wi-fi password?", "the internet"),
        ("Do you have a swimming pool?", "the swimming pool"),
        ("when does the pool open", "the swimming pool"),
    ],
)
def test_facts_are_found(desk: Reception, text: str, topic: str) -> None:
    assert ask(desk, text) == [ANSWERS[topic]]


@pytest.mark.parametrize("text", ["What time is it?", "what's the time please", "Could you tell me what time it is now?"])
def test_the_time_is_told(desk: Reception, text: str) -> None:
    assert ask(desk, text) == ["It is twenty past nine in the morning."]


@pytest.mark.parametrize(
    "text",
    [
        *("Goodbye.", "Bye bye", "Thank you very much, good-by.", "No, thank you to-by.", "The bay,", "Debay,"),
        *("That's all, thank you.", "No, that is everything. Thank you, and goodbye.", "ok bye", "Have a nice day."),
    ],
)
def test_goodbye_hangs_up(desk: Reception, text: str) -> None:
    answer = desk.reply(UserTurn(text))
    assert answer.text == FACTS.business.goodbye
    assert answer.acts == (Act.HANGUP,)


@pytest.mark.parametrize(
    "text", ["Do you sell football tickets?", "Who is the president of France?", "What is the weather like?", "mumble", "Yes."]
)
def test_what_it_does_not_know_is_not_guessed(desk: Reception, text: str) -> None:
    (answer,) = ask(desk, text)
    assert answer not in ANSWERS.values()
    assert "sorry" in answer or "How can I help" in answer


def test_after_misses_it_tells_what_it_knows_and_then_offers_a_message(desk: Reception) -> None:
    first, second, third, read_back = ask(desk, "gibberish one", "gibberish two", "gibberish three", "Call me about my coat.")
    assert "other words" in first
    assert "opening hours" in second
    assert "leave a message" in third
    assert "Call me about my coat." in read_back


def test_an_answer_ends_the_row_of_misses(desk: Reception) -> None:
    ask(desk, "gibberish", "what time is it", "gibberish")
    assert "leave a message" not in ask(desk, "gibberish")[0]


def test_a_message_is_read_back_and_kept_when_confirmed(desk: Reception) -> None:
    said = ask(desk, "I would like to leave a message.", "Tell the manager, that I come to-morrow,", "Yes, that's right.")
    assert said[1] == "Your message is: Tell the manager, that I come to-morrow. Is that right?"
    assert "anything else" in said[2]
    assert desk.messages == ("Tell the manager, that I come to-morrow.",)
    assert desk.reply(UserTurn("No, thank you.")).acts == (Act.HANGUP,)


def test_a_wrong_message_is_taken_again(desk: Reception) -> None:
    ask(desk, "Can I leave a message?", "call me Bach", "No, that is wrong.", "Call me back.")
    assert not desk.messages
    ask(desk, "yes")
    assert desk.messages == ("Call me back.",)


def test_a_message_can_be_cancelled(desk: Reception) -> None:
    assert "no message" in ask(desk, "take a message", "Never mind.")[1]
    assert desk.messages == ()


def test_a_reference_is_spelled_back(desk: Reception) -> None:
    said = ask(desk, "Can you check my booking reference?", "Alpha, bravo, three, charlie, seven, kilo.", "Correct.")
    assert said[1] == "I have: A for Alpha, B for Bravo, three, C for Charlie, seven, K for Kilo. Is that right?"
    assert desk.references == ("AB3C7K",)


def test_a_reference_may_come_with_the_question(desk: Reception) -> None:
    assert "A for Alpha, B for Bravo, three, seven" in ask(desk, "My booking reference is alpha bravo three seven.")[0]


def test_a_reference_that_is_not_one_is_asked_for_again_but_not_forever(desk: Reception) -> None:
    said = ask(desk, "my booking reference", "what do you mean", "hmm hmm", "what?")
    assert "spell" in said[1]
    assert "leave that" in said[3]


def test_an_unclear_answer_to_yes_or_no_is_asked_again(desk: Reception) -> None:
    assert "yes or no" in ask(desk, "leave a message", "I am late.", "banana")[2]


def test_repeat_says_the_last_answer_again(desk: Reception) -> None:
    said = ask(desk, "do you have parking", "Can you repeat that please?")
    assert said[1] == said[0]


def test_an_answer_that_nobody_heard_is_taken_back(desk: Reception) -> None:
    ask(desk, "leave a message", "I am late")
    desk.reply(UserTurn("yes"))
    desk.retract()
    assert not desk.messages
    ask(desk, "yes, that is right")
    assert desk.messages == ("I am late.",)


def test_when_a_turn_is_complete(desk: Reception) -> None:
    assert desk.complete("Do you have a parking lot for guests,") is True
    assert desk.complete("Do you have a") is not True
    ask(desk, "leave a message")
    assert desk.complete("I am late.") is False
    ask(desk, "I am late.")
    assert desk.complete("Yes,") is True
    ask(desk, "yes", "my booking number")
    assert desk.complete("A B 3") is False
    assert desk.complete("A B 3 C 7 K") is None


def test_silence(desk: Reception) -> None:
    assert desk.idle(1).acts == ()
    assert desk.idle(2).acts == (Act.HANGUP,)


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [
        (0, 0, "It is twelve o'clock at night."),
        (9, 15, "It is a quarter past nine in the morning."),
        (12, 30, "It is half past twelve in the afternoon."),
        (12, 47, "It is thirteen minutes to one in the afternoon."),
        (18, 59, "It is one minute to seven in the evening."),
        (23, 35, "It is twenty-five to twelve at night."),
        (6, 22, "It is twenty-two minutes past six in the morning."),
    ],
)
def test_the_time_as_people_say_it(hour: int, minute: int, said: str) -> None:
    assert say_time(datetime(2024, 1, 1, hour, minute)) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = [", "not TOML"),
        ("[business]\nname = 'a'\ngreeting = 'b'\n", "fact: Field required"),
        ("[business]\nname = 'a'\n[[fact]]\ntopic='t'\nask=['q']\nanswer='a'\n", "business.greeting"),
        ("[business]\nname='a'\ngreeting='b'\n[[fact]]\ntopic='t'\nask=[]\nanswer='a'\n", "fact.0.ask"),
        ("[business]\nname='a'\ngreeting='b'\ngreting='b'\n[[fact]]\ntopic='t'\nask=['q']\nanswer='a'\n", "business.greting"),
    ],
)
def test_a_bad_fact_file_is_explained(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "facts.toml"
    file.write_text(text)
    with pytest.raises(FactsError, match=words) as error:
        facts.load(file)
    assert str(file) in str(error.value)


def test_a_missing_fact_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FactsError, match=r"nothing\.toml can't be read"):
        facts.load(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("said", "asked", "then", "told"),
    [
        (["can I leave a message"], "You wanted to leave a message. What is your message?", "The tap drips.", "The tap drips."),
        (["take a message", "The tap drips."], "Your message is: The tap drips. Is that right?", "yes", "I will pass it on"),
        (["my booking reference is"], "Please spell your booking reference", "A B 1 2 3", "I have:"),
        (["check my booking reference", "A B 1 2 3"], "I have:", "no", "spell it again"),
        (["do you have parking"], "Is there anything else I can do for you?", "no", FACTS.business.goodbye),
    ],
)
def test_a_caller_who_is_back_is_asked_what_was_open(
    desk: Reception, said: list[str], asked: str, then: str, told: str
) -> None:
    ask(desk, *said)
    slots = json.loads(json.dumps(desk.save()))
    other = Reception(FACTS, lambda: NOW)
    assert asked in other.resume(slots).text
    assert told in ask(other, then)[0]


def test_confirmed_messages_outlive_the_process_until_they_are_delivered(desk: Reception) -> None:
    ask(desk, "take a message", "The tap drips.", "yes")
    other = Reception(FACTS, lambda: NOW)
    other.resume(desk.save())
    assert other.messages == ("The tap drips.",)
    desk.delivered()
    other.resume(desk.save())
    assert other.messages == ()


@pytest.mark.parametrize(
    "change", [{"flow": "nowhere"}, {"draft": 3}, {"messages": [1]}, {"messages": 1}, {"extra": 1}, {"misses": "x"}]
)
def test_slots_of_another_version_are_as_good_as_none(desk: Reception, change: dict[str, object]) -> None:
    ask(desk, "take a message")
    assert desk.resume({**desk.save(), **change}).text == FACTS.business.greeting
    assert desk.resume({}).text == FACTS.business.greeting
