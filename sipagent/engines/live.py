# SPDX-License-Identifier: GPL-3.0-or-later
"""A turn that is understood by a service over a WebSocket while it is spoken; what the service says on it is its adapter's.

Each turn has a connection of its own. It opens when the caller begins to speak, so that its handshakes cost nothing at the end;
what he said before it was open is sent at once. Because the whole turn is kept, a connection that drops is replaced and the
turn sent again, once. `finish` asks for what is still being worked on and does not close: the caller may go on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from sipagent.engines.base import EngineError, EngineTimeout, PartialHandler
from sipagent.engines.pcm import MIN_WORD_S

MAX_S = 120  # of one turn; endpointing cuts far earlier
RETRIES = 1  # of a connection that drops in a turn
SETTLE_S = 1.0  # a flush with little left to work on may stay unanswered; then what was understood so far counts ...
LITTLE_S = 0.5  # ... if no more sound than this is without a result
NEAR_S = 0.05  # results that end so near the end of the sound cover it
NEAR_FLUSH_S = 0.25  # the same for the answer to a flush; an answer to an earlier one ends before the caller went on
SEND_BYTES = 32768  # a message; a second at 16 kHz


@dataclass(frozen=True, slots=True)
class Understood:
    """What one message of the service says."""

    text: str
    final: bool  # its words stay; otherwise the next one replaces it
    until_s: float  # its end, from the start of the connection's sound
    flushed: bool  # it answers a flush


class LiveService(Protocol):
    """An adapter."""

    name: str
    flush: str  # the message that asks for what is still being worked on

    async def dial(self, rate: int) -> ClientConnection:
        """A connection for sound at `rate`. Raises EngineError."""
        ...

    def read(self, message: str | bytes) -> Understood | None:
        """None for what is not about words. Raises EngineError when the service reports an error."""
        ...

    def told(self, text: str) -> str:
        """Fit for a log."""
        ...


class LiveTurn:
    """SttStream. A task sends and reads; `finish` waits for what it has understood."""

    def __init__(self, service: LiveService, rate: int, on_partial: PartialHandler, timeout_s: float) -> None:
        self._service, self._rate, self._on_partial, self._timeout_s = service, rate, on_partial, timeout_s
        self._pcm = bytearray()  # the turn so far
        self._wanted = 0  # finish() so often
        self._error: EngineError | None = None
        self._to_send, self._news = asyncio.Event(), asyncio.Event()
        self._start_over()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def _start_over(self) -> None:
        """What belongs to one connection."""
        self._sent = 0  # bytes of the turn
        self._flushes = 0
        self._flushed_at_s: float | None = None  # sound before the newest flush, until it is answered
        self._finals: list[str] = []
        self._interim = ""
        self._covered_s = 0.0  # final results reach up to here
        self._reached_s = 0.0  # any results do

    def feed(self, pcm: bytes) -> None:
        """Sent as soon as there is a connection."""
        if len(self._pcm) > 2 * MAX_S * self._rate:
            self._fail(EngineError(f"{self._service.name}: a turn of more than {MAX_S} s"))
            return
        self._pcm += pcm
        self._to_send.set()

    async def finish(self) -> str:
        """Text of the turn so far."""
        if len(self._pcm) < 2 * MIN_WORD_S * self._rate:
            return ""
        self._wanted += 1
        self._to_send.set()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._all_understood()
        except TimeoutError as e:
            raise EngineTimeout(f"{self._service.name}: no text within {self._timeout_s:g} s") from e
        return self._text()

    def cancel(self) -> None:
        """Closes the connection."""
        self._task.cancel()

    def _text(self) -> str:
        return " ".join(part for part in (*self._finals, self._interim) if part)

    async def _all_understood(self) -> None:
        """Until the flush is answered, final results cover all sound, or nothing comes any more though nearly all has come."""
        while self._error is None:
            all_sent = self._sent == len(self._pcm) and self._flushes == self._wanted
            end_s = len(self._pcm) / 2 / self._rate
            if all_sent and (self._covered_s >= end_s - NEAR_S or self._flushed_at_s is None):
                return
            self._news.clear()
            settling = all_sent and self._reached_s > max(0.0, end_s - LITTLE_S)
            try:
                async with asyncio.timeout(SETTLE_S if settling else None):
                    await self._news.wait()
            except TimeoutError:
                return
        raise self._error

    async def _run(self) -> None:
        for left in reversed(range(RETRIES + 1)):
            try:
                await self._converse()
            except ConnectionClosed as e:
                if left == 0:
                    self._fail(EngineError(f"{self._service.name}: connection lost: {self._service.told(str(e))}"))
            except EngineError as e:
                self._fail(e)
                return
            except Exception as e:
                self._fail(EngineError(f"{self._service.name}: {e!r}"))
                return

    def _fail(self, error: EngineError) -> None:
        self._error = self._error or error
        self._news.set()

    async def _converse(self) -> None:
        """One connection: everything from the turn's start. ConnectionClosed when it ends."""
        socket = await self._service.dial(self._rate)
        self._start_over()
        sender = asyncio.get_running_loop().create_task(self._send(socket))
        try:
            while True:
                self._take(self._service.read(await socket.recv()))
        finally:
            sender.cancel()
            await asyncio.gather(sender, socket.close(), return_exceptions=True)

    async def _send(self, socket: ClientConnection) -> None:
        """That the connection breaks is noticed by who reads."""
        while True:
            self._to_send.clear()
            while self._sent < len(self._pcm):
                piece = bytes(self._pcm[self._sent : self._sent + SEND_BYTES])
                await socket.send(piece)
                self._sent += len(piece)
            if self._flushes < self._wanted:
                self._flushes, self._flushed_at_s = self._wanted, self._sent / 2 / self._rate
                await socket.send(self._service.flush)
                self._news.set()
            await self._to_send.wait()

    def _take(self, said: Understood | None) -> None:
        if said is None:
            return
        self._reached_s = max(self._reached_s, said.until_s)
        if said.final:
            self._finals += [said.text] if said.text else []
            self._interim = ""
            self._covered_s = max(self._covered_s, said.until_s)
        else:
            self._interim = said.text
        if said.flushed and self._flushed_at_s is not None and said.until_s >= self._flushed_at_s - NEAR_FLUSH_S:
            self._flushed_at_s = None
        if said.text:
            self._on_partial(self._text(), said.final)
        self._news.set()
