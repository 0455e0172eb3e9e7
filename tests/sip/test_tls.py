# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS: which servers we talk to, which clients talk to us, and whose name a client certificate gives (RFC 5922)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from sipagent.call import Call
from tests.interop import certs
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Dialog, Message, Peer, sdp

WAIT_S = 10.0
OURS = "IP:127.0.0.1,DNS:localhost"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def own(room: Path) -> certs.Certificates:
    return certs.make(room / "own", OURS)


@pytest.fixture(scope="module")
def foreign(room: Path) -> certs.Certificates:
    """Of an authority that nobody here knows."""
    return certs.make(room / "foreign", f"{OURS},DNS:trunk.example")


def issue(own: certs.Certificates, name: str, names: str, days: int = 1) -> certs.Certificates:
    return certs.issue(own.ca.parent.parent / name, own.ca, own.ca.with_suffix(".key"), names, days)


# ---- we connect


async def what_a_server_gets(
    server: certs.Certificates, trusted: Path, host: str = "127.0.0.1", **tls: Any
) -> tuple[bytes, str]:
    """The first bytes that a TLS server with this certificate gets of an account's REGISTER, b"" for none before the account
    says that it failed; and the reason that it says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    came = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            data = await reader.read(4096)
            if data and not came.done():
                came.set_result(data)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    account = {"user": "600", "host": "pbx.example", "registrars": [f"{host}:{port}"], "transport": "tls"}
    async with listening, user_agent(config(sip={"accounts": [account], "tls": {"ca": str(trusted), **tls}})) as rig:
        await asyncio.wait_for(rig.until(lambda: came.done() or bool(rig.ua.accounts()[0].failures)), WAIT_S)
        return (came.result() if came.done() else b""), rig.ua.accounts()[0].reason


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_server_that_proves_its_name_gets_the_request(own: certs.Certificates, host: str) -> None:
    assert (await what_a_server_gets(own, own.ca, host))[0].startswith(b"REGISTER ")


@pytest.mark.parametrize("wrong", ["name", "time", "authority"])
async def test_a_server_that_does_not_gets_nothing(own: certs.Certificates, foreign: certs.Certificates, wrong: str) -> None:
    if wrong == "name":
        server = issue(own, "other", "DNS:other.example,IP:127.0.0.2")
    else:
        server = issue(own, "expired", OURS, days=-1) if wrong == "time" else foreign
    got, reason = await what_a_server_gets(server, own.ca)
    assert got == b""
    assert "certificate verification" in reason


async def test_who_asks_for_no_check_talks_to_any_server(own: certs.Certificates, foreign: certs.Certificates) -> None:
    assert (await what_a_server_gets(foreign, own.ca, verify_server=False))[0].startswith(b"REGISTER ")


# ---- they connect


class Connection(Peer):
    """A client of ours, over TLS. `closed` when we hung up on it or did not take it."""

    closed: asyncio.Event

    @classmethod
    async def connect(cls, port: int, ca: Path, client: certs.Certificates | None) -> Connection:
        context = ssl.create_default_context(cafile=str(ca))
        if client is not None:
            context.load_cert_chain(client.cert, client.key)
        peer = cls()
        peer.closed = asyncio.Event()
        reader, peer.stream = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        peer.port = peer.stream.get_extra_info("sockname")[1]
        peer.reading = asyncio.create_task(peer._read(reader))
        return peer

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self.stream: asyncio.StreamWriter
        self.reading: asyncio.Task[None]

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                message = Message.parse(head)
                await reader.readexactly(int(message.get("content-length") or 0))
                self.inbox.put_nowait((message, ("127.0.0.1", self.port)))
        self.closed.set()

    def send(self, data: str | bytes, port: int) -> None:
        text = data if isinstance(data, str) else data.decode()
        self.stream.write(text.replace("SIP/2.0/UDP", "SIP/2.0/TLS").encode())

    def close(self) -> None:
        self.reading.cancel()
        self.stream.transport.abort()


def serving(own: certs.Certificates, verify: str) -> Any:
    tls = {"cert": str(own.cert), "key": str(own.key), "ca": str(own.ca), "verify_client": verify}
    row = {"name": "provider", "hosts": ["127.0.0.1"], "transport": "tls", "certificate": "trunk.example", "options_s": 0}
    return config(sip={"listen": [{"transport": "tls", "port": 0}], "tls": tls, "trunks": [row]})


async def caller_of(rig: Rig, own: certs.Certificates, client: certs.Certificates | None) -> str:
    """Which account or trunk the call of a client with this certificate belongs to."""
    peer = await Connection.connect(rig.port, own.ca, client)
    Dialog(peer, rig.port).invite(sdp())
    call = await rig.taken()
    name = call.account
    await call.hangup(480)
    await rig.over(call)
    peer.close()
    return name


async def test_a_trunk_is_known_by_the_name_in_its_certificate_and_by_nothing_else(own: certs.Certificates) -> None:
    async with user_agent(serving(own, "optional")) as rig:
        assert await caller_of(rig, own, issue(own, "trunk", "DNS:TRUNK.example")) == "provider"
        assert await caller_of(rig, own, issue(own, "sip-trunk", "URI:sip:trunk.example")) == "provider"
        assert await caller_of(rig, own, issue(own, "guest", "DNS:guest.example,DNS:trunk.example.net")) == ""
        assert await caller_of(rig, own, None) == ""  # from the trunk's address


@pytest.mark.parametrize("verify", ["optional", "required"])
async def test_a_client_whose_certificate_is_not_good_is_cut_off(
    own: certs.Certificates, foreign: certs.Certificates, verify: str
) -> None:
    bad: list[certs.Certificates | None] = [foreign, issue(own, "stale", "DNS:trunk.example", days=-1)]
    async with user_agent(serving(own, verify)) as rig:
        for client in [*bad, None] if verify == "required" else bad:
            with contextlib.suppress(OSError):  # TLS 1.3: the client learns of it after its side of the handshake only
                peer = await Connection.connect(rig.port, own.ca, client)
                Dialog(peer, rig.port).invite(sdp())
                await asyncio.wait_for(peer.closed.wait(), WAIT_S)
                assert peer.inbox.empty()
                peer.close()
        assert await caller_of(rig, own, issue(own, "good", "DNS:trunk.example")) == "provider"
        assert rig.incoming.empty()


def call_over(rig_port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
    """An INVITE over a connection that resumes `session`; returns when we are hung up on, with what may be resumed next."""
    plain = socket.create_connection(("127.0.0.1", rig_port), WAIT_S)
    peer = Peer()
    peer.port = plain.getsockname()[1]
    with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as stream:
        with contextlib.suppress(OSError):
            stream.sendall(Dialog(peer, rig_port).text("INVITE", body=sdp()).replace("SIP/2.0/UDP", "SIP/2.0/TLS").encode())
            while stream.recv(4096):
                pass
        return stream.session  # of TLS 1.3 it comes after the handshake


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_who_was_refused_does_not_come_in_by_resuming_the_session(
    own: certs.Certificates, foreign: certs.Certificates, version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=str(own.ca))
    context.load_cert_chain(foreign.cert, foreign.key)
    context.maximum_version = version
    taken: list[asyncio.Future[None]] = []

    def take(call: Call) -> None:
        taken.append(asyncio.ensure_future(call.hangup(480)))

    async with user_agent(serving(own, "required"), take) as rig:
        session = await asyncio.to_thread(call_over, rig.port, context, None)
        for _ in range(2):
            session = await asyncio.to_thread(call_over, rig.port, context, session)
        assert not taken
