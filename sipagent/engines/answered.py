# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose answer is used, where several engines can take over for each other."""

from __future__ import annotations

from contextvars import ContextVar

# Role -> name of the engine; whoever wants to know puts a dict here before he asks.
ANSWERED: ContextVar[dict[str, str] | None] = ContextVar("answered", default=None)


def answered(role: str, engine: str) -> None:
    """Takes down whose answer is used."""
    if (by_role := ANSWERED.get()) is not None:
        by_role[role] = engine
