# SPDX-License-Identifier: GPL-3.0-or-later
"""A telephone call to `sipagent serve` whose brain is a chat model on loopback; when the model is gone the rules take over.
Real process, real engines, real SIP and RTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sipagent.demo.voice import render
from tests.engines.chat_service import ChatService, said
from tests.engines.conftest import KEYS
from tests.engines.http_server import HttpServer, Mood
from tests.engines.speech_services import KEY
from tests.store.phone import phone
from tests.store.test_restart import RATE, Switch, until

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
