# SPDX-License-Identifier: GPL-3.0-or-later
"""The file: SQLite by SQLAlchemy, each connection on a thread of its own, so nothing here blocks the event loop.

Imported when memory.file is set: SQLAlchemy takes a quarter of a second of CPU and 10 MB."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sipagent.store.migrations import STEPS, VERSIONS
from sipagent.store.rows import Key, Row, StoreError

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # who reads does not wait for who writes
    "PRAGMA synchronous = NORMAL",  # in WAL a killed process loses nothing; a power cut may lose the newest exchanges
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten
    "PRAGMA busy_timeout = 2000",
)
_CONNECTIONS = 2  # one writes, one reads
_COLUMNS = "account, caller, agent, call_id, updated_s, body"
_WRITE = text(
    f"INSERT INTO contexts ({_COLUMNS}) VALUES (:account, :caller, :agent, :call_id, :updated_s, :body) "
    "ON CONFLICT (account, caller, agent) "
    "DO UPDATE SET call_id = excluded.call_id, updated_s = excluded.updated_s, body = excluded.body"
)
_READ = text(
    f"SELECT {_COLUMNS} FROM contexts "
    "WHERE account = :account AND caller = :caller AND agent = :agent AND updated_s >= :since_s"
)
_OF_CALLER = text(f"SELECT {_COLUMNS} FROM contexts WHERE caller = :caller ORDER BY updated_s DESC")
_FORGET = text("DELETE FROM contexts WHERE caller = :caller")
_EXPIRE = text(
    "DELETE FROM contexts WHERE updated_s < :before_s "
    "OR updated_s < (SELECT updated_s FROM contexts ORDER BY updated_s DESC LIMIT 1 OFFSET :last)"
)


class Database:
    """One file. Every method but `close` raises StoreError."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Makes the file, for its owner's eyes only, or brings it to the newest schema."""
        try:
            os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreError(f"memory.file = {str(self._file)!r} can't be opened: {error.strerror}") from error
        engine = create_async_engine(f"sqlite+aiosqlite:///{self._file}", pool_size=_CONNECTIONS, max_overflow=0)
        event.listen(engine.sync_engine, "connect", _set_up)
        self._engine = engine
        try:
            async with engine.begin() as connection:
                await _migrate(connection, self._file)
        except SQLAlchemyError as error:
            raise self._unusable(error) from error

    async def close(self) -> None:
        """Ends its threads."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def write(self, rows: Sequence[Row]) -> None:
        """All of them or none."""
        await self._change(
            _WRITE, [{**r.key._asdict(), "call_id": r.call_id, "updated_s": r.updated_s, "body": r.body} for r in rows]
        )

    async def read(self, key: Key, since_s: float) -> Row | None:
        """The conversation of `key`, unless its last exchange was before `since_s`."""
        found = await self._select(_READ, {**key._asdict(), "since_s": since_s})
        return found[0] if found else None

    async def of_caller(self, caller: str) -> list[Row]:
        """All that is kept of a caller, newest first."""
        return await self._select(_OF_CALLER, {"caller": caller})

    async def forget(self, caller: str) -> int:
        """Deletes all of a caller; how many there were."""
        return await self._delete(_FORGET, {"caller": caller})

    async def expire(self, before_s: float, most: int) -> int:
        """Deletes what had its last exchange before, and what is older than the newest `most`; how many there were."""
        return await self._delete(_EXPIRE, {"before_s": before_s, "last": most - 1})

    async def _delete(self, statement: Any, values: dict[str, Any]) -> int:
        count = await self._change(statement, values)
        if count:
            await self._select_nothing("PRAGMA wal_checkpoint(TRUNCATE)")  # else the log still has what was deleted
        return count

    async def _change(self, statement: Any, values: Any) -> int:
        try:
            async with self._opened().begin() as connection:
                return int((await connection.execute(statement, values)).rowcount)
        except SQLAlchemyError as error:
            raise self._unusable(error) from error

    async def _select(self, statement: Any, values: dict[str, Any]) -> list[Row]:
        try:
            async with self._opened().connect() as connection:
                rows = (await connection.execute(statement, values)).all()
        except SQLAlchemyError as error:
            raise self._unusable(error) from error
        return [Row(Key(r.account, r.caller, r.agent), r.call_id, r.updated_s, r.body) for r in rows]

    async def _select_nothing(self, statement: str) -> None:
        try:
            async with self._opened().connect() as connection:
                await connection.execute(text(statement))
        except SQLAlchemyError as error:
            raise self._unusable(error) from error

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreError(f"memory.file = {str(self._file)!r} is not open")
        return self._engine

    def _unusable(self, error: SQLAlchemyError) -> StoreError:
        cause = getattr(error, "orig", None) or error
        return StoreError(f"memory.file = {str(self._file)!r} can't be used: {cause}; move it away and a new one is made")


def _set_up(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


async def _migrate(connection: AsyncConnection, file: Path) -> None:
    await connection.execute(text(VERSIONS))
    done = (await connection.execute(text("SELECT MAX(version) FROM schema_versions"))).scalar() or 0
    if done > len(STEPS):
        raise StoreError(
            f"memory.file = {str(file)!r} is of schema {done}, and this program knows {len(STEPS)}; run the newer one, or name "
            "another file"
        )
    for version, step in enumerate(STEPS[done:], done + 1):
        for statement in step:
            await connection.execute(text(statement))
        await connection.execute(
            text("INSERT INTO schema_versions (version) VALUES (:version) ON CONFLICT DO NOTHING"), {"version": version}
        )
