# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers that peers ask for: REFER and Replaces, on the wire, with sound."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from sipagent.signalling.transfer import parse_replaces
from sipagent.switch import Switch
from tests.sip.house import Party, idle, parties, switch, talk
from tests.sip.rig import Rig
from tests.sip.ua import Ua, offer
from tests.sip.wire import Peer

A, B, C, D = 0x90, 0xA0, 0xB0, 0xC0


def tag(name_addr: str) -> str:
    return name_addr.partition(";tag=")[2]


def named(ua: Ua, **other: str) -> str:
    """Replaces for the switch's side of the dialog; `other` in the place of what is right."""
    parts = {"call_id": ua.call_id, "to_tag": tag(ua.remote), "from_tag": tag(ua.local), "more": "", **other}
    return "{call_id};to-tag={to_tag};from-tag={from_tag}{more}".format(**parts)


WRONG = [{"call_id": "other"}, {"to_tag": "other"}, {"from_tag": "other"}]


async def two_calls(alice: Party, bob: Party, carol: Party) -> tuple[Ua, Ua]:
    """Alice has bob and carol on the line, both through the switch."""
    dialled = alice.dials("70")
    await bob.answers()
    first = await alice.talks(dialled)
    dialled = alice.dials("71")
    await carol.answers()
    return first, await alice.talks(dialled)


def routes(bob: Party, carol: Party) -> list[dict[str, str]]:
    return [{"called": "70", "bridge": bob.uri}, {"called": "71", "bridge": carol.uri}]


def refer(ua: Ua, uri: str, replaces: str = "") -> None:
    target = f"<{uri}?Replaces={quote(replaces)}>" if replaces else f"<{uri}>"
    ua.send("REFER", headers=f"Refer-To: {target}\r\n")


async def accepted(party: Party) -> None:
    assert (await party.peer.response("REFER")).status == 202


async def rest(house: Switch, n: int) -> None:
    """So many calls are left."""
    await asyncio.wait_for(Rig.until(lambda: len(house.user_agent.calls) == n), 10)


async def test_the_callee_sends_the_caller_on() -> None:
    async with parties(A, B, C) as (alice, bob, carol), switch((alice, bob, carol), routes(bob, carol)) as house:
        dialled = alice.dials("70")
        ua = await bob.answers()
        await alice.talks(dialled)
        await talk(alice, bob)
        refer(ua, carol.uri)
        telling = asyncio.create_task(bob.told())
        await carol.answers()
        assert (await telling)[-1] == 200
        await talk(alice, carol)
        await bob.left()
        await rest(house, 2)


async def test_attended_with_a_call_elsewhere() -> None:
    """Alice speaks with carol past us: who stays is brought to carol by an INVITE with the Replaces that alice gave."""
    async with parties(A, B, C) as (alice, bob, carol), switch((alice, bob, carol), routes(bob, carol)) as house:
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        await talk(alice, bob)
        refer(ua, carol.uri, "elsewhere;to-tag=c;from-tag=a")
        telling = asyncio.create_task(alice.told())
        invite = await carol.rings()
        assert parse_replaces(invite.get("replaces")) == parse_replaces("elsewhere;to-tag=c;from-tag=a")
        assert "replaces" in invite.get("require")
        carol.peer.respond(invite, "180 Ringing", carol.port)
        carol.takes(invite)
        codes = await telling
        assert (codes[0], codes[-1]) == (100, 200)
        assert set(codes[1:-1]) <= {180}
        await talk(bob, carol)
        await ua.hang_up()
        await rest(house, 2)


async def test_a_blind_transfer_that_fails_gives_the_call_back() -> None:
    async with parties(A, B, C) as (alice, bob, carol), switch((alice, bob, carol), routes(bob, carol)) as house:
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        await talk(alice, bob)
        refer(ua, carol.uri)
        telling = asyncio.create_task(alice.told())
        invite = await carol.rings()
        carol.peer.respond(invite, "486 Busy Here", carol.port)
        assert (await telling)[-1] == 486
        await talk(alice, bob)
        await rest(house, 2)


async def test_a_transfer_obeys_the_policy_of_destinations() -> None:
    """REFER to a number that may not be called, directly and by a number of ours that leads there."""
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [*routes(bob, carol), {"called": "72", "bridge": carol.uri.replace("peer", "666")}]
        async with switch((alice, bob, carol), rows, protection={"deny": ["666"]}) as house:
            dialled = alice.dials("70")
            await bob.answers()
            ua = await alice.talks(dialled)
            await talk(alice, bob)
            for uri in (carol.uri.replace("peer", "666"), f"sip:72@127.0.0.1:{alice.port}"):
                refer(ua, uri)
                await accepted(alice)
                assert await alice.told() == [100, 403]
                await talk(alice, bob)
            await rest(house, 2)
            assert not carol.peer.seen
            last = await refused(alice, "72")
            assert last == 403


async def refused(party: Party, number: str, headers: str = "", body: str = "") -> int:
    answer = await party.dials(number, headers, body).final()
    return answer.status


async def test_an_invite_takes_the_place_of_a_call() -> None:
    async with parties(A, B, C, D) as (alice, bob, carol, dave), switch((alice, bob, dave), routes(bob, carol)) as house:
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        await talk(alice, bob)
        for wrong in WRONG:
            assert await refused(dave, "70", f"Replaces: {named(ua, **wrong)}\r\n") == 481
        swapped = named(ua, to_tag=tag(ua.local), from_tag=tag(ua.remote))
        assert await refused(dave, "70", f"Replaces: {swapped}\r\n") == 481
        assert await refused(dave, "70", f"Replaces: {named(ua)};early-only\r\n") == 486
        assert await refused(dave, "70", f"Replaces: {named(ua)}\r\nReplaces: {named(ua)}\r\n") == 400
        await talk(alice, bob)
        assert len(house.user_agent.calls) == 2
        await dave.calls("70", f"Require: replaces\r\nReplaces: {named(ua)}\r\n")
        await alice.left()
        await talk(dave, bob)
        await rest(house, 2)


async def test_an_invite_that_was_refused_leaves_no_claim_behind() -> None:
    """The next one, which replaces nothing, is a call like any other."""
    async with parties(A, B, C, D) as (alice, bob, carol, dave), switch((alice, bob, carol, dave), routes(bob, carol)) as house:
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        bad = offer(dave.rtp.port, media="RTP/AVP 99")
        assert await refused(dave, "71", f"Replaces: {named(ua)}\r\n", bad) in (400, 488)
        dialled = dave.dials("71")
        await carol.answers()
        await dave.talks(dialled)
        await talk(dave, carol)
        await talk(alice, bob)
        await rest(house, 4)


async def test_a_stranger_takes_no_place_in_a_trunks_call() -> None:
    """Who knows the dialog must have come the way that it did."""
    async with parties(A, B, C) as (alice, bob, carol):
        alice.peer.close()
        alice.peer = await Peer.open("127.0.0.2")
        trunk = {"name": "pbx", "hosts": ["127.0.0.2:5099"], "options_s": 0, "sources": ["127.0.0.2"]}
        async with switch((alice, bob, carol), routes(bob, carol), sip={"trunks": [trunk]}) as house:
            dialled = alice.dials("70")
            await bob.answers()
            ua = await alice.talks(dialled)
            assert {c.account for c in house.user_agent.calls.values()} == {"pbx", ""}
            assert await refused(carol, "70", f"Replaces: {named(ua)}\r\n") == 403
            await talk(alice, bob)
            await rest(house, 2)


async def test_nobody_to_transfer() -> None:
    """Who talks with an agent can't send it away but to another call of its own, nor take another caller's place at it."""
    async with parties(A, B) as (alice, bob), switch((alice, bob)) as house:
        ua = await alice.calls("600")
        refer(ua, bob.uri)
        assert await alice.told() == [603]
        assert await refused(bob, "600", f"Replaces: {named(ua)}\r\n") == 603
        assert not [m for m in bob.peer.seen if m.method]
        await ua.hang_up()
        await idle(house)
