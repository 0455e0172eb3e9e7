# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP against a switch of fakes."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from sipagent import log
from sipagent.api.app import create_app
from sipagent.api.lag import LoopLag
from sipagent.api.metrics import Metrics
from sipagent.config import Log
from tests.api.switch import Switch


@pytest.fixture(autouse=True)
def log_lines() -> Iterator[io.StringIO]:
    """Logging as the switch sets it up; the process's own is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log.setup(Log(), stream)
    yield stream
    root.handlers, root.level = handlers, level


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def lag() -> LoopLag:
    return LoopLag()


@pytest.fixture
def metrics(switch: Switch, lag: LoopLag) -> Metrics:
    return Metrics(switch, lag)


@pytest.fixture
async def http(switch: Switch, metrics: Metrics, lag: LoopLag) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(switch, metrics, lag), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
