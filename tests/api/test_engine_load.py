# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus reads of the engines' CPU."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from sipagent.engines.base import EngineBusy
from sipagent.engines.deadline import due
from sipagent.engines.pool import shared
from sipagent.engines.workers import Workers
from tests.api.switch import samples


async def test_backlog_and_refusals_of_engines_are_seen(http: httpx.AsyncClient) -> None:
    engine: Workers[None] = Workers("slow-test", 1, lambda: None, 60.0)
    await engine.start()
    hold = threading.Event()
    jobs = [asyncio.create_task(engine.run(lambda state: hold.wait())) for _ in range(shared().slots + 2)]
    with due(0.0, until_s=-1.0):
        hopeless = asyncio.create_task(engine.run(lambda state: None))
    await asyncio.sleep(0)
    seen = await samples(http)
    assert seen["sipagent_engine_slots", ()] == shared().slots
    assert seen["sipagent_engine_running", ()] == 1
    assert seen["sipagent_engine_waiting", ()] >= len(jobs) - 1
    hold.set()
    with pytest.raises(EngineBusy):
        await hopeless
    await asyncio.gather(*jobs)
    await engine.run(lambda state: None)
    seen = await samples(http)
    assert seen["sipagent_engine_waiting", ()] == 0
    assert seen["sipagent_engine_refused_jobs_total", ("slow-test",)] == 1
    assert seen["sipagent_engine_jobs_total", ("slow-test",)] >= len(jobs)
    assert seen["sipagent_engine_waited_seconds_total", ("slow-test",)] > 0
    await engine.close()
