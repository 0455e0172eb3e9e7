# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenAI's chat protocol: what is asked, what is streamed, and every way in which it can go wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sipagent.engines.base import EngineBusy, EngineError, EngineMissing, EngineTimeout, UserTurn
from sipagent.engines.openai_chat import OpenAiChat
from tests.engines.chat_rig import Host, rig
from tests.engines.chat_service import ChatService, chunk, said, stream
from tests.engines.conftest import KEYS, TIMEOUT_S, configured
from tests.engines.http_server import Mood, Request, Response
from tests.engines.speech_services import KEY, openai_error

CUT = stream(said("This breaks off in the middle")[:4], done=False)


async def test_words_are_streamed_and_the_conversation_is_sent_as_it_was_heard() -> None:
    async with rig(said("We open at nine.")) as chat:
        chat.context.agent_said("Hello.")
        chat.context.caller_said("Who is there?")
        chat.context.agent_said("The reception of", interrupted=True)
        assert await chat.turn("When do you open?") == "We open at nine."
        (body,) = chat.asked
        assert body["model"] == "gpt-4.1-mini"
        assert body["max_tokens"] == 300
        assert "temperature" not in body
        assert "tools" not in body
        system, *rest = body["messages"]
        assert system["content"].startswith("You take bookings.")
        assert rest == [
            {"role": "user", "content": "(the call begins)"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "Who is there?"},
            {"role": "assistant", "content": "The reception of —"},
            {"role": "user", "content": "When do you open?"},
        ]


async def test_settings_reach_the_server() -> None:
    async with rig(
        temperature=0.2, max_tokens_key="max_completion_tokens", extra={"reasoning_effort": "low", "top_p": "0.9"}
    ) as chat:
        await chat.turn("Hello?")
        body = chat.asked[0]
    assert (body["temperature"], body["max_completion_tokens"], body["reasoning_effort"]) == (0.2, 300, "low")
    assert body["top_p"] == 0.9
    assert "max_tokens" not in body


async def test_what_is_no_speech_is_told_to_the_model() -> None:
    async with rig() as chat:
        await chat.turn("", happened="the transfer failed: 486 Busy Here")
        assert chat.asked[0]["messages"][-1]["content"] == "(the transfer failed: 486 Busy Here)"


async def test_the_greeting_is_the_scripts_or_the_models() -> None:
    async with rig(said("Good day.")) as chat:
        assert [token async for token in chat.session.greet()] == ["Hello."]
        assert not chat.asked
        session = chat.brain.session(Host(greeting=""), chat.context)
        assert "".join([str(token) async for token in session.greet()]) == "Good day."


async def test_marks_that_a_voice_would_read_out_are_left_out() -> None:
    async with rig(said("<think>Is it good?</think> It is **very** `good`. <"), said("<think>Hm.")) as chat:
        assert await chat.turn("How is it?") == "It is very good. <"
        with pytest.raises(EngineError, match="the answer was empty"):
            await chat.turn("Is it?")


async def test_the_connection_is_kept_for_the_next_turn() -> None:
    async with rig() as chat:
        for text in ("one", "two", "three"):
            assert await chat.turn(text) == f"You said {text}."
        assert chat.server.opened == 1


async def test_a_caller_who_interrupts_ends_the_request() -> None:
    async with rig(said("word " * 500)) as chat:
        chat.server.mood = Mood(step_s=0.01)
        tokens = chat.session.reply(UserTurn("Tell me everything."))
        await anext(tokens)
        await tokens.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(chat.server.left_early.wait(), 5)


async def test_a_task_that_is_cancelled_ends_the_request() -> None:
    async with rig() as chat:
        chat.server.mood = Mood(wait_s=60)
        task = asyncio.create_task(chat.turn("Hello?"))
        await chat.server.asked.wait()
        task.cancel()
        await asyncio.wait_for(chat.server.left_early.wait(), 5)


def events(*data: Any) -> Response:
    text = "".join(f"data: {d if isinstance(d, str) else json.dumps(d)}\n\n" for d in data)
    return Response(text.encode(), kind="text/event-stream")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (openai_error(500, "overloaded"), EngineError, "answered 500: overloaded"),
        (Response(b"<html>bad gateway", 502), EngineError, "answered 502: <html>bad gateway"),
        (events("not json"), EngineError, "no JSON object: 'not json'"),
        (events("[1, 2]"), EngineError, "no JSON object"),
        (events({"id": "x"}), EngineError, "without choices"),
        (events({"choices": [{"delta": "text"}]}), EngineError, "without delta"),
        (events({"choices": [{"delta": {"content": 7}}]}), EngineError, "content that is no text"),
        (events({"choices": [{"delta": {"tool_calls": ["x"]}}]}), EngineError, "a tool call that is none"),
        (events({"error": {"message": "out of memory"}}), EngineError, "the model failed: out of memory"),
        (events("[DONE]"), EngineError, "the answer was empty"),
        (events(chunk({}, "content_filter"), "[DONE]"), EngineError, "empty .finish_reason content_filter"),
        (Response(b"", kind="text/event-stream"), EngineError, "broke off"),
        (CUT, EngineError, "broke off"),
        (stream([chunk({"content": "la " * 1000})] * 10), EngineError, "the answer has no end"),
        (Response(b"<html>hello", kind="text/html"), EngineError, "broke off"),
    ],
)
async def test_what_goes_wrong_is_an_engine_error_that_says_what(
    answer: Response, error: type[EngineError], words: str
) -> None:
    async with rig(answer) as chat:
        with pytest.raises(error, match=words):
            await chat.turn("Hello?")


@pytest.mark.parametrize(
    ("mood", "error", "words"),
    [
        (Mood(deaf=True), EngineError, "RemoteProtocolError|ReadError"),
        (Mood(cut_after=300), EngineError, "RemoteProtocolError"),
        (Mood(wait_s=30), EngineTimeout, "did not answer in 1 s"),
        (Mood(step_s=30), EngineTimeout, "did not answer in 1 s"),
    ],
)
async def test_a_service_that_hangs_or_drops(mood: Mood, error: type[EngineError], words: str) -> None:
    async with rig(timeout_s=1.0 if error is EngineTimeout else TIMEOUT_S) as chat:
        chat.server.mood = mood
        with pytest.raises(error, match=words):
            await chat.turn("Hello?")


async def test_words_before_a_break_were_said() -> None:
    async with rig(CUT) as chat:
        tokens = chat.session.reply(UserTurn("Hello?"))
        assert [await anext(tokens) for _ in range(3)] == ["This", " breaks", " off"]
        with pytest.raises(EngineError, match="broke off"):
            await anext(tokens)


async def test_too_many_requests_tell_when_to_come_back() -> None:
    async with rig(Response(b"{}", 429, headers={"Retry-After": "7"})) as chat:
        with pytest.raises(EngineBusy) as caught:
            await chat.turn("Hello?")
        assert caught.value.retry_after_s == 7.0


async def test_a_server_that_leaves_done_out_is_understood() -> None:
    async with rig(stream(said("All is well."), done=False)) as chat:
        assert await chat.turn("How is it?") == "All is well."


async def test_a_conversation_too_long_for_the_model_is_sent_again_shorter() -> None:
    words = "This model's maximum context length is 8192 tokens."
    async with rig(openai_error(400, words), said("Here I am."), context_chars=3000) as chat:
        for i in range(40):
            chat.context.caller_said(f"question {i} " + "x" * 60)
            chat.context.agent_said("answer " + "y" * 60)
        assert await chat.turn("Are you there?") == "Here I am."
    sizes = [len(json.dumps(body["messages"])) for body in chat.asked]
    # The refusal itself was a scripted answer, so both requests were taken down.
    assert len(sizes) == 2
    assert sizes[1] < 0.7 * sizes[0] < 3000
    assert chat.asked[1]["messages"][-1]["content"] == "Are you there?"


async def test_a_summary_of_what_is_old() -> None:
    async with rig(said("Ann wants a table.")) as chat:
        chat.context.caller_said("I am Ann, a table please.")
        chat.context.agent_said("For how many?")
        summarise = chat.session.summarise  # type: ignore[attr-defined]
        assert await summarise("Nothing yet.", chat.context.turns) == "Ann wants a table."
        text = chat.asked[0]["messages"][1]["content"]
    assert text.splitlines() == ["Before: Nothing yet.", "Caller: I am Ann, a table please.", "Agent: For how many?"]


async def test_what_is_summed_up_is_told_and_is_no_instruction() -> None:
    async with rig() as chat:
        chat.context.summary = "Ann wants a table."
        await chat.turn("For four.")
        chat.context.turns.clear()
        chat.context.agent_said("Welcome back.")
        await chat.turn("It is Ann.")
        first, second = ([(m["role"], m["content"]) for m in body["messages"][1:]] for body in chat.asked)
        assert "Ann" not in chat.asked[0]["messages"][0]["content"]
    told = "(What was said before, summed up: Ann wants a table.)"
    assert first == [("user", f"{told}\nFor four.")]
    assert second == [("user", told), ("assistant", "Welcome back."), ("user", "It is Ann.")]


async def test_a_key_that_is_missing_is_told_with_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS["key_env"])
    with pytest.raises(EngineMissing, match=r"engines\.chat.*SPEECH_TEST_KEY"):
        await OpenAiChat(configured("chat", "http://127.0.0.1:9/v1")).load()


async def test_doctor_asks_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig() as chat:
        await chat.brain.probe()
        monkeypatch.setenv(KEYS["key_env"], "another")
        await chat.brain.load()
        with pytest.raises(EngineError, match=r"answered 401.*engines\.chat\.key_env"):
            await chat.brain.probe()


@pytest.mark.parametrize(
    "answer", [openai_error(400, f"bad key {KEY}"), events({"error": {"message": f"bad key {KEY}"}}), events(f"bad key {KEY}")]
)
async def test_the_key_stands_in_no_error(answer: Response) -> None:
    async with rig(answer) as chat:
        with pytest.raises(EngineError) as caught:
            await chat.turn("Hello?")
    assert "bad key" in str(caught.value)
    assert KEY not in str(caught.value)


def test_the_service_of_these_tests_is_strict() -> None:
    """A rig that takes anything would prove nothing."""
    service = ChatService()
    assert "roles must alternate" in _refused(service, ["system", "user", "user"])
    assert "must begin with" in _refused(service, ["system", "assistant"])


def _refused(service: ChatService, roles: list[str]) -> str:
    body = {"model": "m", "stream": True, "messages": [{"role": role, "content": "x"} for role in roles]}
    request = Request("POST", "/v1/chat/completions", "", {"authorization": f"Bearer {KEY}"}, json.dumps(body).encode())
    return service(request).body.decode()
