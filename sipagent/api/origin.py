# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that a page from elsewhere makes a browser on this machine send: they change nothing."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sipagent.api.problems import problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1
JSON = "application/json"


class OwnPagesOnly:
    """Middleware. What changes something needs an Origin of ours, if any (RFC 6454 section 7), and a body that says that it is
    JSON: a browser sends others for any page without asking us first (a "simple request" of the Fetch standard)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE and (why := _fault(Request(scope))) is not None:
            await problem(Request(scope), *why)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _fault(request: Request) -> tuple[int, str] | None:
    headers = request.headers
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return 403, f"pages from {origin} may change nothing here"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if (headers.get("content-length", "0") != "0" or "transfer-encoding" in headers) and kind != JSON:
        return 415, f"the body must be {JSON}, and Content-Type must say so"
    return None
