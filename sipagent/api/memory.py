# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of callers: to read, to delete, and to count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from pydantic import BaseModel, Field

from sipagent.api.problems import Problem
from sipagent.api.view import MemoryView, SwitchView
from sipagent.dialogue.context import Context
from sipagent.store.rows import StoreError

Caller = Annotated[str, Query(description='URI of the caller, or the name that is kept: "+4930123", "alice@example.org".')]


class Kept(BaseModel):
    """One conversation."""

    account: str = Field(description="Account or trunk that the caller came by; empty = direct.")
    caller: str
    agent: str
    call_id: str = Field(description="Of the newest call.")
    updated_s: float = Field(description="End of the last exchange, seconds since 1970.")
    context: dict[str, Any] = Field(description="turns, summary and slots; empty = damaged.")


class KeptList(BaseModel):
    conversations: list[Kept]


class Forgotten(BaseModel):
    conversations: int = Field(description="How many were deleted.")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise HTTPException(503, str(error)) from None


def router(switch: SwitchView) -> APIRouter:
    """/v1/memory."""
    unusable: dict[int | str, dict[str, object]] = {503: {"model": Problem, "description": "The store can't be used"}}
    routes = APIRouter(prefix="/v1/memory", tags=["memory"], responses=unusable)

    @routes.get("")
    async def read(caller: Caller) -> KeptList:
        """All that is kept of a caller, newest first."""
        with _told():
            rows = await switch.memory.of_caller(caller)
        return KeptList(
            conversations=[
                Kept(**row.key._asdict(), call_id=row.call_id, updated_s=row.updated_s, context=_context(row.body))
                for row in rows
            ]
        )

    @routes.delete("")
    async def forget(caller: Caller) -> Forgotten:
        """Deletes all that is kept of a caller; of a call that he is in, nothing more is kept."""
        with _told():
            return Forgotten(conversations=await switch.memory.forget(caller))

    return routes


def _context(body: str) -> dict[str, Any]:
    try:
        return Context.from_dict(json.loads(body)).to_dict()
    except ValueError:  # damaged: it can still be deleted
        return {}


def memory_metrics(memory: MemoryView) -> Iterator[Metric]:
    """Callers who were known or not, and what became of their conversations' states."""
    words = "Incoming calls of agents, by what was known of the caller; unknown = nobody vouches for who he is."
    recalled = CounterMetricFamily("sipagent_memory_recalled", words, labels=["result"])
    for result, n in memory.recalled.items():
        recalled.add_metric([result], n)
    yield recalled
    words = "States of conversations: written to the store; failed = tried again; lost = it was too slow."
    states = CounterMetricFamily("sipagent_memory_states", words, labels=["result"])
    for result, n in (("written", memory.counts.written), ("failed", memory.counts.failed), ("lost", memory.counts.lost)):
        states.add_metric([result], n)
    yield states
    yield GaugeMetricFamily("sipagent_memory_pending", "Conversations whose newest state is not in the store.", memory.pending)
