# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of callers over HTTP: read, deleted, counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sipagent.config_memory import Memory as Settings
from sipagent.store.memory import Memory
from tests.api.switch import Switch, samples


@pytest.fixture
async def memory(switch: Switch, tmp_path: Path) -> AsyncIterator[Memory]:
    switch.memory = Memory(Settings(file=tmp_path / "memory.db"))
    await switch.memory.open()
    yield switch.memory
    await switch.memory.close()


async def test_a_caller_s_conversations_are_shown_and_deleted(http: httpx.AsyncClient, switch: Switch, memory: Memory) -> None:
    call = switch.add("c1", identity="sip:+4930123@gw.example")
    await memory.recall(call, "reception")
    call.context.caller_said("parking?")
    call.context.agent_said("Yes.")
    for caller in ("tel:+49-30-123", "+4930123"):
        [kept] = (await http.get("/v1/memory", params={"caller": caller})).json()["conversations"]
        assert (kept["account"], kept["caller"], kept["agent"], kept["call_id"]) == ("", "+4930123", "reception", "c1")
        assert [turn["caller"] for turn in kept["context"]["turns"]] == ["parking?"]
    found = await samples(http)
    assert found["sipagent_memory_recalled_total", ("new",)] == 1
    assert found["sipagent_memory_states_total", ("written",)] == 1
    assert found["sipagent_memory_pending", ()] == 0
    assert (await http.delete("/v1/memory", params={"caller": "tel:+4930123"})).json() == {"conversations": 1}
    assert (await http.get("/v1/memory", params={"caller": "tel:+4930123"})).json() == {"conversations": []}


async def test_a_damaged_conversation_can_be_deleted(http: httpx.AsyncClient, switch: Switch, memory: Memory) -> None:
    call = switch.add("c1", identity="sip:alice@gw.example")
    await memory.recall(call, "reception")
    call.context.agent_said("Yes.")
    [row] = await memory.of_caller("alice@gw.example")
    assert memory._database is not None
    await memory._database.write([type(row)(row.key, row.call_id, row.updated_s, "{")])
    [kept] = (await http.get("/v1/memory", params={"caller": "alice@gw.example"})).json()["conversations"]
    assert kept["context"] == {}
    assert (await http.delete("/v1/memory", params={"caller": "alice@gw.example"})).json() == {"conversations": 1}


async def test_a_store_that_fails_is_told(http: httpx.AsyncClient, switch: Switch, memory: Memory) -> None:
    await memory.close()
    answer = await http.get("/v1/memory", params={"caller": "alice@gw.example"})
    assert answer.status_code == 503
    assert "is not open" in answer.json()["detail"]


async def test_nobody_is_kept_when_it_is_off(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/memory", params={"caller": "sip:a@b"})).json() == {"conversations": []}
    assert (await http.get("/v1/memory")).status_code == 422
