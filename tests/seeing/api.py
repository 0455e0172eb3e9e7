# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP of a switch of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx

from sipagent.api.app import create_app
from sipagent.api.lag import LoopLag
from sipagent.api.metrics import Metrics
from sipagent.switch import Switch


@asynccontextmanager
async def api_of(house: Switch) -> AsyncIterator[httpx.AsyncClient]:
    """Its HTTP, without a socket."""
    view = SimpleNamespace(engines=None)
    for name in ("cfg", "calls", "captures", "user_agent", "worker"):
        setattr(view, name, getattr(house, name))
    lag = LoopLag()
    app = create_app(view, Metrics(view, lag), lag)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        yield http
    vars(view).clear()  # FastAPI holds on to it for longer than the worker may live
