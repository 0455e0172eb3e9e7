# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/agents.md: its files are good, its conversation goes as it says, its program runs."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path

import pytest

from sipagent.agents import file
from sipagent.agents.flow import FlowScript
from sipagent.agents.reference import reference
from sipagent.config import Config
from sipagent.engines import tools
from sipagent.engines.base import Act, HandOver, UserTurn
from tests.agents.phone import house

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_routes_are_good() -> None:
    assert [route.agent for route in Config.model_validate(tomllib.loads(blocks("toml")[0])).routes] == [
        "restaurant.toml",
        "callback.py",
    ]


def test_the_conversation_goes_as_the_page_says(tmp_path: Path) -> None:
    path = tmp_path / "restaurant.toml"
    path.write_text(blocks("toml")[1])
    described = file.read(path)
    assert file.configured(Config(), described, path).engines.speed == 1.1
    desk = FlowScript(described, lambda: datetime(2026, 5, 6, 9, 20))
    answer, said = desk.greet(), []
    for line in blocks("text")[0].splitlines():
        who, _, text = line.partition(": ")
        if who == "caller":
            answer = desk.reply(UserTurn(text))
        else:
            assert answer.text == text
            said.append(text)
    assert len(said) == 8
    assert answer.acts == (Act.HANGUP,)
    assert desk.notes()["saved_bookings"][0]["day"] == "2026-05-09"


def test_the_agent_with_a_model_is_good(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text(blocks("toml")[2])
    described = file.read(path)
    assert file.configured(Config(), described, path).engines.brain == "openai"
    assert tools.make(described.tools)[0].deed == HandOver("sip:manager@192.0.2.20")


async def test_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "callback.py"
    path.write_text(blocks("python")[0])
    async with house(monkeypatch, agent=str(path)) as here:
        phone = await here.phones()
        await phone.hears("Who is calling?")
        phone.says("my name is Anna Smith")
        await phone.hears("hash key.")
        await phone.call.send_dtmf("5551234#")
        await phone.hears("right now?")
        phone.says("no thanks")
        await phone.until(phone.call.ended.is_set)
        assert phone.other.notes["callback"] == {"name": "Anna Smith", "number": "5551234"}
        await here.empty()


def test_every_key_is_listed() -> None:
    page = reference()
    for key in ("`greeting`", "`[[flow.step]]`", "`confirm`", "`[[tools]]`", "`not_reached`"):
        assert key in page
