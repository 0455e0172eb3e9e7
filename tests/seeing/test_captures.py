# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files and their disk: how much of it they take, for how long, and what is said when it is not enough."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediacore import VirtualLeg
from sipagent import log
from sipagent.call import Call
from sipagent.config import Log
from sipagent.config_seeing import Seeing
from sipagent.seeing import captures
from sipagent.seeing.captures import Captures
from sipagent.seeing.files import GrowingFile
from sipagent.seeing.retention import sweep
from sipagent.testing.leg import FakeControl
from tests.sip.house import idle, parties, switch
from tests.sip.rig import WAIT_S, Rig

A = 0x90
NOW_S = 2_000_000_000.0


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log.setup(Log(json_lines=True), stream)
    yield stream
    root.handlers, root.level = handlers, level


def told(written: io.StringIO, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, written.getvalue().splitlines()) if line["event"].startswith(event)]


def put(folder: Path, name: str, size: int, age_s: float) -> Path:
    file = folder / name
    file.write_bytes(bytes(size))
    os.utime(file, (NOW_S - age_s, NOW_S - age_s))
    return file


def name(number: int) -> str:
    return f"{number:016x}.pcap"


@pytest.mark.parametrize(
    ("most_bytes", "oldest_s", "kept"),
    [
        (0, 0.0, {1, 2, 3, 4}),
        (400, 0.0, {1, 2, 3, 4}),
        (399, 0.0, {1, 2, 3}),
        (250, 0.0, {1, 3}),
        (1, 0.0, {3}),
        (0, NOW_S - 25, {1, 2, 3}),
        (250, NOW_S - 25, {1, 3}),
    ],
)
def test_the_oldest_go_and_those_that_grow_stay(tmp_path: Path, most_bytes: int, oldest_s: float, kept: set[int]) -> None:
    for number, age_s in ((1, 10), (2, 20), (3, 40), (4, 30)):
        put(tmp_path, name(number), 100, age_s)
    assert sweep(tmp_path, {name(3)}, most_bytes, oldest_s) == 4 - len(kept)
    assert set(os.listdir(tmp_path)) == {name(number) for number in kept}


def test_what_is_not_ours_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    victim = put(tmp_path / "elsewhere", name(7), 100, 99)
    (tmp_path / name(1)).symlink_to(victim)
    (tmp_path / name(2)).mkdir()
    others = ["notes.txt", "call.pcap", "0123456789abcdef.pcap.gz", "0123456789ABCDEF.pcap"]
    for other in others:
        put(tmp_path, other, 100, 99)
    assert sweep(tmp_path, (), 1, NOW_S) == 0
    assert set(os.listdir(tmp_path)) == {*others, "elsewhere", name(1), name(2)}
    assert victim.exists()


async def test_a_switch_deletes_old_files_when_it_starts(tmp_path: Path, written: io.StringIO) -> None:
    old, new = put(tmp_path, name(1), 100, 0), tmp_path / name(2)
    os.utime(old, (time.time() - 3 * captures.DAY_S,) * 2)
    new.write_bytes(b"")
    async with switch((), seeing={"pcap_dir": str(tmp_path), "pcap_days": 2}):
        await asyncio.wait_for(Rig.until(lambda: not old.exists()), WAIT_S)
    assert new.exists()
    assert [line["files"] for line in told(written, "old capture files deleted")] == [1]


async def test_a_file_that_is_full_is_told_once(tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "GrowingFile", lambda path, head, most: GrowingFile(path, head, len(head) + 1))
    monkeypatch.setattr(captures, "TURN_S", 0.01)
    async with parties(A) as (alice,), switch((alice,), seeing={"pcap_dir": str(tmp_path), "pcap_rtp": "packets"}) as house:
        ua = await alice.calls("70")
        await alice.hears(alice)
        await ua.hang_up()
        await idle(house)
        [call] = house.calls
    [line] = told(written, "capture is full")
    assert (line["call"], line["path"]) == (call, str(tmp_path / f"{call}.pcap"))


async def test_a_disk_that_hangs_takes_no_memory_of_further_calls(
    tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, at_work = threading.Event(), threading.Event()

    def hangs(*_: object) -> int:
        at_work.set()
        disk.wait()
        return 0

    monkeypatch.setattr(captures, "sweep", hangs)
    monkeypatch.setattr(captures, "STUCK_US", 0)
    watched = Captures(Seeing(pcap_dir=tmp_path))
    watched.open()
    try:
        await asyncio.wait_for(Rig.until(at_work.is_set), WAIT_S)
        for number in range(3):
            watched.begin(Call(VirtualLeg(), FakeControl(), "in", "sip:a@b", "sip:c@d", id=f"{number:016x}"))
        assert watched.n_running == 0
        assert len(told(written, "capture files hang")) == 1
    finally:
        disk.set()
    await watched.close()
