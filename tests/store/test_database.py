# SPDX-License-Identifier: GPL-3.0-or-later
"""The file itself: what is written is there for the next process, and what is deleted is gone."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipagent.store.database import Database
from sipagent.store.migrations import STEPS
from sipagent.store.rows import Key, Row, StoreError

ALICE, BOB = Key("", "alice@example.org", "reception"), Key("trunk", "+4930123", "reception")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    base = Database(tmp_path / "memory.db")
    await base.open()
    yield base
    await base.close()


def files(where: Path) -> list[Path]:
    """The database and what SQLite keeps beside it."""
    return list(where.iterdir())


async def test_the_newest_state_of_each_caller_is_there_for_another_process(database: Database, tmp_path: Path) -> None:
    await database.write([Row(ALICE, "c1", 100.0, "old"), Row(BOB, "c2", 100.0, "bob")])
    await database.write([Row(ALICE, "c3", 200.0, "new")])
    with sqlite3.connect(tmp_path / "memory.db") as other:
        rows = other.execute("SELECT caller, call_id, updated_s, body FROM contexts ORDER BY caller").fetchall()
    assert rows == [("+4930123", "c2", 100.0, "bob"), ("alice@example.org", "c3", 200.0, "new")]


async def test_what_is_older_than_the_window_is_not_read(database: Database) -> None:
    await database.write([Row(ALICE, "c1", 100.0, "x")])
    assert await database.read(ALICE, 100.0) == Row(ALICE, "c1", 100.0, "x")
    assert await database.read(ALICE, 100.5) is None
    assert await database.read(ALICE._replace(agent="sales"), 0.0) is None
    assert await database.read(ALICE._replace(account="trunk"), 0.0) is None


async def test_nothing_is_left_in_the_file_of_who_is_forgotten(database: Database, tmp_path: Path) -> None:
    for n in range(50):
        await database.write([Row(ALICE, "c1", 100.0 + n, "a word between us " * 200), Row(BOB, "c2", 1000.0, "stays")])
    assert await database.forget("alice@example.org") == 1
    assert await database.of_caller("alice@example.org") == []
    left = b"".join(path.read_bytes() for path in files(tmp_path))
    assert b"a word between us" not in left
    assert b"stays" in left


async def test_what_is_too_old_goes(database: Database) -> None:
    await database.write([Row(ALICE, "c1", 100.0, "x"), Row(BOB, "c2", 300.0, "y")])
    assert await database.expire(300.0, 10) == 1
    assert await database.read(ALICE, 0.0) is None
    assert await database.read(BOB, 0.0) is not None


async def test_of_too_many_callers_the_oldest_go(database: Database) -> None:
    await database.write([Row(ALICE._replace(caller=str(n)), "c", float(n), "x") for n in (3, 1, 4, 2, 5)])
    assert await database.expire(0.0, 5) == 0
    assert await database.expire(0.0, 2) == 3
    assert [bool(await database.of_caller(str(n))) for n in (1, 2, 3, 4, 5)] == [False, False, False, True, True]


async def test_the_file_is_its_owner_s_alone(database: Database, tmp_path: Path) -> None:
    await database.write([Row(ALICE, "c1", 100.0, "x")])
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)} == {0o600}


async def test_each_step_of_the_schema_may_begin_again(tmp_path: Path) -> None:
    file = tmp_path / "memory.db"
    for _ in range(2):  # a process that died before it wrote down that the step was done
        base = Database(file)
        await base.open()
        await base.write([Row(ALICE, "c1", 100.0, "x")])
        await base.close()
        with sqlite3.connect(file) as other:
            assert other.execute("SELECT version FROM schema_versions").fetchall() == [(len(STEPS),)]
            other.execute("DELETE FROM schema_versions")
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT body FROM contexts").fetchall() == [("x",)]


async def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "memory.db") as other:
        other.execute("CREATE TABLE schema_versions (version INTEGER PRIMARY KEY)")
        other.execute("INSERT INTO schema_versions VALUES (99)")
    base = Database(tmp_path / "memory.db")
    with pytest.raises(StoreError, match="schema 99, and this program knows"):
        await base.open()
    await base.close()


@pytest.mark.parametrize("content", [b"no database " * 100, b"SQLite format 3\x00" + b"\xff" * 4000])
async def test_a_file_that_is_no_database_is_told_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "memory.db").write_bytes(content)
    base = Database(tmp_path / "memory.db")
    with pytest.raises(StoreError, match=r"memory\.file = .*can't be used.*move it away"):
        await base.open()
    await base.close()


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"memory\.file = .*can't be opened: No such file"):
        await Database(tmp_path / "nowhere" / "memory.db").open()


async def test_a_store_that_is_closed_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not open"):
        await Database(tmp_path / "memory.db").read(ALICE, 0.0)
