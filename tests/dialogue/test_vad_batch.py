# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice detector judges all callers at once, and tells when it can't keep up. Its model is held by the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sipagent.config import Config
from sipagent.engines.pool import Pool, Work
from sipagent.engines.silero import MAX_BEHIND, SileroVad

RATE = 16000
WINDOW = bytes(2 * 512)


class Model:
    """Says for each caller how often it has heard him, and waits for `go` each time."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.began = threading.Semaphore(0)
        self.batches: list[int] = []

    def run(self, _: object, inputs: dict[str, Any]) -> tuple[Any, Any]:
        n = len(inputs["input"])
        self.batches.append(n)
        self.began.release()
        assert self.go.acquire(timeout=30)
        state = inputs["state"] + 1
        return state[0, :, :1] / 100, state


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    mine = Pool(2)
    monkeypatch.setattr("sipagent.engines.silero.shared", lambda: mine)
    return mine


async def loaded(monkeypatch: pytest.MonkeyPatch) -> tuple[SileroVad, Model]:
    model = Model()
    monkeypatch.setattr("sipagent.engines.silero._open", lambda path: model)
    vad = SileroVad(Config())
    await vad.load()
    return vad, model


async def began(model: Model) -> None:
    assert await asyncio.to_thread(model.began.acquire, timeout=30)


async def until(done: Callable[[], bool]) -> None:
    """The model works on another thread."""
    while True:
        if done():
            return
        await asyncio.sleep(0.001)


async def test_callers_that_wait_are_judged_in_one_run(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    vad, model = await loaded(monkeypatch)
    told: dict[int, list[tuple[int, float]]] = {i: [] for i in range(8)}
    streams = [vad.stream(RATE, lambda end, p, i=i: told[i].append((end, p))) for i in range(8)]  # type: ignore[misc]
    streams[0].feed(WINDOW)
    await began(model)
    for stream in streams:  # while the model is at work
        stream.feed(WINDOW)
    model.go.release(3)
    await began(model)
    await until(lambda: all(told.values()) and len(told[0]) == 2)
    assert sorted(model.batches) == [1, 8]
    assert told[0] == [(512, pytest.approx(0.01)), (1024, pytest.approx(0.02))], "each caller's state is his own"
    assert all(told[i] == [(512, pytest.approx(0.01))] for i in range(1, 8))
    work = pool.work("silero")
    assert (work.jobs, work.refused) == (9, 0)
    await vad.close()


async def test_sound_that_is_passed_over_is_counted(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    vad, model = await loaded(monkeypatch)
    ends: list[int] = []
    stream = vad.stream(RATE, lambda end, p: ends.append(end))
    stream.feed(WINDOW)
    await began(model)
    stream.feed(WINDOW * (MAX_BEHIND + 5))
    work: Work = pool.work("silero")
    assert work.refused == 5
    model.go.release(1000)
    await until(lambda: bool(ends) and ends[-1] == 512 * (MAX_BEHIND + 6))
    assert len(ends) == MAX_BEHIND + 1, "no window is judged twice, and time is kept"
    assert work.late >= MAX_BEHIND - 5
    await vad.close()
