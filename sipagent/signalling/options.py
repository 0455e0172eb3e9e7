# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OPTIONS round trip (RFC 3261 section 11) to our own transport, over the wire, by a sender that shares nothing with
PJSIP: an answer proves that the sip thread reads, parses and sends."""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl

from mediacore import clock_us
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.uri import Transport, host_port

_STATUS = re.compile(rb"SIP/2\.0 (\d{3}) ")


def build_options(transport: Transport, host: str, port: int, local: tuple[str, int], call_id: str) -> bytes:
    """The request."""
    here = host_port(*local)
    lines = [
        f"OPTIONS sip:{host_port(host, port)};transport={transport} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {here};rport;branch=z9hG4bK{secrets.token_hex(8)}",
        f"From: <sip:ping@{here}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{host_port(host, port)}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:ping@{here};transport={transport}>",
        "Max-Forwards: 1",
        "Accept: application/sdp",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status_of(message: bytes, call_id: str) -> int | None:
    """The final status code, when the message is the response to that Call-ID; None otherwise."""
    match = _STATUS.match(message)
    if match is None or call_id.encode() not in message or match[1].startswith(b"1"):
        return None
    return int(match[1])


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, call_id: str) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._call_id = call_id

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        status = status_of(data, self._call_id)
        if status is not None and not self.status.done():
            self.status.set_result(status)

    def error_received(self, exc: Exception) -> None:
        if not self.status.done():
            self.status.set_exception(SignallingError(f"OPTIONS could not be delivered: {exc}"))


async def ping(transport: Transport, host: str, port: int, timeout_s: float) -> float:
    """Seconds from the request to its 200. SignallingError when it is another answer, or none in `timeout_s`."""
    start = clock_us()
    try:
        send = _udp if transport == "udp" else _stream
        status = await asyncio.wait_for(send(transport, host, port), timeout_s)
    except TimeoutError as error:
        raise SignallingError(f"no answer to OPTIONS on {transport}:{host_port(host, port)} in {timeout_s:g} s") from error
    except OSError as error:
        raise SignallingError(f"OPTIONS on {transport}:{host_port(host, port)}: {error}") from error
    if status != 200:
        raise SignallingError(f"OPTIONS on {transport}:{host_port(host, port)} was answered with {status}")
    return (clock_us() - start) / 1e6


async def _udp(transport: Transport, host: str, port: int) -> int:
    call_id = secrets.token_hex(12)
    loop = asyncio.get_running_loop()
    wire, answer = await loop.create_datagram_endpoint(lambda: _Answer(call_id), remote_addr=(host, port))
    try:
        local = wire.get_extra_info("sockname")
        wire.sendto(build_options(transport, host, port, local[:2], call_id))
        return await answer.status
    finally:
        wire.close()


async def _stream(transport: Transport, host: str, port: int) -> int:
    call_id = secrets.token_hex(12)
    context: ssl.SSLContext | None = None
    if transport == "tls":
        context = ssl.create_default_context()
        context.check_hostname = False  # it is ourselves; whether others trust the certificate is the doctor's question
        context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        local = writer.get_extra_info("sockname")
        writer.write(build_options(transport, host, port, local[:2], call_id))
        await writer.drain()
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            status = status_of(head, call_id)
            if status is not None:
                return status
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("connection closed without an answer") from error
    finally:
        writer.close()
