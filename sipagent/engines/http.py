# SPDX-License-Identifier: GPL-3.0-or-later
"""A service over HTTP: kept connections, its key, and every way in which it can fail as an EngineError that says what to do.

Leaving `request` early, by cancellation too, closes the connection of an unfinished answer: the server sees it and stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import httpx

from sipagent.config_engines import Service
from sipagent.engines.base import EngineBusy, EngineError, EngineTimeout
from sipagent.engines.secrets import read_key, told

KEEP_S = 60.0  # an idle connection is kept so long: a turn should not begin with a TLS handshake
MAX_ERROR_BYTES = 8192
MAX_JSON_BYTES = 4 << 20
BUSY = (429, 503)  # RFC 6585 section 4, RFC 9110 section 15.6.4; both may carry Retry-After
NOT_ALLOWED = (401, 403)

Headers = Callable[[str], Mapping[str, str]]

logging.getLogger("httpx").setLevel(logging.WARNING)  # below it each request's address, and what a caller said may stand in it


def bearer(key: str) -> Mapping[str, str]:
    """RFC 6750 section 2.1."""
    return {"Authorization": f"Bearer {key}"}


class Http:
    """`table` is where the service's settings stand, for the words of errors; `headers` makes those that carry the key."""

    def __init__(self, name: str, table: str, service: Service, timeout_s: float, headers: Headers = bearer) -> None:
        self.name = name
        self._table = table
        self._service = service
        self._timeout_s = timeout_s
        self._headers = headers
        self._key = ""
        self._client: httpx.AsyncClient | None = None

    def open(self) -> None:
        """Reads the key. EngineMissing when there is none. Nothing is sent yet: a service that is down now may be up later."""
        self._key = read_key(self._service, self._table)
        self._client = httpx.AsyncClient(
            base_url=self._service.base_url,
            headers={"Accept-Encoding": "identity", **(self._headers(self._key) if self._key else {})},
            timeout=self._timeout_s,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16, keepalive_expiry=KEEP_S),
        )

    async def close(self) -> None:
        """Ends the connections."""
        if self._client is not None:
            await self._client.aclose()

    @contextlib.asynccontextmanager
    async def request(self, method: str, path: str, **body: Any) -> AsyncIterator[httpx.Response]:
        """An answer with a status of success, its body not read yet. `body` as httpx takes it: json, data, files. What goes
        wrong while the body is read inside the `async with` is mapped too. Raises EngineError, EngineBusy, EngineTimeout."""
        if self._client is None:
            raise EngineError(f"{self.name}: not loaded")
        try:
            async with asyncio.timeout(self._timeout_s) as until_headers, self._client.stream(method, path, **body) as response:
                until_headers.reschedule(None)
                if not response.is_success:
                    raise await self._refusal(response)
                yield response
        except (httpx.TimeoutException, TimeoutError) as e:
            raise EngineTimeout(f"{self.name}: {self._service.base_url} did not answer in {self._timeout_s:g} s") from e
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as e:
            raise EngineError(f"{self.name}: {self._service.base_url}: {type(e).__name__}: {told(str(e), self._key)}") from e

    def without_key(self, text: str) -> str:
        """Servers repeat what they were sent, and the text may get into an error."""
        return text.replace(self._key, "***") if self._key else text

    async def json(self, response: httpx.Response) -> dict[str, Any]:
        """The body, an object. EngineError when it is something else."""
        raw = await read(response, MAX_JSON_BYTES)
        try:
            value = json.loads(raw)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise EngineError(f"{self.name}: the answer is no JSON object: {self._told(raw)}")
        return value

    async def _refusal(self, response: httpx.Response) -> EngineError:
        try:
            words = self._told(await read(response, MAX_ERROR_BYTES))
        except httpx.HTTPError:
            words = ""
        where = f"{self.name}: {self._service.base_url}"
        return refusal(where, response.status_code, words, response.headers, self._table)

    def _told(self, raw: bytes) -> str:
        return told(complaint(raw), self._key)


async def read(response: httpx.Response, limit: int) -> bytes:
    """The body, no more than `limit` bytes of it."""
    raw = b""
    async for piece in response.aiter_bytes():
        raw += piece
        if len(raw) > limit:
            return raw[:limit]
    return raw


def refusal(where: str, status: int, words: str, headers: Mapping[str, str], table: str) -> EngineError:
    """A status that is not the wanted one, as an error that says what to do. `words`: fit for a log already."""
    text = f"{where} answered {status}" + (f": {words}" if words else "")
    if status in BUSY:
        return EngineBusy(text, retry_after_s(headers.get("Retry-After")))
    if status in NOT_ALLOWED:
        return EngineError(f"{text}; check the key, {table}.key_env or key_file")
    return EngineError(text)


def complaint(raw: bytes) -> str:
    """What a service says is wrong: OpenAI has error.message, ElevenLabs detail.message, others a plain text."""
    text = raw.decode(errors="replace")
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict):
        value = next((value[key] for key in ("error", "detail", "message") if value.get(key)), value)
    if isinstance(value, dict):
        value = value.get("message", value)
    return value if isinstance(value, str) else json.dumps(value)


def retry_after_s(header: str | None) -> float | None:
    """Seconds or a date (RFC 9110 section 10.2.3); None when there is none or it can't be read."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time())
    except ValueError:
        return None
