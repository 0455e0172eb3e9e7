# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools of a chat model: when they run, when they must not, and what the model is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sipagent.engines.base import Act, AtWork, EngineError, HandOver, UserTurn
from tests.engines.chat_rig import Probe, Rig, rig
from tests.engines.chat_service import called, said

BOOK = called("book", {"guests": 4})
CONFIRM = "Shall I book for {guests} people?"


def result(chat: Rig, request: int = -1) -> str:
    """What the model was told of the last tool."""
    return [m["content"] for m in chat.asked[request]["messages"] if m["role"] == "tool"][-1]


async def test_a_tool_runs_and_the_model_speaks_of_what_came_of_it() -> None:
    tool = Probe()
    async with rig(called("book", {"guests": 4}, "Let me see."), said("It is booked."), tools=[tool]) as chat:
        assert await chat.turn("A table for four.") == "Let me see.\nIt is booked."
        assert tool.calls == [{"guests": 4}]
        (declared,) = chat.asked[0]["tools"]
        assert declared["function"] == {"name": "book", "description": "Books a table.", "parameters": tool.parameters}
        call, told = chat.asked[1]["messages"][-2:]
    assert call["content"] == "Let me see."
    assert call["tool_calls"][0]["function"] == {"name": "book", "arguments": '{"guests": 4}'}
    assert told["content"] == "booked"


async def test_the_token_before_a_tool_comes_before_the_tool() -> None:
    """Whoever asks no further, a speculation or a race, has had nothing done."""
    tool = Probe()
    async with rig(BOOK, tools=[tool]) as chat:
        tokens = chat.session.reply(UserTurn("A table for four."))
        assert await anext(tokens) == AtWork("book")
        await tokens.aclose()  # type: ignore[attr-defined]
        assert not tool.calls


async def test_no_tool_runs_before_the_turn_is_surely_over() -> None:
    tool, sure = Probe(), asyncio.Event()
    async with rig(BOOK, said("Done."), tools=[tool]) as chat:
        turn = asyncio.create_task(chat.turn("A table for four.", sure=sure))
        await asyncio.wait({turn}, timeout=0.2)
        assert not turn.done()
        assert not tool.calls
        sure.set()
        assert await turn == "Done."
    assert len(tool.calls) == 1


async def test_a_slow_tool_tells_the_caller_to_wait_and_one_that_hangs_is_given_up() -> None:
    tool = Probe(wait_s=60, slow_s=0.1, timeout_s=0.35, say_slow="One moment.")
    async with rig(BOOK, said("I could not."), tools=[tool]) as chat:
        assert await chat.turn("A table for four.") == "I could not."
        waits = [token for token in chat.tokens if isinstance(token, AtWork)]
        assert waits[0] == AtWork("book")
        assert all(token.say == "One moment." and token.waited_s >= 0.1 for token in waits[1:])
        assert len(waits) > 1
        assert result(chat) == "Error: no answer within 0.35 s. It may have been done."
    assert tool.cancelled == 1


async def test_an_interruption_cancels_the_tool_and_the_model_knows() -> None:
    tool = Probe(wait_s=60, slow_s=0.05)
    async with rig(BOOK, said("What else?"), tools=[tool]) as chat:
        tokens = chat.session.reply(UserTurn("A table for four."))
        while not tool.calls:
            await anext(tokens)
        await tokens.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        assert tool.cancelled == 1
        chat.session.retract()
        await chat.turn("A table for four. No, wait.")
        assert result(chat).startswith("Not known: the caller interrupted")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (called("cook", {}), "Error: there is no tool 'cook'; there are: book"),
        (called("functions.cook", {}), "Error: there is no tool 'functions.cook'"),
        (called("", {}), "Error: there is no tool ''"),
        (called("book", '{"guests": '), "Error: the arguments are not JSON"),
        (called("book", "[4]"), "Error: the arguments are not a JSON object"),
        (called("book", {}), "Error: argument guests is missing"),
        (called("book", {"guests": "four"}), "Error: argument guests must be of type integer"),
        (called("book", {"guests": True}), "Error: argument guests must be of type integer"),
        (called("book", {"guests": 4, "dog": 1}), "Error: there is no argument dog"),
    ],
)
async def test_a_call_that_makes_no_sense_is_told_to_the_model(answer: Any, told: str) -> None:
    tool = Probe()
    async with rig(answer, said("Once more, please."), tools=[tool]) as chat:
        assert await chat.turn("A table.") == "Once more, please."
        assert result(chat).startswith(told)
    assert not tool.calls


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineError("sold out"), "Error: sold out"),
        (KeyError("x"), "Error: the tool failed."),
        (asyncio.CancelledError(), "Error: the tool failed."),
    ],
)
async def test_a_tool_that_fails_is_told_to_the_model(error: BaseException, told: str) -> None:
    def fail(arguments: Any) -> str:
        raise error

    async with rig(BOOK, said("I am sorry."), tools=[Probe(work=fail)]) as chat:
        assert await chat.turn("A table for four.") == "I am sorry."
        assert result(chat) == told


async def test_two_calls_in_one_answer_run_one_after_the_other() -> None:
    both = called("book", {"guests": 4})[:-1] + called("book", {"guests": 2}, index=1)[1:]
    tool = Probe()
    async with rig(both, said("Both are booked."), tools=[tool]) as chat:
        assert await chat.turn("For four, and for two.") == "Both are booked."
    assert tool.calls == [{"guests": 4}, {"guests": 2}]


async def test_a_model_that_never_stops_calling_must_speak_at_last() -> None:
    tool = Probe()
    async with rig(*[BOOK] * 3, said("That was it."), tools=[tool], tool_rounds=3) as chat:
        assert await chat.turn("A table for four.") == "That was it."
        assert [body["tool_choice"] for body in chat.asked] == ["auto", "auto", "auto", "none"]
    assert len(tool.calls) == 3


async def test_a_model_that_calls_all_the_same_is_an_error() -> None:
    async with rig(BOOK, BOOK, tools=[Probe()], tool_rounds=1) as chat:
        with pytest.raises(EngineError, match="the answer was empty"):
            await chat.turn("A table for four.")


async def test_a_tool_with_a_question_waits_for_the_callers_yes() -> None:
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, said("It is booked."), tools=[tool]) as chat:
        assert await chat.turn("A table for four.") == "Shall I book for 4 people?"
        assert not tool.calls
        assert chat.session.complete("Yes please") is True
        assert await chat.turn("Yes, please.") == "It is booked."
        assert tool.calls == [{"guests": 4}]
        assert result(chat) == "booked"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("No, thank you.", "Not done: the caller said no."),
        ("Yes, no, wait.", "Not done: the caller said no."),
        ("What does it cost?", "Not done: the caller was asked, and did not clearly agree"),
        ("Yes but make it five people and a high chair.", "Not done: the caller was asked, and did not clearly agree"),
        ("Yes, but for five people.", "Not done: the caller was asked, and did not clearly agree"),
        ("Okay, what does it cost", "Not done: the caller was asked, and did not clearly agree"),
        ("Right?", "Not done: the caller was asked, and did not clearly agree"),
        ("Yeah, I can't do that.", "Not done: the caller was asked, and did not clearly agree"),
        ("Yeah, I don\u2019t think so.", "Not done: the caller said no."),
    ],
)
async def test_without_a_clear_yes_it_does_not_run(answer: str, told: str) -> None:
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, said("All right."), tools=[tool]) as chat:
        await chat.turn("A table for four.")
        assert await chat.turn(answer) == "All right."
        assert result(chat).startswith(told)
        await chat.turn("Yes.")  # the question is over
    assert not tool.calls


async def test_a_question_that_was_not_heard_to_its_end_has_no_yes() -> None:
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, said("Sorry?"), tools=[tool]) as chat:
        await chat.turn("A table for four.")
        assert await chat.turn("Yes.", heard="Shall I book for") == "Sorry?"
    assert not tool.calls


async def test_a_question_that_a_voice_could_not_say_has_no_yes() -> None:
    """The caller heard an apology instead, and nobody tells of an interruption."""
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, said("Sorry?"), tools=[tool]) as chat:
        chat.context.caller_said("A table for four.")
        async for _ in chat.session.reply(UserTurn("A table for four.")):
            pass
        chat.context.agent_said("")
        chat.context.agent_said("I am sorry, I lost my voice. Please say that again.")
        assert await chat.turn("Yes.") == "Sorry?"
    assert not tool.calls


async def test_a_reminder_between_question_and_yes_changes_nothing() -> None:
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, said("Booked."), tools=[tool]) as chat:
        await chat.turn("A table for four.")
        chat.context.agent_said("Are you there?")
        assert await chat.turn("Yes.") == "Booked."
    assert len(tool.calls) == 1


async def test_a_question_that_was_never_heard_is_asked_again() -> None:
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, called("book", {"guests": 5}), said("Booked."), tools=[tool]) as chat:
        tokens = [token async for token in chat.session.reply(UserTurn("A table for four."))]
        assert tokens == ["Shall I book for 4 people?"]
        chat.session.retract()
        assert await chat.turn("A table for four. Yes, five.") == "Shall I book for 5 people?"
        assert not tool.calls
        assert await chat.turn("Yes.") == "Booked."
    assert tool.calls == [{"guests": 5}]


async def test_a_yes_is_used_once_even_when_the_answer_is_taken_back() -> None:
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, said("Booked."), said("It is booked, as I said."), tools=[tool]) as chat:
        await chat.turn("A table for four.")
        async for _ in chat.session.reply(UserTurn("Yes.")):
            pass
        chat.session.retract()  # no word of it was heard
        assert await chat.turn("Yes. Please do.") == "It is booked, as I said."
        assert result(chat) == "booked"
    assert len(tool.calls) == 1


async def test_a_yes_whose_turn_was_not_over_counts_with_the_whole_turn() -> None:
    """Speculation: the reply to a part of the turn is thrown away before anything ran."""
    tool = Probe(confirm=CONFIRM)
    async with rig(BOOK, said("Booked."), tools=[tool]) as chat:
        await chat.turn("A table for four.")
        tokens = chat.session.reply(UserTurn("Yes.", sure=asyncio.Event()))
        assert await anext(tokens) == AtWork("book")
        await tokens.aclose()  # type: ignore[attr-defined]
        chat.session.retract()
        assert not tool.calls
        assert await chat.turn("Yes. Do it.") == "Booked."
    assert len(tool.calls) == 1


@pytest.mark.parametrize("deed", [Act.HANGUP, HandOver("sip:desk@127.0.0.1")])
async def test_a_deed_is_done_after_the_models_words(deed: Any) -> None:
    tool = Probe(name="end", parameters={"type": "object", "properties": {}}, deed=deed)
    async with rig(called("end", {}, "Goodbye."), called("end", {}), said("Farewell."), tools=[tool]) as chat:
        assert (await chat.turn("Bye.")).strip() == "Goodbye."
        assert chat.deeds == [deed]
        assert await chat.turn("Bye.") == "Farewell."  # silent calls are asked for words
        assert chat.deeds == [deed]
    assert not tool.calls


async def test_what_a_tool_found_is_told_before_a_deed_is_done() -> None:
    """Also when the deed was asked for one round earlier, and its arguments make no sense."""
    end = Probe(name="end", parameters={"type": "object", "properties": {}}, deed=Act.HANGUP)
    both = called("end", '{"x')[:-1] + called("book", {"guests": 4}, index=1)[1:]
    again = called("book", {"guests": 2}, "One moment.")
    async with rig(both, again, said("Both are booked."), tools=[Probe(), end]) as chat:
        assert await chat.turn("For four and for two, and bye.") == "One moment.\nBoth are booked."
        assert chat.deeds == [Act.HANGUP]


async def test_nobody_hangs_up_on_a_question() -> None:
    end = Probe(name="end", parameters={"type": "object", "properties": {}}, deed=Act.HANGUP)
    tool = Probe(confirm=CONFIRM)
    both = called("end", {}, "Goodbye.")[:-1] + called("book", {"guests": 4}, index=1)[1:]
    async with rig(both, tools=[tool, end]) as chat:
        assert await chat.turn("Book it, and bye.") == "Goodbye.\nShall I book for 4 people?"
        assert chat.deeds == []


async def test_a_question_counts_as_heard_by_its_words() -> None:
    tool = Probe(confirm="Shall I book,  for {guests} people?")
    async with rig(BOOK, said("Booked."), tools=[tool]) as chat:
        await chat.turn("A table for four.")
        assert await chat.turn("Yes.", heard="Well: Shall I book, for 4 people") == "Booked."
    assert len(tool.calls) == 1


async def test_what_tools_gave_is_known_later_and_after_a_restart() -> None:
    async with rig(BOOK, said("Booked."), tools=[Probe(work=lambda _: "number 4711")]) as chat:
        await chat.turn("A table for four.")
        await chat.turn("What is the number?")
        later = chat.asked[-1]["messages"]
        assert [m["role"] for m in later] == ["system", "user", "assistant", "tool", "assistant", "user"]
        kept = json.loads(json.dumps(chat.context.to_dict()))
        context = type(chat.context).from_dict(kept)
        session = chat.brain.session(chat.session._script, context)  # type: ignore[attr-defined]
        assert [token async for token in session.resume()] == ["Back with ['own']."]
        async for _ in session.reply(UserTurn("And the number?")):
            pass
        again = chat.asked[-1]["messages"]
    assert again[:5] == later[:5]
    assert "number 4711" in json.dumps(again)
