# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints never wait for the disk, and a disk that fails or is slow is seen in the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sipagent.store import writer as module
from sipagent.store.rows import Key, Row, StoreError
from sipagent.store.writer import PENDING, Writer


def row(caller: str, n: int) -> Row:
    return Row(Key("", caller, "reception"), "c", float(n), f"{caller} {n}")


class Disk:
    """Writes when it may."""

    def __init__(self) -> None:
        self.done: list[list[str]] = []
        self.free = asyncio.Event()
        self.failures = 0
        self.error: Exception = StoreError("disk full")

    async def write(self, rows: Sequence[Row]) -> None:
        await self.free.wait()
        if self.failures:
            self.failures -= 1
            raise self.error
        self.done.append([r.body for r in rows])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    monkeypatch.setattr(module, "CLOSE_S", 0.2)


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_of_each_conversation_the_newest_state_is_written() -> None:
    disk = Disk()
    writer = Writer(disk.write)
    writer.put(row("a", 1))
    await turn()
    for n in (2, 3):
        writer.put(row("a", n))
        writer.put(row("b", n))
    assert (writer.pending, writer.newest(row("a", 0).key)) == (2, row("a", 3))
    disk.free.set()
    await writer.written()
    assert disk.done == [["a 1"], ["a 3", "b 3"]]
    assert (writer.pending, writer.counts.written) == (0, 3)
    await writer.close()


@pytest.mark.parametrize("error", [StoreError("disk full"), RuntimeError()])
async def test_a_write_that_failed_is_tried_again_with_what_is_newest(error: Exception) -> None:
    disk = Disk()
    disk.error = error
    disk.failures = 2
    disk.free.set()
    writer = Writer(disk.write)
    writer.put(row("a", 1))
    writer.put(row("b", 1))
    await turn()
    writer.put(row("a", 2))
    await writer.written()
    assert sorted(disk.done[-1]) == ["a 2", "b 1"]
    assert (writer.counts.failed, writer.counts.written, writer.pending) == (4, 2, 0)
    await writer.close()


async def test_a_disk_that_hangs_loses_states_of_more_callers_than_there_is_room_for_and_counts_them() -> None:
    disk = Disk()
    writer = Writer(disk.write)
    writer.put(row("first", 1))
    await turn()
    for n in range(PENDING + 7):
        writer.put(row(f"c{n}", 1))
    writer.put(row("c0", 2))  # has its place
    assert writer.counts.lost == 7
    assert writer.newest(row("c0", 0).key) == row("c0", 2)
    await writer.close()  # after CLOSE_S, not never
    assert writer.pending > 0


async def test_who_is_forgotten_while_he_is_written_is_not_written_later() -> None:
    disk = Disk()
    disk.failures = 1
    writer = Writer(disk.write)
    writer.put(row("a", 1))
    await turn()
    writer.put(row("a", 2))
    dropping = asyncio.create_task(writer.drop("a"))
    await turn()
    assert not dropping.done()  # the write that runs must be over before the file is cleaned
    disk.free.set()
    await dropping
    await writer.written()
    assert disk.done == []
    await writer.close()
