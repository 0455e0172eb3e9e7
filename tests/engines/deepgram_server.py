# SPDX-License-Identifier: GPL-3.0-or-later
"""Deepgram's live endpoint on loopback, as its reference describes it: Results with interim and final texts, Finalize,
CloseStream, refusals in the handshake and close frames with its codes."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from sipagent.testing import CodedSpeech
from tests.engines.speech_services import KEY

INTERIM_S = 0.1  # of sound between interim results
QUIET = logging.getLogger("deepgram on loopback")
QUIET.setLevel(logging.INFO)  # what clients send is not logged here
SEGMENT_S = 2.0  # of sound between final ones


@dataclass
class Manners:
    """How it behaves to everybody until it is told otherwise."""

    status: int = 101  # of the handshake
    wait_s: float = 0.0  # before the handshake is answered
    lag_s: float = 0.0  # before each message
    drop_after_s: float | None = None  # of sound: the connection is closed with NET-0001 ...
    drops: int = 0  # ... so many times
    silent: bool = False  # hears and says nothing
    mute_finalize: bool = False  # Finalize stays unanswered
    say: str | None = None  # instead of every message


class DeepgramServer:
    """`async with DeepgramServer(speech) as server`: server.url, server.manners, server.asked."""

    def __init__(self, speech: CodedSpeech, key: str = KEY) -> None:
        self.manners = Manners()
        self.asked: list[dict[str, str]] = []  # queries of the connections
        self.controls: list[str] = []  # types of the text messages
        self.open = 0
        self._speech = speech
        self._key = key
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(self._converse, "127.0.0.1", 0, process_request=self._shake, compression=None, logger=QUIET)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/v1"

    async def _shake(self, connection: ServerConnection, request: Request) -> Response | None:
        await asyncio.sleep(self.manners.wait_s)
        sent = request.headers.get("Authorization")
        status = 401 if sent != f"Token {self._key}" else self.manners.status
        if status == 101:
            return None
        response = connection.respond(
            HTTPStatus(status), json.dumps({"err_code": "NO", "err_msg": f"no {sent}", "message": f"no {sent}"})
        )
        if status == 429:
            response.headers["Retry-After"] = "7"
        return response

    async def _converse(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        query = {name: values[0] for name, values in parse_qs(urlsplit(socket.request.path).query).items()}
        self.asked.append(query)
        self.open += 1
        try:
            await _Ear(socket, self, int(query["sample_rate"])).listen()
        finally:
            self.open -= 1

    def read(self, pcm: bytes) -> str:
        """The words in it."""
        return self._speech.read(pcm)


class _Ear:
    """One connection."""

    def __init__(self, socket: ServerConnection, server: DeepgramServer, rate: int) -> None:
        self._socket, self._server, self._rate = socket, server, rate
        self._pcm = b""
        self._final = self._interim = 0  # bytes that the newest final and interim results cover

    async def listen(self) -> None:
        async for message in self._socket:
            manners = self._server.manners
            if isinstance(message, str):
                kind = json.loads(message)["type"]
                self._server.controls.append(kind)
                if kind == "Finalize" and not manners.mute_finalize:
                    await self._say(final=True, flushed=True)
                elif kind == "CloseStream":
                    await self._socket.send('{"type": "Metadata"}')
                    return
                continue
            self._pcm += message
            if manners.drop_after_s is not None and manners.drops and self._seconds(len(self._pcm)) >= manners.drop_after_s:
                manners.drops -= 1
                await self._socket.close(1011, "NET-0001")
                return
            if self._seconds(len(self._pcm) - self._final) >= SEGMENT_S:
                await self._say(final=True, flushed=False)
            elif self._seconds(len(self._pcm) - self._interim) >= INTERIM_S:
                await self._say(final=False, flushed=False)

    def _seconds(self, n: int) -> float:
        return n / 2 / self._rate

    async def _say(self, *, final: bool, flushed: bool) -> None:
        manners = self._server.manners
        if manners.silent:
            return
        await asyncio.sleep(manners.lag_s)
        alternative = {"transcript": self._server.read(self._pcm[self._final :]), "confidence": 0.9, "words": []}
        result: dict[str, Any] = {"type": "Results", "channel_index": [0, 1], "start": self._seconds(self._final)}
        result |= {"duration": self._seconds(len(self._pcm) - self._final), "is_final": final, "speech_final": False}
        result |= {"from_finalize": flushed, "channel": {"alternatives": [alternative]}, "metadata": {"request_id": "x"}}
        self._interim = len(self._pcm)
        if final:
            self._final = len(self._pcm)
        await self._socket.send(manners.say if manners.say is not None else json.dumps(result))
