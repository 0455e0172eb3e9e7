# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool for work that may hang: real threads, held by events and never by sleeping."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator

import pytest

from sipagent.engines.base import EngineError, EngineMissing, EngineTimeout
from sipagent.engines.pool import Pool
from sipagent.engines.workers import MAX_REPLACED, Workers


def numbered(kill: list[int] | None = None, count: int = 2, timeout_s: float = 60.0) -> Workers[int]:
    numbers = itertools.count()
    kill_one = kill.append if kill is not None else None
    return Workers("test", count, lambda: next(numbers), timeout_s, kill_one, Pool(count))


async def test_each_thread_has_its_own_state() -> None:
    pool = numbered()
    await pool.start()
    meet = threading.Barrier(2, timeout=10)

    def job(state: int) -> int:
        meet.wait()
        return state

    assert sorted(await asyncio.gather(pool.run(job), pool.run(job))) == [0, 1]
    assert pool.busy == 0
    await pool.close()


async def test_a_state_that_cannot_be_made_is_told_at_start() -> None:
    def broken() -> int:
        raise EngineMissing("install it")

    with pytest.raises(EngineMissing, match="install it"):
        await Workers("test", 2, broken, 1.0).start()


async def test_an_error_reaches_the_caller_and_the_thread_lives_on() -> None:
    pool = numbered(count=1)
    await pool.start()
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda state: 1 // 0)
    assert await pool.run(lambda state: state) == 0
    await pool.close()


async def test_a_job_that_hangs_is_given_up_and_its_thread_replaced() -> None:
    killed: list[int] = []
    pool = numbered(killed, count=1, timeout_s=0.05)
    await pool.start()
    forever = threading.Event()
    with pytest.raises(EngineTimeout, match="no answer within"):
        await pool.run(lambda state: forever.wait())
    assert killed == [0]
    assert await pool.run(lambda state: state) == 1
    forever.set()
    await pool.close()


async def test_a_thread_that_comes_back_while_it_is_given_up_takes_no_more_work() -> None:
    """Killing what it hangs on frees it at once; the slot of whatever it did afterwards would never be free again."""
    forever = threading.Event()
    hung: list[threading.Thread] = []

    def kill(state: int) -> None:
        forever.set()
        if threading.current_thread() is threading.main_thread():
            for thread in hung:
                thread.join(1.0)  # gives it the time to come back

    pool = Workers("test", 1, itertools.count().__next__, 60.0, kill, Pool(1))
    await pool.start()

    def hang(state: int) -> None:
        hung.append(threading.current_thread())
        forever.wait()

    for n in range(1, MAX_REPLACED + 2):  # those that came back are no burden
        forever.clear()
        pool.timeout_s = 0.05
        with pytest.raises(EngineTimeout, match="no answer within"):
            await pool.run(hang)
        pool.timeout_s = 20.0
        assert [await pool.run(lambda state: state) for _ in range(3)] == [n, n, n]
        for thread in hung:
            thread.join(20)
            assert not thread.is_alive()
    await pool.close()


async def test_a_job_that_found_no_thread_in_time_never_runs() -> None:
    pool = numbered(count=1, timeout_s=0.05)
    await pool.start()
    pool.timeout_s = 30.0
    hold, ran = threading.Event(), []
    first = asyncio.create_task(pool.run(lambda state: hold.wait()))
    await asyncio.sleep(0)
    pool.timeout_s = 0.01
    with pytest.raises(EngineTimeout, match="busy"):
        await pool.run(lambda state: ran.append(state))
    hold.set()
    await first
    assert await pool.run(lambda state: state) == 0
    assert ran == []
    await pool.close()


async def test_a_cancelled_job_that_waits_never_runs() -> None:
    pool = numbered(count=1)
    await pool.start()
    hold, ran = threading.Event(), []
    first = asyncio.create_task(pool.run(lambda state: hold.wait()))
    second = asyncio.create_task(pool.run(lambda state: ran.append(state)))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    hold.set()
    await first
    await pool.run(lambda state: None)
    assert ran == []
    assert pool.busy == 0
    await pool.close()


async def test_pieces_come_as_they_are_made() -> None:
    pool = numbered(count=1)
    await pool.start()
    go = threading.Semaphore(1)

    def job(state: int) -> Iterator[bytes]:
        for i in range(3):
            assert go.acquire(timeout=10)
            yield bytes([i])

    got = []
    async for piece in pool.stream(job):
        got.append(piece)
        go.release()
    assert got == [b"\0", b"\1", b"\2"]
    await pool.close()


async def test_closing_a_stream_stops_the_work() -> None:
    pool = numbered(count=1)
    await pool.start()
    made: list[int] = []
    go = threading.Semaphore(1)

    def job(state: int) -> Iterator[bytes]:
        for i in range(100):
            assert go.acquire(timeout=10)
            made.append(i)
            yield b"x"

    stream = pool.stream(job)
    assert await anext(stream) == b"x"
    await stream.aclose()
    go.release(200)
    await pool.run(lambda state: None)
    assert len(made) <= 2
    await pool.close()


async def test_a_stream_that_hangs_or_breaks_raises() -> None:
    pool = numbered(count=1, timeout_s=0.05)
    await pool.start()
    forever = threading.Event()

    def hangs(state: int) -> Iterator[bytes]:
        yield b"first"
        forever.wait()

    def breaks(state: int) -> Iterator[bytes]:
        yield b"first"
        raise OSError("gone")

    with pytest.raises(EngineTimeout):
        _ = [piece async for piece in pool.stream(hangs)]
    with pytest.raises(EngineError, match="gone"):
        _ = [piece async for piece in pool.stream(breaks)]
    forever.set()
    await pool.close()
