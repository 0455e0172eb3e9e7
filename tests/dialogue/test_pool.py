# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU of all engines: who goes first, who is refused. Real threads held by events; time is the test's own."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest

from sipagent.engines.base import EngineBusy, EngineError, EngineTimeout
from sipagent.engines.deadline import Due, due, due_now
from sipagent.engines.pool import Job, Pool, Work
from sipagent.engines.workers import Workers


class Hands:
    """An engine with any number of threads, none of them real: a begun job is done when the test says so."""

    def __init__(self, pool: Pool, name: str = "hands", threads: int = 1_000_000) -> None:
        self.pool, self.work, self.free = pool, pool.work(name), threads
        self.begun: list[Job] = []
        self.refused: list[str] = []

    def take(self) -> object | None:
        self.free -= 1
        return object() if self.free >= 0 else None

    def begin(self, thread: Any, job: Job) -> None:
        self.begun.append(job)

    def job(self, at_s: float, until_s: float = 1e9, size: float = 1.0) -> Job:
        job = Job(self, lambda state: None, lambda e: self.refused.append(str(e)), at_s, until_s, size)
        self.pool.submit(job)
        return job


class Now:
    """A clock."""

    s = 0.0

    def __call__(self) -> float:
        return self.s


def test_who_is_needed_first_goes_first_whatever_engine_it_is_of() -> None:
    pool = Pool(1, Now())
    stt, tts = Hands(pool, "stt"), Hands(pool, "tts")
    under_way = stt.job(9.0)
    later, first, second = stt.job(3.0), tts.job(1.0), stt.job(2.0)
    order = []
    for _ in range(4):
        running = next(j for j in (under_way, later, first, second) if j in stt.begun + tts.begun and j not in order)
        order.append(running)
        pool.done(running)
    assert order == [under_way, first, second, later]


def test_never_more_at_once_than_there_are_slots() -> None:
    """Random arrivals, ends and departures: every job that somebody waits for is begun once, and none is lost."""
    rng = random.Random(5)
    pool = Pool(3, Now())
    homes = [Hands(pool, f"engine {i}") for i in range(3)]
    running: list[Job] = []
    jobs: list[Job] = []
    left: list[Job] = []
    for step in range(3000):
        if step < 2000 and rng.random() < 0.5:
            jobs.append(rng.choice(homes).job(rng.random()))
        elif rng.random() < 0.2 and (waiting := [j for j in jobs if j.thread is None and not j.gone]):
            gone = rng.choice(waiting)
            gone.gone = True
            left.append(gone)
        elif running:
            pool.done(running.pop(rng.randrange(len(running))))
        begun = [j for home in homes for j in home.begun]
        running += begun
        for home in homes:
            home.begun.clear()
        assert len(running) <= 3
        assert pool.depth()[0] == len(running)
    while running:
        pool.done(running.pop())
        running += [j for home in homes for j in home.begun]
        for home in homes:
            home.begun.clear()
    assert all((job.thread is None) == (job in left) for job in jobs)
    assert pool.depth() == (0, 0)


def test_an_engine_without_a_free_thread_holds_up_no_other() -> None:
    pool = Pool(2, Now())
    narrow, wide = Hands(pool, "narrow", threads=1), Hands(pool, "wide")
    narrow.job(1.0)
    stuck, other = narrow.job(1.0), wide.job(5.0)
    assert other in wide.begun
    assert stuck not in narrow.begun


def test_what_would_come_too_late_is_refused_before_it_waits() -> None:
    now = Now()
    pool = Pool(1, now)
    hands = Hands(pool)
    first = hands.job(0.0, size=2.0)
    now.s = 1.0
    pool.done(first)  # half a second for each unit
    assert hands.work.s_per_unit == pytest.approx(0.5)
    hands.job(1.0, size=4.0)  # ends at 3.0
    hands.job(2.0, until_s=3.6)  # ends at 3.5
    with pytest.raises(EngineBusy, match=r"0\.40 s after it is of use"):
        hands.job(2.5, until_s=3.6)
    assert hands.work.refused == 1
    hands.job(1.5, until_s=3.6)  # needed before the one that waits


def test_an_idle_pool_refuses_nobody() -> None:
    """Or what was learned in a bad moment would keep an engine out for ever."""
    now = Now()
    pool = Pool(1, now)
    hands = Hands(pool)
    slow = hands.job(0.0)
    now.s = 60.0
    pool.done(slow)
    again = hands.job(60.0, until_s=60.5)
    assert again in hands.begun
    assert hands.work.late == 1


def test_what_waited_too_long_is_refused_when_its_turn_comes() -> None:
    now = Now()
    pool = Pool(1, now)
    hands = Hands(pool)
    first, waits = hands.job(0.0), hands.job(0.0, until_s=1.0)
    now.s = 2.0
    pool.done(first)
    assert waits not in hands.begun
    assert hands.refused == ["hands: refused: it waited 2.00 s (0 jobs wait for 1 slots)"]


def test_stopped_work_teaches_nothing() -> None:
    now = Now()
    pool = Pool(1, now)
    hands = Hands(pool)
    job = hands.job(0.0)
    now.s, job.gone = 5.0, True
    pool.done(job)
    assert hands.work == Work("hands", waited_s=0.0)
    assert pool.depth() == (0, 0)


async def test_the_deadline_travels_with_the_task() -> None:
    """Through whatever lies between the dialogue and the engine; and of two that wait, the urgent one is done first."""
    pool = Pool(1)
    engine: Workers[list[str]] = Workers("test", 1, list, 60.0, pool=pool)
    await engine.start()
    hold, done = threading.Event(), []

    async def wrapped(name: str, in_s: float, until_s: float | None = None) -> None:
        with due(in_s, until_s):
            await asyncio.create_task(asyncio.wait_for(engine.run(lambda state: done.append(name)), 60))

    first = asyncio.create_task(engine.run(lambda state: hold.wait()))
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(wrapped(name, in_s)) for name, in_s in (("later", 9.0), ("soon", 1.0), ("between", 5.0))]
    hopeless = asyncio.create_task(wrapped("hopeless", 0.0, -1.0))
    for _ in range(5):  # steps of a task until its job is submitted
        await asyncio.sleep(0)
    assert pool.depth() == (1, 4)
    hold.set()
    with pytest.raises(EngineBusy, match="it waited"):
        await hopeless
    await asyncio.gather(first, *tasks)
    assert done == ["soon", "between", "later"]
    assert due_now() is None
    await engine.close()


async def test_a_hung_thread_gives_its_slot_back() -> None:
    """Another engine of the process goes on, though there is one slot only."""
    pool = Pool(1)
    bad: Workers[None] = Workers("bad", 1, lambda: None, 0.05, pool=pool)
    good: Workers[None] = Workers("good", 1, lambda: None, 60.0, pool=pool)
    await asyncio.gather(bad.start(), good.start())
    forever = threading.Event()
    with pytest.raises(EngineTimeout, match="no answer"):
        await bad.run(lambda state: forever.wait())
    assert await good.run(lambda state: 1) == 1
    forever.set()
    await asyncio.gather(bad.close(), good.close())


async def test_a_closed_engine_keeps_no_slot() -> None:
    """An agent's own engines are closed when its file changes; the pool goes on for the others."""
    pool = Pool(1)
    old: Workers[None] = Workers("old", 1, lambda: None, 60.0, pool=pool)
    new: Workers[None] = Workers("new", 1, lambda: None, 60.0, pool=pool)
    await asyncio.gather(old.start(), new.start())
    hold = threading.Event()
    under_way = asyncio.create_task(old.run(lambda state: hold.wait()))
    waits = asyncio.create_task(old.run(lambda state: None))
    await asyncio.sleep(0)
    await old.close()
    hold.set()
    assert await under_way, "what had begun is finished"
    assert await asyncio.wait_for(new.run(lambda state: 1), 20) == 1
    assert not waits.done()
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    with pytest.raises(EngineError, match="closed"):
        await old.run(lambda state: None)
    async with asyncio.timeout(20):
        while True:  # an answer comes a little before its slot
            if pool.depth() == (0, 0):
                break
            await asyncio.sleep(0.01)
    await new.close()


def test_due_is_a_time_of_the_clock() -> None:
    with due(1.0, 2.0):
        inner = due_now()
        assert isinstance(inner, Due)
        assert inner.until_s is not None
        assert inner.until_s - inner.at_s == pytest.approx(1.0)
    assert due_now() is None
