# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold, music on hold and the causes of an end, from one side of a bridge to the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sipagent.switch import Switch
from tests.sip.house import Party, idle, parties, switch, talk
from tests.sip.rig import Rig
from tests.sip.ua import FRAME, Ua, direction, offer
from tests.sip.wire import Message

A, B = 0x90, 0xA0
WAIT_S = 20.0


@asynccontextmanager
async def bridged(on_hold: str = "pass") -> AsyncIterator[tuple[Switch, Party, Party, Ua, Ua]]:
    async with parties(A, B) as (alice, bob):
        rows = [{"called": "70", "bridge": bob.uri}]
        async with switch((alice, bob), rows, bridge={"on_hold": on_hold}) as house:
            dialled = alice.dials("70")
            bobs = await bob.answers()
            ua = await alice.talks(dialled)
            await talk(alice, bob)
            yield house, alice, bob, ua, bobs


class Desc:
    """A party's descriptions of its sound: each has a newer version than the one before."""

    def __init__(self, party: Party) -> None:
        self.party, self.version = party, 1

    def __call__(self, way: str) -> str:
        self.version += 1
        return offer(self.party.rtp.port, f"a={way}", version=self.version)


async def asks(ua: Ua, desc: Desc, way: str) -> str:
    """An offer of ours in mid-call; the direction of the answer."""
    answer = await ua.ask("INVITE", desc(way))
    assert answer.status == 200
    return direction(answer)


async def asked(party: Party, desc: Desc, way: str) -> str:
    """The switch's offer, answered with this direction; its own."""
    invite: Message = await party.peer.request("INVITE", WAIT_S)
    party.peer.respond(invite, "200 OK", party.port, body=desc(way))
    return direction(invite)


@pytest.mark.parametrize(("held", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive")])
async def test_a_hold_goes_on_and_is_taken_back(held: str, answered: str) -> None:
    """RFC 3264 section 8.4 on both legs: each way that one side closes is closed on the other, and no more."""
    async with bridged() as (house, alice, bob, ua, _):
        mine, bobs = Desc(alice), Desc(bob)
        assert await asks(ua, mine, held) == answered
        assert await asked(bob, bobs, "recvonly") == "sendonly"
        assert await asks(ua, mine, "sendrecv") == "sendrecv"
        assert await asked(bob, bobs, "sendrecv") == "sendrecv"
        await talk(alice, bob)
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_both_hold() -> None:
    """Each takes back only its own hold: there is sound again when both have."""
    async with bridged() as (house, alice, bob, ua, bobs_ua):
        mine, bobs = Desc(alice), Desc(bob)
        assert await asks(ua, mine, "sendonly") == "recvonly"
        assert await asked(bob, bobs, "recvonly") == "sendonly"
        assert await asks(bobs_ua, bobs, "inactive") == "inactive"
        assert await asked(alice, mine, "inactive") in ("sendonly", "inactive")
        assert await asks(ua, mine, "sendrecv") == "sendonly"  # bob holds still
        assert await asked(bob, bobs, "inactive") in ("sendrecv", "recvonly")
        assert {c.direction: c.held for c in house.user_agent.calls.values()} == {"in": False, "out": True}
        assert await asks(bobs_ua, bobs, "sendrecv") == "sendrecv"
        assert await asked(alice, mine, "sendrecv") == "sendrecv"
        await talk(alice, bob)
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def hears_music(party: Party) -> None:
    """From now on, within a while: sound of many codes in one packet, which no party says."""
    since = len(party.rtp.came)
    await asyncio.wait_for(Rig.until(lambda: any(len(set(p.payload)) > FRAME // 8 for p in party.rtp.came[since:])), WAIT_S)


@pytest.mark.parametrize(("held", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive")])
async def test_who_waits_hears_music_and_learns_nothing(held: str, answered: str) -> None:
    async with bridged("music") as (house, alice, bob, ua, _):
        mine = Desc(alice)
        for _ in range(2):
            assert await asks(ua, mine, held) == answered
            await hears_music(bob)
            await bob.hears_nothing_of(alice)
            assert await asks(ua, mine, "sendrecv") == "sendrecv"
            await talk(alice, bob)
        assert not [m for m in bob.peer.seen if m.method == "INVITE" and ";tag=" in m.get("to")]
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_who_is_joined_with_a_holder_hears_music_too() -> None:
    """A hold from before the join."""
    async with parties(A, B) as (alice, bob):
        rows = [{"called": "70", "bridge": bob.uri}, {"called": "701", "park": "{called}"}]
        async with switch((alice, bob), rows, bridge={"on_hold": "music"}) as house:
            dialled = alice.dials("70")
            bobs_ua = await bob.answers()
            ua = await alice.talks(dialled)
            await talk(alice, bob)
            bobs = Desc(bob)
            ua.send("REFER", headers=f"Refer-To: <sip:701@127.0.0.1:{alice.port}>\r\n")
            assert await alice.told() == [100, 200]
            await ua.hang_up()
            assert await asks(bobs_ua, bobs, "sendonly") == "recvonly"
            again = await alice.calls("701")
            await hears_music(alice)
            assert await asks(bobs_ua, bobs, "sendrecv") == "sendrecv"
            await talk(alice, bob)
            await again.hang_up()
            await bob.left()
            await idle(house)


async def test_who_holds_a_room_is_not_heard_in_it() -> None:
    """What a PBX plays to whom it holds stays out of the conference."""
    async with parties(A, B) as (alice, bob), switch((alice, bob), [{"called": "80", "room": "80"}]) as house:
        ua, other = await alice.calls("80"), await bob.calls("80")
        mine = Desc(alice)
        await talk(alice, bob)
        assert await asks(ua, mine, "sendonly") == "recvonly"
        await quiet(bob, alice)
        assert await asks(ua, mine, "sendrecv") == "sendrecv"
        await talk(alice, bob)
        for each in (ua, other):
            await each.hang_up()
        await idle(house)


async def quiet(party: Party, other: Party) -> None:
    """Within a while, ten packets without the other's code."""
    said = bytes([other.voice]) * FRAME

    def so() -> bool:
        late = party.rtp.came[-10:]
        return len(late) == 10 and not any(p.payload == said for p in late)

    await asyncio.wait_for(Rig.until(so), WAIT_S)


async def test_the_cause_of_a_bye_goes_on() -> None:
    async with bridged() as (house, _, bob, ua, _unused):
        assert (await ua.ask("BYE", headers='Reason: Q.850;cause=41;text="Temporary failure"\r\n')).status == 200
        bye = await bob.left()
        assert [r for r in bye.all("reason") if r.startswith("Q.850")] == ['Q.850;cause=41;text="Temporary failure"']
        await idle(house)


async def test_the_cause_of_a_cancel_goes_on() -> None:
    """ "Completed elsewhere": the callee's phone must not count it as a missed call (RFC 3326 section 2)."""
    async with parties(A, B) as (alice, bob), switch((alice, bob), [{"called": "70", "bridge": bob.uri}]) as house:
        ua = alice.dials("70")
        invite = await bob.rings()
        bob.peer.respond(invite, "180 Ringing", bob.port)
        await alice.peer.response("INVITE", 180)
        reason = 'SIP;cause=200;text="Call completed elsewhere"'
        ua.send("CANCEL", headers=f"Reason: {reason}\r\n", cseq=ua.invite_cseq, branch=ua.branch)
        cancel = await bob.peer.request("CANCEL")
        assert cancel.all("reason") == [reason]
        bob.peer.respond(cancel, "200 OK", bob.port)
        bob.peer.respond(invite, "487 Request Terminated", bob.port)
        assert (await ua.final()).status == 487
        await idle(house)


async def test_the_cause_of_a_refusal_goes_on() -> None:
    async with parties(A, B) as (alice, bob), switch((alice, bob), [{"called": "70", "bridge": bob.uri}]) as house:
        ua = alice.dials("70")
        invite = await bob.rings()
        bob.peer.respond(invite, "480 Unavailable", bob.port, 'Reason: Q.850;cause=20;text="Subscriber absent"\r\n')
        answer = await ua.final()
        assert answer.status == 480
        assert answer.all("reason") == ['Q.850;cause=20;text="Subscriber absent"']
        await idle(house)
