# SPDX-License-Identifier: GPL-3.0-or-later
"""A caller who calls again, with the file on disk: met with his own conversation, or as a stranger when that is not sure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sipagent.call import Call
from sipagent.config_memory import Memory as Settings
from sipagent.store import memory as module
from sipagent.store.memory import Memory
from sipagent.store.rows import Key, StoreError
from sipagent.testing import FakeLeg, fake_call


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path, clock: Clock) -> AsyncIterator[Start]:
    """Starts a switch's memory on the same file each time: the one before is closed, as at a restart."""
    running: list[Memory] = []

    async def again(**settings: Any) -> Memory:
        while running:
            await running.pop().close()
        memory = Memory(Settings(**{"file": tmp_path / "memory.db", **settings}), clock)
        await memory.open()
        running.append(memory)
        return memory

    yield again
    while running:
        await running.pop().close()


async def call_from(memory: Memory, identity: str = "sip:alice@example.org", agent: str = "reception", **facts: Any) -> Call:
    call, _ = fake_call(FakeLeg())
    call.direction, call.identity = "in", identity
    for name, value in facts.items():
        setattr(call, name, value)
    await memory.recall(call, agent)
    return call


def talk(call: Call, said: str = "do you have parking", heard: str = "There is.") -> None:
    call.context.agent_said("Hello.")
    call.context.slots = {"flow": said}
    call.context.caller_said(said)
    call.context.agent_said(heard)


async def test_who_calls_again_after_a_restart_goes_on_where_he_was(start: Start, clock: Clock) -> None:
    memory = await start()
    talk(await call_from(memory))
    clock.now_s += 3599
    memory = await start()
    context = (await call_from(memory)).context
    assert context.returning
    assert [e.caller for e in context.turns] == ["", "do you have parking"]
    assert context.slots == {"flow": "do you have parking"}
    assert memory.recalled == {"returning": 1, "new": 0, "unknown": 0, "failed": 0}


async def test_what_is_not_in_the_file_yet_is_known_all_the_same(start: Start) -> None:
    memory = await start()
    talk(await call_from(memory))
    assert memory.pending == 1
    assert (await call_from(memory)).context.returning


@pytest.mark.parametrize(
    ("settings", "again"),
    [
        ({}, {"identity": "sip:bob@example.org"}),
        ({}, {"account": "trunk"}),
        ({}, {"agent": "sales"}),
        ({}, {"privacy": frozenset({"id"})}),
        ({}, {"identity": "", "remote_uri": "sip:alice@example.org"}),
        ({"return_s": 0}, {}),
    ],
)
async def test_nobody_else_is_met_with_it(start: Start, settings: dict[str, Any], again: dict[str, Any], clock: Clock) -> None:
    memory = await start(**settings)
    talk(await call_from(memory))
    clock.now_s += 1
    context = (await call_from(memory, **again)).context
    assert (context.returning, context.turns, context.slots) == (False, [], {})


async def test_after_the_window_everybody_begins_anew(start: Start, clock: Clock) -> None:
    memory = await start(return_s=60)
    talk(await call_from(memory))
    clock.now_s += 61
    assert not (await call_from(memory)).context.returning
    await start(return_s=60)
    memory = await start(return_s=60)
    assert not (await call_from(memory)).context.returning


async def test_who_heard_a_greeting_and_hung_up_is_greeted_again(start: Start) -> None:
    memory = await start()
    (await call_from(memory)).context.agent_said("Hello.")
    assert not (await call_from(memory)).context.returning


async def test_an_agent_that_has_the_call_again_goes_on_even_if_nothing_is_kept(start: Start) -> None:
    """He was transferred, and is back: the same call needs no proof of who it is."""
    memory = await start(file=None)
    call = await call_from(memory, identity="")
    talk(call)
    first = call.context
    await memory.recall(call, "sales")
    assert (call.context.turns, call.context.returning) == ([], False)
    await memory.recall(call, "reception")
    assert call.context is first
    assert call.context.returning


async def test_switched_off_nothing_is_written(start: Start, tmp_path: Path) -> None:
    memory = await start(file=None)
    talk(await call_from(memory))
    await memory.close()
    assert not any(map(Path.exists, [tmp_path / "memory.db"]))
    assert await memory.of_caller("sip:alice@example.org") == []
    assert await memory.forget("sip:alice@example.org") == 0


async def test_who_is_not_known_is_not_written(start: Start) -> None:
    memory = await start()
    talk(await call_from(memory, identity="", remote_uri="sip:alice@example.org"))
    assert (memory.pending, memory.recalled["unknown"]) == (0, 1)


async def test_forgotten_in_the_middle_of_a_call_nothing_comes_back(start: Start) -> None:
    memory = await start()
    call = await call_from(memory)
    talk(call)
    assert len(await memory.of_caller("sip:alice@example.org")) == 1
    talk(call)
    assert await memory.forget("<sip:alice@example.org;transport=tcp>") == 1
    talk(call)
    assert await memory.of_caller("alice@example.org") == []
    memory = await start()
    assert not (await call_from(memory)).context.returning


async def test_forgotten_he_may_be_in_two_calls(start: Start) -> None:
    memory = await start()
    calls = [await call_from(memory), await call_from(memory)]
    talk(calls[0])
    await memory.forget("alice@example.org")
    for call in calls:
        talk(call)
    assert await memory.of_caller("alice@example.org") == []


async def test_old_conversations_are_deleted_at_the_start_and_while_it_runs(
    start: Start, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_S", (0.01, 0.01))
    memory = await start(keep_s=3600)
    talk(await call_from(memory))
    assert await memory.of_caller("alice@example.org")
    clock.now_s += 3601
    for _ in range(3000):  # 30 s on a machine that stalls, a moment on one that does not
        if not await memory.of_caller("alice@example.org"):
            break
        await asyncio.sleep(0.01)
    assert await memory.of_caller("alice@example.org") == []
    talk(await call_from(memory, "sip:bob@example.org"))
    clock.now_s += 3601
    monkeypatch.setattr(module, "SWEEP_S", (600.0, 600.0))
    memory = await start(keep_s=3600)
    assert await memory.of_caller("bob@example.org") == []


async def test_a_store_that_hangs_costs_the_caller_his_past_and_not_his_call(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = await start()
    talk(await call_from(memory))
    memory = await start()
    monkeypatch.setattr(module, "RECALL_S", 0.05)
    monkeypatch.setattr(memory._database, "read", lambda key, since_s: asyncio.sleep(3600))
    context = (await call_from(memory)).context
    assert (context.returning, memory.recalled["failed"]) == (False, 1)
    talk(await call_from(memory, "sip:bob@example.org"))  # and he is remembered from now on
    assert memory.pending == 1
    monkeypatch.setattr(module, "RECALL_S", 3600.0)  # the next one does not wait at all
    assert not (await asyncio.wait_for(call_from(memory, "sip:carol@example.org"), 30)).context.returning
    assert memory.recalled["failed"] == 3


async def test_a_driver_that_breaks_costs_the_caller_his_past_and_not_his_call(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(key: Key, since_s: float) -> None:
        raise RuntimeError("thread is gone")

    memory = await start()
    monkeypatch.setattr(memory._database, "read", broken)
    assert not (await call_from(memory)).context.returning
    assert memory.recalled["failed"] == 1


async def test_who_asks_by_http_for_a_store_that_hangs_gets_an_answer(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = await start()
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    monkeypatch.setattr(memory._database, "of_caller", lambda caller: asyncio.sleep(3600))
    monkeypatch.setattr(memory._database, "forget", lambda caller: asyncio.sleep(3600))
    with pytest.raises(StoreError, match=r"did not answer in 0\.05 s"):
        await memory.of_caller("alice@example.org")
    with pytest.raises(StoreError, match="did not answer"):
        await memory.forget("alice@example.org")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"version": 1, "turns": 3, "slots": {}, "summary": ""}', "\x00"])
async def test_a_damaged_conversation_is_as_good_as_none(start: Start, body: str) -> None:
    memory = await start()
    call = await call_from(memory)
    talk(call)
    row = (await memory.of_caller("alice@example.org"))[0]
    assert memory._database is not None
    await memory._database.write([type(row)(row.key, row.call_id, row.updated_s, body)])
    context = (await call_from(memory)).context
    assert (context.returning, memory.recalled["failed"]) == (False, 1)


def test_nothing_is_kept_shorter_than_it_is_needed() -> None:
    with pytest.raises(ValueError, match="raise keep_s"):
        Settings(return_s=100, keep_s=50)
