# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole switch on the test's event loop, and parties written by hand that talk through it: each says one code only, so
that who hears whom is known by a byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sipagent.call import Agent, Call
from sipagent.switch import Switch
from tests.sip.rig import WAIT_S, Rig, config
from tests.sip.ua import FRAME, Rtp, Ua, offer
from tests.sip.wire import Message, Peer

MEDIA = {"codecs": ["PCMU/8000"], "rate": 8000}
Work = Callable[[Call], Any]


class Party:
    """A phone with one socket for all its dialogs, and one for sound."""

    def __init__(self, peer: Peer, rtp: Rtp, voice: int) -> None:
        self.peer, self.rtp = peer, rtp
        self.voice = rtp.voice = voice
        self.port = 0  # of the switch
        self.hops = 70  # Max-Forwards of its calls

    @property
    def uri(self) -> str:
        return f"sip:peer@127.0.0.1:{self.peer.port}"

    async def calls(self, number: str, headers: str = "") -> Ua:
        """A call that is answered."""
        ua = self.dials(number, headers)
        return await self.talks(ua)

    def dials(self, number: str, headers: str = "", body: str = "") -> Ua:
        ua = Ua(self.peer, self.port, remote=f"<sip:{number}@127.0.0.1:{self.port}>", user=number, hops=self.hops)
        ua.send("INVITE", body or offer(self.rtp.port), headers)
        return ua

    async def talks(self, ua: Ua) -> Ua:
        """It was answered."""
        answer = await ua.final()
        assert answer.status == 200, answer.start
        self.rtp.aim(answer)
        ua.answer = answer
        return ua

    async def rings(self) -> Message:
        """The INVITE that came."""
        return await self.peer.request("INVITE")

    async def answers(self) -> Ua:
        """Takes a call that comes."""
        return self.takes(await self.rings())

    def takes(self, invite: Message) -> Ua:
        """Answers the INVITE."""
        self.peer.respond(invite, "200 OK", self.port, "Allow: INVITE, ACK, BYE, INFO, REFER\r\n", offer(self.rtp.port))
        self.rtp.aim(invite)
        return Ua.called(self.peer, self.port, invite)

    async def told(self) -> list[int]:
        """The statuses of the NOTIFYs of a transfer, to the last one."""
        codes: list[int] = []
        while True:
            notify = await self.peer.request("NOTIFY")
            self.peer.respond(notify, "200 OK", self.port)
            code = int(notify.body.split()[1])
            assert notify.get("event").split(";")[0] == "refer"
            assert notify.get("content-type").startswith("message/sipfrag")
            assert notify.get("subscription-state").startswith("terminated" if code >= 200 else "active")
            codes.append(code)
            if code >= 200:
                return codes

    async def left(self) -> Message:
        """The switch hangs up; on who transferred a call, and stays, after a while."""
        bye = await self.peer.request("BYE", 20)
        self.peer.respond(bye, "200 OK", self.port)
        return bye

    async def hears(self, other: Party) -> None:
        """From now on, within a while."""
        since = len(self.rtp.came)
        said = bytes([other.voice]) * FRAME
        await asyncio.wait_for(Rig.until(lambda: any(p.payload == said for p in self.rtp.came[since:])), WAIT_S)

    async def hears_nothing_of(self, other: Party) -> None:
        """Ten packets, none of them with a code of the other's."""
        since = len(self.rtp.came)
        await asyncio.wait_for(Rig.until(lambda: len(self.rtp.came) >= since + 10), WAIT_S)
        assert not any(p.payload == bytes([other.voice]) * FRAME for p in self.rtp.came[since + 5 :])


async def talk(a: Party, b: Party) -> None:
    """The two hear each other."""
    await a.hears(b)
    await b.hears(a)


class Scripted:
    """An agent of one function."""

    name = "scripted"

    def __init__(self, work: Work) -> None:
        self.work = work

    async def on_call(self, call: Call) -> None:
        await self.work(call)


@asynccontextmanager
async def parties(*voices: int) -> AsyncIterator[list[Party]]:
    """One for each code."""
    made = [Party(await Peer.open(), await Rtp.open(), voice) for voice in voices]
    try:
        yield made
    finally:
        for party in made:
            party.peer.close()
            party.rtp.close()


@asynccontextmanager
async def switch(
    people: Sequence[Party], routes: Sequence[dict[str, Any]] = (), agent: Work | None = None, **sections: Any
) -> AsyncIterator[Switch]:
    """Up, and down again."""
    sections = {"media": MEDIA, "dialogue": {"agent": "echo"}, "api": {"enabled": False}, **sections}
    make: Callable[[object], Agent] | None = None if agent is None else lambda _: Scripted(agent)
    house = Switch(config(routes=list(routes), **sections), make)
    await house.start()
    try:
        for party in people:
            party.port = int(house.user_agent.listening()[0].rsplit(":", 1)[1])
        yield house
    finally:
        await house.stop()


async def idle(house: Switch) -> None:
    """No call is left."""
    await asyncio.wait_for(Rig.until(lambda: not house.user_agent.calls), WAIT_S)
