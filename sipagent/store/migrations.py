# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema, step by step. A step that was released is never changed: a new one is added behind it. Plain SQL that SQLite and
PostgreSQL read alike; each statement may run twice, for a process that dies within a step begins it again."""

from __future__ import annotations

from typing import Final

VERSIONS: Final = "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY)"

STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE IF NOT EXISTS contexts (
            account VARCHAR(255) NOT NULL,
            caller VARCHAR(255) NOT NULL,
            agent VARCHAR(255) NOT NULL,
            call_id VARCHAR(64) NOT NULL,
            updated_s DOUBLE PRECISION NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (account, caller, agent)
        )""",
        "CREATE INDEX IF NOT EXISTS contexts_updated ON contexts (updated_s)",
    ),
)
