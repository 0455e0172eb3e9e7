# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a call, and how many ended ones are remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mediacore import VirtualLeg
from sipagent.call import Call, CallState
from sipagent.callbook import CallBook
from sipagent.config import Store
from sipagent.config_seeing import Seeing
from sipagent.seeing.captures import Captures
from sipagent.testing.leg import FakeControl

FULL = Path("/dev/full")  # every write to it fails with ENOSPC


def written(folder: Path) -> list[str]:
    """Ids in the records of a store."""
    return sorted(json.loads(path.read_text())["id"] for path in folder.glob("*.json"))


@pytest.mark.parametrize("full", [False, True], ids=["room", "full"])
async def test_a_full_disk_keeps_no_more_calls_in_memory_than_one_with_room(tmp_path: Path, full: bool) -> None:
    """The newest are there for the API either way; the file of each is there, or nothing half-written is."""
    book = CallBook(Store(dir=tmp_path, recent_calls=2), Captures(Seeing()))
    told: list[str] = []
    book.on_record = lambda call: told.append(call.id)
    names = [f"call{n}" for n in range(5)]
    for name in names:
        call = Call(VirtualLeg(), FakeControl(), "in", "sip:a@b", "sip:c@d", id=name, state=CallState.ENDED)
        if full:
            (tmp_path / f"{name}.part").symlink_to(FULL)
        book.add(call)
        await book.finish(call)
    assert list(book.calls) == names[-2:]
    assert told == names
    assert written(tmp_path) == ([] if full else names)
