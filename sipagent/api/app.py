# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP application: every route in one place."""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware.trustedhost import TrustedHostMiddleware

from sipagent.api import calls, listeners, memory, peers, problems, seeing, switchboard
from sipagent.api.health import Health, examine
from sipagent.api.lag import LoopLag
from sipagent.api.metrics import Metrics
from sipagent.api.origin import OwnPagesOnly
from sipagent.api.view import SwitchView

DESCRIPTION = "A softswitch that puts AI on the telephone."

# A page in a browser on this machine must not reach the API through a name of its own (DNS rebinding).
HOSTS = ["127.0.0.1", "localhost", "[::1]"]


def create_app(switch: SwitchView, metrics: Metrics, lag: LoopLag) -> FastAPI:
    """The application. All that it changes is who listens to calls."""
    # FastAPI's own pages load scripts from elsewhere; /openapi.json stays.
    app = FastAPI(title="sipagent", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.add_middleware(OwnPagesOnly)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    problems.install(app)

    @app.get("/health", tags=["state"], responses={503: {"model": Health, "description": "New calls would suffer"}})
    async def health(response: Response) -> Health:
        """Puts the question to every part: a real OPTIONS round trip, a fresh tick of the worker, the loop's lateness."""
        report = await examine(switch, lag)
        response.status_code = 503 if report.status == "failing" else 200
        return report

    @app.get("/metrics", tags=["state"], response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Prometheus text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    app.include_router(calls.router(switch))
    app.include_router(listeners.router(switch))
    app.include_router(peers.router(switch))
    app.include_router(switchboard.router(switch))
    app.include_router(seeing.router(switch))
    app.include_router(memory.router(switch))
    return app


def openapi() -> dict[str, Any]:
    """The OpenAPI document; it depends on the types alone, so no switch has to run."""
    nobody = cast(SwitchView, None)
    lag = LoopLag()
    return create_app(nobody, Metrics(nobody, lag), lag).openapi()
