# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP/1.1 server on loopback (RFC 9112) whose manners can be spoiled: slow, refusing, cut off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Request:
    """One request, whole."""

    method: str
    path: str  # without the query
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Response:
    """What the service answers; sent in pieces of `step` bytes with chunked coding."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    step: int = 1001  # odd, so that samples are cut in two


@dataclass
class Mood:
    """How the server behaves to everybody until it is told otherwise."""

    wait_s: float = 0.0  # before the status line
    step_s: float = 0.0  # before each piece of the body
    cut_after: int | None = None  # the connection is closed after so many bytes of the body
    instead: Response | None = None  # whatever is asked
    deaf: bool = False  # accepts and closes at once


Handler = Callable[[Request], Response]


class HttpServer:
    """`async with HttpServer(handler) as server`: server.url, server.requests, server.mood."""

    def __init__(self, handler: Handler, mood: Mood | None = None) -> None:
        self.mood = mood or Mood()
        self.requests: list[Request] = []
        self.open = 0  # connections now
        self.opened = 0  # connections ever
        self.asked = asyncio.Event()  # a request has come
        self.left_early = asyncio.Event()  # a client went before its answer was whole
        self._handler = handler
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.opened += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while not self.mood.deaf and (request := await read_request(reader)) is not None:
                    self.requests.append(request)
                    self.asked.set()
                    await self._or_gone(reader, self._answer(request, writer))
        except (_Cut, _Gone):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _or_gone(self, reader: asyncio.StreamReader, answer: Awaitable[None]) -> None:
        """A client that says anything before it has its answer has hung up: nobody here pipelines."""
        answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.left_early.set()
                raise _Gone
            await answering
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        mood = self.mood
        response = mood.instead or self._handler(request)
        await asyncio.sleep(mood.wait_s)
        head = [f"HTTP/1.1 {response.status} status", f"Content-Type: {response.kind}", "Transfer-Encoding: chunked"]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        writer.write("\r\n".join([*head, "", ""]).encode())
        for at in range(0, len(response.body), response.step):
            if mood.cut_after is not None and at >= mood.cut_after:
                raise _Cut
            await asyncio.sleep(mood.step_s)
            piece = response.body[at : at + response.step]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


class _Cut(Exception):
    """The server ends the connection."""


class _Gone(Exception):
    """The client did."""


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """None when the client has nothing more to ask."""
    first = await reader.readline()
    if not first:
        return None
    method, target, _ = first.decode().split()
    headers = {}
    while (line := (await reader.readline()).decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)
