# SPDX-License-Identifier: GPL-3.0-or-later
"""A registrar for tests: REGISTER over UDP with digest authentication (RFC 3261 section 22.4, RFC 2617 MD5 with qop)."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.sip.wire import Message, Peer

NONCE = "f00dfeed"


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


def digest_fields(value: str) -> dict[str, str]:
    """The parameters of an Authorization header."""
    return {n.lower(): quoted or bare for n, quoted, bare in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^,\s]+))', value)}


def digest_is_right(request: Message, user: str, password: str, realm: str) -> bool:
    """Checks an Authorization header against the password."""
    given = digest_fields(request.get("authorization"))
    if given.get("username") != user or given.get("realm") != realm or given.get("nonce") != NONCE:
        return False
    ha1, ha2 = _md5(user, realm, password), _md5(request.method, given["uri"])
    middle = [NONCE, given["nc"], given["cnonce"], given["qop"]] if "qop" in given else [NONCE]
    return given["response"] == _md5(ha1, *middle, ha2)


@dataclass
class Registrar:
    """Serves until `close`. `bindings`: Expires of each REGISTER that was accepted."""

    peer: Peer
    user: str = "600"
    password: str = "secret"
    realm: str = "pbx"
    expires: int = 300
    refuse: list[str] = field(default_factory=list)  # status lines for the next ones
    bindings: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    others: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)  # INVITEs and so on
    attempts: int = 0
    contact: str = ""
    accepted: list[tuple[int, str]] = field(default_factory=list)  # Expires and Contact of each
    received: Callable[[], str] = lambda: ""  # where it says that a REGISTER came from; "" = it says nothing

    @classmethod
    async def open(cls, **options: object) -> Registrar:
        registrar = cls(await Peer.open(), **options)  # type: ignore[arg-type]
        registrar.task = asyncio.create_task(registrar._serve())
        return registrar

    def __post_init__(self) -> None:
        self.task: asyncio.Task[None]

    @property
    def port(self) -> int:
        return self.peer.port

    @property
    def challenge(self) -> str:
        return f'WWW-Authenticate: Digest realm="{self.realm}", nonce="{NONCE}", algorithm=MD5, qop="auth"\r\n'

    async def _serve(self) -> None:
        while True:
            request, addr = await self.peer.inbox.get()
            if request.method != "REGISTER":
                self.others.put_nowait(request)
                continue
            if where := self.received():  # RFC 3261 section 18.2.1, RFC 3581 section 4
                [(place, via)] = [(k, v) for k, (name, v) in enumerate(request.headers) if name == "via"]
                request.headers[place] = ("via", via.replace(";rport", f";received={where};rport={addr[1]}"))
            if not request.get("authorization"):
                self.peer.respond(request, "401 Unauthorized", addr[1], self.challenge)
                continue
            self.attempts += 1
            if self.refuse:
                self.peer.respond(request, self.refuse.pop(0), addr[1])
            elif not digest_is_right(request, self.user, self.password, self.realm):
                self.peer.respond(request, "403 Forbidden", addr[1])
            else:
                self.contact = request.get("contact")
                asked = re.search(r"expires[=:]\s*(\d+)", request.get("contact")) or re.search(r"(\d+)", request.get("expires"))
                expires = min(int(asked[1]), self.expires) if asked else self.expires
                self.peer.respond(request, "200 OK", addr[1], f"Expires: {expires}\r\n")
                self.accepted.append((expires, self.contact))
                self.bindings.put_nowait(expires)

    async def invited(self) -> Message:
        """The next INVITE."""
        while True:
            request = await asyncio.wait_for(self.others.get(), 10)
            if request.method == "INVITE":
                return request

    async def bound(self) -> int:
        """Expires of the next accepted REGISTER."""
        return await asyncio.wait_for(self.bindings.get(), 10)

    def close(self) -> None:
        self.task.cancel()
        self.peer.close()
