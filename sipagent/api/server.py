# SPDX-License-Identifier: GPL-3.0-or-later
"""uvicorn inside the switch's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import uvicorn

from sipagent.api.app import create_app
from sipagent.api.lag import LoopLag
from sipagent.api.metrics import Metrics
from sipagent.api.view import SwitchView
from sipagent.call import Call
from sipagent.config import Config
from sipagent.dialogue.events import DialogueEvent
from sipagent.log import get_logger

log = get_logger(__name__)


class ApiServer:
    """HTTP on a loopback address; `Config` refuses any other."""

    def __init__(self, cfg: Config, switch: SwitchView) -> None:
        self._cfg = cfg.api
        self._lag = LoopLag()
        self._metrics = Metrics(switch, self._lag)
        self._app = create_app(switch, self._metrics, self._lag)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.address = ""  # "http://127.0.0.1:8080" while it serves

    async def start(self) -> None:
        """Binds and serves. OSError names the address when it can't be had."""
        listener = _bind(self._cfg.host, self._cfg.port)
        host, port = listener.getsockname()[:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._lag.start()
        self._server = _Server(
            uvicorn.Config(
                self._app,
                loop="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
                ws="none",
            )
        )
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="api")
        await self._server.up.wait()
        log.info("api up", address=self.address)

    async def stop(self) -> None:
        """Lets running requests end, for a second at most."""
        self._lag.stop()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self.address = ""

    def call_ended(self, call: Call) -> None:
        """A call has its final numbers: counters of /metrics take them over."""
        self._metrics.call_ended(call)

    def on_dialogue(self, event: DialogueEvent) -> None:
        """Something happened in a conversation."""
        self._metrics.turns.on_event(event)


class _Server(uvicorn.Server):
    """Signals belong to the switch."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        raise OSError(
            exc.errno,
            f"the API can't listen on {host}:{port} ({os.strerror(exc.errno or 0)}); choose another api.port or --api",
        ) from exc
