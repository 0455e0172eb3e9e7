# SPDX-License-Identifier: GPL-3.0-or-later
"""A telephone call to `sipagent serve` whose brain is a chat model on loopback; when the model is gone the rules take over.
Real process, real engines, real SIP and RTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sipagent.demo.voice import render
from tests.engines.chat_service import ChatService, called, said
from tests.engines.conftest import KEYS
from tests.engines.http_server import HttpServer, Mood, Response
from tests.engines.speech_services import KEY
from tests.store.phone import phone
from tests.store.test_restart import RATE, Switch, until

AGENT = """
greeting = "Hello, this is the Blue Door."
instructions = "You take bookings for a restaurant called the Blue Door."

[engines]
brain = "openai"

[engines.chat]
base_url = "{model}"
key_env = "{key}"

[[tools]]
name = "book"
description = "Books a table."
confirm = "Shall I book a table for {{guests}} people?"
http = {{ base_url = "{books}", path = "/tables" }}
arguments.guests.type = "integer"
"""
SAID = ["Do you have a swimming pool?", "What are your opening hours?"]


@pytest_asyncio.fixture
async def model() -> AsyncIterator[tuple[ChatService, HttpServer]]:
    service = ChatService(said("The pool is on the roof, and it is open all night."))
    async with HttpServer(service) as server:
        yield service, server


async def test_a_model_answers_and_the_rules_take_over(
    model: tuple[ChatService, HttpServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, server = model
    monkeypatch.setenv(KEYS["key_env"], KEY)
    pool, hours = await render(SAID, RATE)
    brain = ["[engines]", 'brain = "openai"', "[engines.failover]", 'brain = ["rules"]']
    chat = ["[engines.chat]", f'base_url = "{server.url}"', f'key_env = "{KEYS["key_env"]}"']
    switch = Switch(tmp_path, *brain, *chat)
    try:
        async with phone(switch.uri, "+4930111") as caller:
            await caller.hear()
            await caller.say(pool)
            await caller.hear()
            await until(lambda: "on the roof" in switch.agent_lines()[-1], "the model's words")
            server.mood = Mood(cut_after=0)
            await caller.say(hours)
            await caller.hear()
            await until(lambda: "seven in the morning" in switch.agent_lines()[-1], "the rules' words")
    finally:
        switch.process.stop()
    words = [message["content"] for message in service.asked[0]["messages"]]
    assert "Lakeside Hotel" in words[0]
    assert "swimming pool" in words[-1].lower()
    assert KEY not in switch.process.output()


async def test_an_agent_file_with_a_tool_that_asks_first(
    model: tuple[ChatService, HttpServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, server = model
    service.answers = [called("book", {"guests": 4}), said("It is booked for you.")]
    monkeypatch.setenv(KEYS["key_env"], KEY)
    table, yes = await render(["I would like a table for four.", "Yes, please."], RATE)
    async with HttpServer(lambda request: Response(b'{"booked": true}', 201)) as books:
        file = tmp_path / "blue_door.toml"
        file.write_text(AGENT.format(model=server.url, key=KEYS["key_env"], books=books.url))
        switch = Switch(tmp_path, "[dialogue]", f"agent = {json.dumps(str(file))}")
        try:
            async with phone(switch.uri, "+4930111") as caller:
                await caller.hear()
                await caller.say(table)
                await caller.hear()
                await until(lambda: "Shall I book a table for 4 people?" in switch.agent_lines()[-1], "the question")
                assert not books.requests
                await caller.say(yes)
                await caller.hear()
                await until(lambda: "It is booked for you." in switch.agent_lines()[-1], "the model's words")
        finally:
            switch.process.stop()
        assert [(r.method, r.path, json.loads(r.body)) for r in books.requests] == [("POST", "/v1/tables", {"guests": 4})]
    assert [m["content"] for m in service.asked[-1]["messages"] if m["role"] == "tool"][-1] == '{"booked": true}'
