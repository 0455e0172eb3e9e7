# SPDX-License-Identifier: GPL-3.0-or-later
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sipagent.signalling.errors import SignallingError
from sipagent.signalling.options import build_options, ping, status_of


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"SIP/2.0 200 OK\r\nCall-ID: abc\r\n\r\n", 200),
        (b"SIP/2.0 503 Busy\r\nCall-ID: abc\r\n\r\n", 503),
        (b"SIP/2.0 100 Trying\r\nCall-ID: abc\r\n\r\n", None),
        (b"SIP/2.0 200 OK\r\nCall-ID: other\r\n\r\n", None),
        (b"OPTIONS sip:x SIP/2.0\r\nCall-ID: abc\r\n\r\n", None),
        (b"", None),
    ],
)
def test_status(message: bytes, status: int | None) -> None:
    assert status_of(message, "abc") == status


def test_request() -> None:
    text = build_options("tcp", "::1", 5060, ("::1", 40000), "id1").decode()
    assert text.startswith("OPTIONS sip:[::1]:5060;transport=tcp SIP/2.0\r\n")
    assert "Via: SIP/2.0/TCP [::1]:40000;rport;branch=z9hG4bK" in text
    assert text.endswith("Content-Length: 0\r\n\r\n")


class Server(asyncio.DatagramProtocol):
    """Answers every request with the given status lines, or not at all."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        _, _, rest = data.decode().partition("\r\n")
        for answer in self.answers:
            self.wire.sendto(f"SIP/2.0 {answer}\r\n{rest}".encode(), addr)


@asynccontextmanager
async def server(*answers: str) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    wire, _ = await loop.create_datagram_endpoint(lambda: Server(list(answers)), local_addr=("127.0.0.1", 0))
    try:
        yield wire.get_extra_info("sockname")[1]
    finally:
        wire.close()


async def test_round_trip() -> None:
    async with server("100 Trying", "200 OK") as port:
        assert 0 < await ping("udp", "127.0.0.1", port, 2.0) < 2.0


async def test_other_answer_is_not_health() -> None:
    async with server("503 Service Unavailable") as port:
        with pytest.raises(SignallingError, match="503"):
            await ping("udp", "127.0.0.1", port, 2.0)


async def test_silence_is_not_health() -> None:
    async with server() as port:
        with pytest.raises(SignallingError, match="no answer"):
            await ping("udp", "127.0.0.1", port, 0.05)


async def test_nobody_listens() -> None:
    async with server() as port:
        pass
    with pytest.raises(SignallingError, match="OPTIONS"):
        await ping("tcp", "127.0.0.1", port, 1.0)
