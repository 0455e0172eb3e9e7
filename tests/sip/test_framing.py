# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP over a stream (RFC 3261 section 18.3): messages are found however the bytes come, and who does not end one is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket

import pytest

from sipagent.signalling.options import build_options
from tests.sip.rig import Rig, config, user_agent

WAIT_S = 10.0
CUT_OFF_S = 30.0  # at the latest


def tcp() -> dict[str, object]:
    return {"listen": [{"transport": "tcp", "port": 0}]}


def good(port: int, body: str = "") -> bytes:
    text = build_options("tcp", "127.0.0.1", port, ("127.0.0.1", 9), secrets.token_hex(6))
    kind = b"Content-Type: text/plain\r\n" if body else b""
    return text.replace(b"Content-Length: 0\r\n\r\n", kind + f"Content-Length: {len(body)}\r\n\r\n{body}".encode())


async def connect(rig: Rig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", rig.port)


async def answers(reader: asyncio.StreamReader, n: int) -> list[int]:
    """Status codes of the next n answers; none of them has a body."""
    found = []
    for _ in range(n):
        head = b""
        while not head.strip():  # answers to keep-alives
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)
        head = head.lstrip()
        found.append(int(head.split(b" ")[1]))
        length = re.search(rb"Content-Length:\s*(\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
    return found


async def test_byte_by_byte_and_ten_at_once() -> None:
    async with user_agent(config(sip=tcp())) as rig:
        reader, writer = await connect(rig)
        for byte in good(rig.port, "body"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert await answers(reader, 1) == [200]
        writer.write(b"\r\n\r\n".join(good(rig.port, "x" * n) for n in range(10)))
        assert await answers(reader, 10) == [200] * 10
        bad = good(rig.port).replace(b"OPTIONS", b"PUBLISH")  # refused ones among good ones, and cut in odd places
        stream = (good(rig.port, "a") + bad + good(rig.port)) * 4
        for at in range(0, len(stream), 777):
            writer.write(stream[at : at + 777])
            await writer.drain()
        assert await answers(reader, 12) == [200, 405, 200] * 4
        writer.close()


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nX: " + b"x" * 9000,
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nX: a\0b\r\n\r\n",
    ],
)
async def test_a_stream_that_nobody_can_read_is_closed(stream: bytes) -> None:
    async with user_agent(config(sip=tcp())) as rig:
        reader, writer = await connect(rig)
        writer.write(stream)
        assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
        writer.close()
        assert await rig.ua.ping(5) < 5


async def is_cut_off(wire: socket.socket) -> None:
    """Asks by sending: whoever reads nothing does not see the end."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            wire.send(b"\r\n")
            await asyncio.sleep(0.5)


async def test_who_does_not_end_a_message_is_cut_off() -> None:
    """One that says nothing, one in its first message, one behind a good one, one that drips; five hundred that say nothing;
    one that asks and asks and reads no answer, so that they would lie here."""
    async with user_agent(config(sip=tcp())) as rig:
        silent, first, second, drips = [await connect(rig) for _ in range(4)]
        first[1].write(good(rig.port)[:50])
        second[1].write(good(rig.port) + good(rig.port)[:50])
        assert await answers(second[0], 1) == [200]
        idle = [await connect(rig) for _ in range(500)]
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", rig.port))
        deaf.sendall(good(rig.port) * 50)
        began = asyncio.get_running_loop().time()

        async def drip() -> None:
            for byte in good(rig.port, "x" * 3000):
                drips[1].write(bytes([byte]))
                await asyncio.sleep(0.5)

        dripping = asyncio.create_task(drip())
        assert await rig.ua.ping(5) < 5
        for reader, _ in (silent, first, second, drips, *idle):
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                assert await asyncio.wait_for(reader.read(), 2 * CUT_OFF_S) == b""
        took_s = asyncio.get_running_loop().time() - began
        dripping.cancel()
        await asyncio.wait_for(is_cut_off(deaf), 2 * CUT_OFF_S)
        deaf.close()
        for _, writer in (silent, first, second, drips, *idle):
            writer.close()
        assert took_s < 2 * CUT_OFF_S  # 30 s, and as long again for a machine that stalls
        assert await rig.ua.ping(5) < 5
