# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that are kept alive, used again, and replaced when they break: RFC 5626, RFC 3261 section 18.1.1."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediacore
from sipagent.signalling.options import build_options
from tests.sip.rig import Rig, config, user_agent
from tests.sip.ua import offer
from tests.sip.wire import Message

MEDIA = {"codecs": ["PCMU/8000"], "rate": 8000}
WAIT_S = 10.0
PINGS = 2_000_000  # whose pongs no socket holds


class Server:
    """A TCP server that keeps connections, messages and pings of each."""

    def __init__(self) -> None:
        self.lines: list[asyncio.StreamWriter] = []
        self.inbox: asyncio.Queue[tuple[Message, asyncio.StreamWriter]] = asyncio.Queue()
        self.pings = 0
        self.n_ended = 0
        self.seen: list[Message] = []

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.append(writer)
        text = b""
        while data := await reader.read(65536):
            text += data
            while text:
                if text.startswith(b"\r\n\r\n"):
                    self.pings += 1
                    text = text[4:]
                    continue
                head, end, rest = text.partition(b"\r\n\r\n")
                length = re.search(rb"Content-Length:\s*(\d+)", head)
                n = int(length[1]) if length else 0
                if not end or len(rest) < n:
                    break
                message = Message.parse(head + end + rest[:n])
                self.seen.append(message)
                self.inbox.put_nowait((message, writer))
                text = rest[n:]
        self.n_ended += 1
        writer.close()

    async def hang_up(self, rig: Rig, line: asyncio.StreamWriter) -> None:
        """Ends a connection; returns when the other side has noticed."""
        n = self.n_ended
        line.write_eof()
        await asyncio.wait_for(rig.until(lambda: self.n_ended > n), WAIT_S)

    async def request(self, method: str) -> tuple[Message, asyncio.StreamWriter]:
        while True:
            message, line = await asyncio.wait_for(self.inbox.get(), WAIT_S)
            if message.method == method:
                return message, line

    @staticmethod
    def respond(line: asyncio.StreamWriter, request: Message, status: str, headers: str = "", body: str = "") -> None:
        to = request.get("to")
        rows = [f"SIP/2.0 {status}", *(f"Via: {v}" for v in request.all("via")), f"From: {request.get('from')}"]
        rows += [f"To: {to}" if ";tag=" in to else f"To: {to};tag=srv", f"Call-ID: {request.get('call-id')}"]
        rows += [f"CSeq: {request.get('cseq')}"]
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = "\r\n".join(rows) + f"\r\n{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        line.write(text.encode())

    async def close(self) -> None:
        self.server.close()
        for line in self.lines:
            line.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.open()
    yield server
    await server.close()


def tcp(**more: Any) -> dict[str, Any]:
    return {"listen": [{"transport": "tcp", "port": 0}], **more}


def line(server: Server, **more: Any) -> dict[str, Any]:
    return {"trunks": [{"name": "pbx", "hosts": [f"127.0.0.1:{server.port}"], "transport": "tcp", "options_s": 0, **more}]}


async def ready(rig: Rig) -> None:
    await asyncio.wait_for(rig.until(lambda: bool(rig.ua.trunks()[0].hosts[0].target)), 5)


def options(rig: Rig) -> bytes:
    return build_options("tcp", "127.0.0.1", rig.port, ("127.0.0.1", 9), secrets.token_hex(6))


async def answered(reader: asyncio.StreamReader) -> bytes:
    """The head of an answer without a body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)
    assert re.search(rb"Content-Length:\s*0\r\n", head)
    return head


async def test_pings_are_answered() -> None:
    """RFC 5626 section 3.5.1: a double CRLF between messages gets a single one at once. Before the first message it gets none:
    it would keep a connection that brings nothing."""
    async with user_agent(config(sip=tcp())) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        for _ in range(3):
            writer.write(b"\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.write(options(rig))
        assert (await answered(reader)).startswith(b"SIP/2.0 200 ")
        for _ in range(3):
            writer.write(b"\r\n\r\n")
            assert await asyncio.wait_for(reader.readexactly(2), WAIT_S) == b"\r\n"
        writer.close()


async def test_who_pings_and_reads_nothing_costs_one_pong() -> None:
    async with user_agent(config(sip=tcp())) as rig:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, ("127.0.0.1", rig.port))
        await loop.sock_sendall(line, options(rig))
        assert (await loop.sock_recv(line, 12)) == b"SIP/2.0 200 "
        await asyncio.wait_for(rig.until(lambda: mediacore.sip_held()["pools"] > 0), WAIT_S)  # counted once a second
        before = mediacore.sip_held()["pools"]
        for _ in range(PINGS // 4096):
            await asyncio.wait_for(loop.sock_sendall(line, b"\r\n\r\n" * 4096), WAIT_S)
        await asyncio.sleep(2.5)
        assert mediacore.sip_held()["pools"] < before + 50
        line.close()


async def test_idle_connections_are_pinged(server: Server) -> None:
    async with user_agent(config(sip=tcp(keep_alive_s=1, **line(server, options_s=600)))) as rig:
        asked, wire = await server.request("OPTIONS")
        server.respond(wire, asked, "200 OK")
        await asyncio.wait_for(rig.until(lambda: server.pings >= 2), WAIT_S)
        assert len(server.lines) == 1


async def test_one_connection_serves_all_calls_and_a_broken_one_is_replaced(server: Server) -> None:
    """In-dialog requests go over a new connection to the same place: the BYE of a call whose connection is gone arrives."""
    async with user_agent(config(sip=tcp(**line(server)), media=MEDIA)) as rig:
        await ready(rig)
        calls = []
        for _ in range(2):
            call = await rig.invite("sip:1@pbx.example", account="pbx")
            invite, wire = await server.request("INVITE")
            contact = f"Contact: <sip:pbx@127.0.0.1:{server.port};transport=tcp>\r\n"
            server.respond(wire, invite, "200 OK", contact, offer(36992))
            await server.request("ACK")
            await asyncio.wait_for(call.answered.wait(), WAIT_S)
            calls.append(call)
        assert len(server.lines) == 1
        await server.hang_up(rig, server.lines[0])
        for call in calls:
            ended = asyncio.ensure_future(call.hangup())
            bye, wire = await server.request("BYE")
            server.respond(wire, bye, "200 OK")
            await ended
        await rig.over(*calls)
        assert len(server.lines) == 2


async def test_a_registration_comes_back_with_the_contact_of_its_new_connection(server: Server) -> None:
    account = {"user": "bot", "host": "127.0.0.1", "port": server.port, "transport": "tcp", "expires_s": 3600}
    async with user_agent(config(sip=tcp(accounts=[account]), media=MEDIA)) as rig:
        for n in (1, 2):
            asked, wire = await server.request("REGISTER")
            assert asked.get("contact").startswith("<sip:bot@127.0.0.1:")
            server.respond(wire, asked, "200 OK", f"Contact: {asked.get('contact')};expires=3600\r\n")
            await asyncio.wait_for(rig.until(lambda: rig.ua.accounts()[0].registered), WAIT_S)
            assert len(server.lines) == n
            if n == 1:
                await server.hang_up(rig, wire)
                await asyncio.wait_for(rig.until(lambda: not rig.ua.accounts()[0].registered), WAIT_S)
        leaving = asyncio.ensure_future(rig.ua.unregister())
        asked, wire = await server.request("REGISTER")
        server.respond(wire, asked, "200 OK")
        await leaving
