# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for the first of flags, tasks and coroutines: who was it, who is left alone, and what is cleaned up."""

from __future__ import annotations

import asyncio

import pytest

from sipagent.waiting import Flag, first


async def never() -> None:
    await asyncio.Event().wait()


async def test_a_flag_that_is_set_is_first_at_once() -> None:
    a, b = Flag(), Flag()
    b.set()
    assert await first(a, b) == 1


async def test_flags_take_no_tasks() -> None:
    a, b = Flag(), Flag()
    waiting = asyncio.create_task(first(a, b, timeout_s=100))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task(), waiting}
    b.set()
    a.set()
    assert await waiting == 1


async def test_a_flag_wakes_those_who_wait_for_it_alone_too() -> None:
    flag = Flag()
    alone = asyncio.create_task(flag.wait())
    together = asyncio.create_task(first(flag, Flag()))
    await asyncio.sleep(0)
    flag.set()
    assert await alone is True
    assert await together == 0


async def test_time_is_over() -> None:
    assert await first(Flag(), never(), timeout_s=0) is None


async def test_a_task_is_watched_and_its_error_stays_its_own() -> None:
    async def fails() -> None:
        raise ValueError("mine")

    task = asyncio.create_task(fails())
    assert await first(Flag(), task) == 1
    with pytest.raises(ValueError, match="mine"):
        await task
    left_alone = asyncio.create_task(never())
    set_already = Flag()
    set_already.set()
    assert await first(left_alone, set_already) == 1
    assert not left_alone.cancelled()
    left_alone.cancel()


async def test_coroutines_are_cancelled_and_their_error_is_raised() -> None:
    cancelled = asyncio.Event()

    async def waits() -> None:
        try:
            await never()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("raised")

    with pytest.raises(ValueError, match="raised"):
        await first(waits(), fails())
    assert cancelled.is_set()


async def test_nothing_is_left_with_a_flag_that_lives_on() -> None:
    long_lived, flag = Flag(), Flag()
    for _ in range(3):
        assert await first(long_lived, flag, timeout_s=0) is None
    waiting = asyncio.create_task(first(long_lived, flag))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert long_lived._listeners == flag._listeners == []
