# SPDX-License-Identifier: GPL-3.0-or-later
"""Who talks with whom, and who will soon."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mediacore import VirtualLeg
from sipagent.bridging import join
from sipagent.bridging.join import Joins
from sipagent.call import Call
from sipagent.testing.leg import FakeControl


def call(name: str) -> Call:
    return Call(VirtualLeg(), FakeControl(), "in", "sip:a@b", "sip:c@d", id=name)


def pair(*calls: Call) -> Any:
    """All that is asked of a join here."""
    return SimpleNamespace(calls=calls)


async def turns() -> None:
    """Whatever can happen now has happened."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_join_that_comes_is_waited_for() -> None:
    """Not another one that comes first; for both calls."""
    joins, (a, b, c, d) = Joins(), map(call, "abcd")
    asked = [asyncio.create_task(joins.soon(each)) for each in (a, b)]
    await turns()
    joins.add(pair(c, d))
    await turns()
    assert not any(task.done() for task in asked)
    mine = pair(a, b)
    joins.add(mine)
    assert await asyncio.gather(*asked) == [mine, mine]
    assert await joins.soon(a) is mine


async def test_a_call_that_ends_or_that_nobody_joins_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    joins, a = Joins(), call("a")
    asked = asyncio.create_task(joins.soon(a))
    await turns()
    assert not asked.done()
    a.ended.set()
    assert await asked is None
    monkeypatch.setattr(join, "SETTLE_S", 0)
    assert await joins.soon(call("b")) is None


async def test_a_join_that_is_over_takes_no_newer_one_away() -> None:
    joins, (a, b, c) = Joins(), map(call, "abc")
    old, new = pair(a, b), pair(a, c)
    joins.add(old)
    joins.add(new)
    joins.drop(old)
    assert (joins.of(a), joins.of(b), joins.of(c)) == (new, None, new)
