# SPDX-License-Identifier: GPL-3.0-or-later
"""[[tools]] of an agent: what can be declared, what is refused, and what each kind does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import ValidationError

from sipagent.config_tools import ToolRow
from sipagent.engines.base import Act, EngineBusy, EngineError, EngineMissing, EngineTimeout, HandOver, Tool, UserTurn
from sipagent.engines.tool_run import RUNS, ToolWork
from sipagent.engines.tools import MAX_RESULT, MAX_THREADS, close, make
from tests.engines import my_tools
from tests.engines.conftest import KEYS
from tests.engines.http_server import HttpServer, Mood, Request, Response
from tests.engines.speech_services import KEY

NUMBER = {"number": {"type": "string", "description": "Of the order."}}


def row(**fields: Any) -> ToolRow:
    return ToolRow.model_validate({"name": "look", "description": "Looks.", **fields})


def tool(**fields: Any) -> Tool:
    (made,) = make([row(**fields)])
    return made


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "exactly one of http, python, transfer and hangup"),
        ({"python": "a:b", "hangup": True}, "exactly one of"),
        ({"python": "a:b", "name": "two words"}, "letters, digits, - and _"),
        ({"python": "os.system"}, "is not module:function; write for example"),
        ({"python": "a:b", "confirm": "Shall I book for {guests}?"}, "confirm names {guests}, which is none of its arguments"),
        ({"python": "a:b", "confirm": "Shall I {number!r}?", "arguments": NUMBER}, "is not the name of an argument"),
        ({"python": "a:b", "confirm": "Shall I {number?", "arguments": NUMBER}, "write {name} for an argument"),
        (
            {"python": "a:b", "confirm": "{number}?", "arguments": {"number": {"required": False}}},
            "so that argument must be required",
        ),
        ({"hangup": True, "confirm": "Shall I?"}, "leave confirm out"),
        ({"transfer": "desk"}, "desk"),
        ({"http": {"base_url": "http://{host}/v1"}, "arguments": {"host": {}}}, "a model must not choose the server"),
        ({"http": {"base_url": "http://user@host/v1"}}, "must be an address such as"),
        ({"http": {"base_url": "http://h/v1", "path": "/{order}"}}, "http.path names {order}"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_fix(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        row(**fields)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("tests.engines.nowhere:book", "is it on PYTHONPATH"),
        ("tests.engines.my_tools:nothing", "is it on PYTHONPATH"),
        ("tests.engines.my_tools:NOT_A_FUNCTION", "is not a function"),
    ],
)
def test_a_function_that_is_not_there_is_told_when_the_agent_is_made(python: str, words: str) -> None:
    with pytest.raises(EngineMissing, match=words):
        tool(python=python)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(EngineMissing, match="two are called look"):
        make([row(hangup=True), row(hangup=True)])


def test_deeds() -> None:
    assert tool(hangup=True).deed is Act.HANGUP
    assert tool(transfer="sip:desk@127.0.0.1", via="pbx").deed == HandOver("sip:desk@127.0.0.1", "pbx")
    assert tool(python="tests.engines.my_tools:book").deed is None


async def test_a_plain_function_runs_in_a_thread_and_may_return_anything() -> None:
    my_tools.seen.clear()
    made = tool(python="tests.engines.my_tools:opening_hours", arguments={"day": {}})
    assert json.loads(await made.call({"day": "Monday"})) == {"day": "Monday", "from": "nine"}
    assert my_tools.seen != ["MainThread"]


@pytest.mark.parametrize("how", ["leave", "leave_later"])
async def test_a_function_that_wants_to_end_the_program_only_fails(how: str) -> None:
    with pytest.raises(EngineError, match=r"it raised SystemExit"):
        await tool(python=f"tests.engines.my_tools:{how}").call({})


async def test_functions_that_never_return_take_no_thread_that_others_need() -> None:
    my_tools.release.clear()
    made = tool(python="tests.engines.my_tools:hang")
    stuck = [asyncio.ensure_future(made.call({})) for _ in range(MAX_THREADS)]
    await asyncio.sleep(0)
    with pytest.raises(EngineBusy, match="never returned"):
        await made.call({})
    assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 30) == 1
    for task in stuck:
        task.cancel()
    my_tools.release.set()
    await asyncio.gather(*stuck, return_exceptions=True)
    while True:
        try:
            await made.call({})
            break
        except EngineBusy:
            await asyncio.sleep(0.01)


async def test_an_asynchronous_function_is_cancelled_with_the_reply() -> None:
    my_tools.seen.clear()
    made = tool(python="tests.engines.my_tools:book", arguments={"guests": {"type": "integer"}, "name": {"required": False}})
    assert await made.call({"guests": 4}) == "4 for nobody"
    assert made.parameters["required"] == ["guests"]
    task = asyncio.ensure_future(made.call({"guests": 500}))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert my_tools.seen == ["cancelled"]


class Orders:
    """A service."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str, Any]] = []

    def __call__(self, request: Request) -> Response:
        key = request.headers.get("x-api-key") or request.headers.get("authorization", "")
        self.seen.append((request.method, request.path, request.query, json.loads(request.body or b"null")))
        return Response(json.dumps({"key": key, "state": "sent"}).encode(), 201)


async def test_a_request_with_its_arguments_in_path_query_and_body() -> None:
    orders = Orders()
    async with HttpServer(orders) as server:
        http = {"base_url": server.url, "path": "/orders/{number}", **KEYS}
        arguments = {**NUMBER, "full": {"type": "boolean", "required": False}}
        get = tool(http={**http, "method": "GET"}, arguments=arguments)
        assert json.loads(await get.call({"number": "4 7/11?x", "full": True})) == {"key": f"Bearer {KEY}", "state": "sent"}
        post = tool(http={**http, "key_header": "X-Api-Key"}, arguments=arguments)
        assert json.loads(await post.call({"number": "1", "full": False}))["key"] == KEY
    assert orders.seen == [
        ("GET", "/v1/orders/4%207%2F11%3Fx", "full=true", None),
        ("POST", "/v1/orders/1", "", {"full": False}),
    ]


async def test_an_address_is_asked_as_it_stands_and_keeps_its_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    orders = Orders()
    async with HttpServer(orders) as server:
        find = {"base_url": server.url, "path": "/find?number={number}", "method": "GET", **KEYS}
        arguments = {**NUMBER, "full": {"type": "boolean", "required": False}}
        await tool(http=find, arguments=arguments).call({"number": "47 11&x"})
        await tool(http=find, arguments=arguments).call({"number": "1", "full": True})
        await tool(http={**find, "path": ""}, arguments=NUMBER).call({"number": "a/b"})
        await tool(http={**find, "path": "", "method": "POST"}).call({})
    assert [(path, query) for _, path, query, _ in orders.seen] == [
        ("/v1/find", "number=47%2011%26x"),
        ("/v1/find", "number=1&full=true"),
        ("/v1", "number=a%2Fb"),
        ("/v1", ""),
    ]
    assert "11%26x" not in caplog.text  # what a caller says is not for the log


async def test_closing_ends_the_connections() -> None:
    async with HttpServer(Orders()) as server:
        made = make([row(http={"base_url": server.url}), row(name="end", hangup=True)])
        await made[0].call({})
        assert server.open == 1
        await close(made)
        while True:
            if not server.open:
                break
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", ["..", ".", ""])
async def test_a_model_is_not_talked_into_another_address(number: str) -> None:
    orders = Orders()
    async with HttpServer(orders) as server:
        made = tool(http={"base_url": server.url, "path": "/orders/{number}"}, arguments=NUMBER)
        with pytest.raises(EngineError, match="argument number must not be"):
            await made.call({"number": number})
    assert not orders.seen


@pytest.mark.parametrize(
    ("mood", "error", "words"),
    [
        (Mood(instead=Response(b'{"message": "no such order"}', 404)), EngineError, "answered 404: no such order"),
        (Mood(instead=Response(b"", 302, headers={"Location": "http://127.0.0.1:9/"})), EngineError, "answered 302"),
        (Mood(instead=Response(b"", 429)), EngineBusy, "answered 429"),
        (Mood(deaf=True), EngineError, "RemoteProtocolError|ReadError"),
        (Mood(wait_s=30.0), EngineTimeout, "did not answer"),
    ],
)
async def test_a_service_that_fails_says_so(mood: Mood, error: type[EngineError], words: str) -> None:
    async with HttpServer(Orders(), mood) as server:
        made = tool(http={"base_url": server.url}, timeout_s=0.5 if mood.wait_s else 30.0)
        with pytest.raises(error, match=words):
            await made.call({})


async def test_a_long_answer_is_cut() -> None:
    async with HttpServer(Orders(), Mood(instead=Response(b"x" * 100_000))) as server:
        assert await tool(http={"base_url": server.url}).call({}) == "x" * MAX_RESULT


async def test_an_interruption_closes_the_request() -> None:
    RUNS.clear()
    async with HttpServer(Orders(), Mood(wait_s=60.0)) as server:
        tokens = ToolWork(tool(http={"base_url": server.url}), {}).run(UserTurn("x"))
        await anext(tokens)
        task = asyncio.ensure_future(anext(tokens))
        await server.asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(server.left_early.wait(), 5)
    assert dict(RUNS) == {("look", "cancelled"): 1}
