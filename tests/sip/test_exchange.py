# SPDX-License-Identifier: GPL-3.0-or-later
"""Attended transfer where both calls are here: REFER with Replaces of a dialog of ours, on the wire, with sound."""

from __future__ import annotations

import asyncio

import pytest

from mediacore import Codec
from sipagent.call import Call
from tests.sip.house import Party, idle, parties, switch, talk
from tests.sip.test_transfer import WRONG, named, refer, refused, rest, routes, two_calls
from tests.sip.ua import FRAME, Ua, direction, offer
from tests.sip.wire import Peer

A, B, C, BOT = 0x90, 0xA0, 0xB0, 0xC0


async def aimed(party: Party, ua: Ua) -> None:
    """The party talks in this one of its calls."""
    assert ua.answer is not None
    party.rtp.aim(ua.answer)


@pytest.mark.parametrize("first_asks", [True, False])
async def test_two_bridges_become_one(first_asks: bool) -> None:
    """Either of alice's two calls may ask; both end, and who stayed in them talk."""
    async with parties(A, B, C) as (alice, bob, carol), switch((alice, bob, carol), routes(bob, carol)) as house:
        first, second = await two_calls(alice, bob, carol)
        await talk(alice, carol)
        by, old = (first, second) if first_asks else (second, first)
        refer(by, f"sip:71@127.0.0.1:{alice.port}", named(old))
        assert await alice.told() == [100, 200]
        await alice.left()
        await talk(bob, carol)
        await by.hang_up()
        await rest(house, 2)
        calls = list(house.user_agent.calls.values())
        assert [c.other_id for c in calls] == [c.id for c in reversed(calls)]


async def test_the_hold_of_who_leaves_does_not_outlive_it() -> None:
    """Alice holds bob while she asks carol, as phones do: bob is taken back, before he talks with carol."""
    async with parties(A, B, C) as (alice, bob, carol), switch((alice, bob, carol), routes(bob, carol)) as house:
        dialled = alice.dials("70")
        bobs = await bob.answers()
        first = await alice.talks(dialled)
        await talk(alice, bob)
        assert (await first.ask("INVITE", offer(alice.rtp.port, "a=sendonly", version=2))).status == 200
        held = await bob.peer.request("INVITE")
        assert direction(held) == "sendonly"
        bob.peer.respond(held, "200 OK", bob.port, body=offer(bob.rtp.port, "a=recvonly", version=2))
        dialled = alice.dials("71")
        await carol.answers()
        second = await alice.talks(dialled)
        refer(first, f"sip:71@127.0.0.1:{alice.port}", named(second))
        taken_back = await bob.peer.request("INVITE")
        assert direction(taken_back) == "sendrecv"
        bob.peer.respond(taken_back, "200 OK", bob.port, body=offer(bob.rtp.port, version=3))
        assert await alice.told() == [100, 200]
        await alice.left()
        await talk(bob, carol)
        await first.hang_up()
        del bobs
        await rest(house, 2)


async def test_a_claim_that_is_not_right_changes_nothing() -> None:
    async with parties(A, B, C) as (alice, bob, carol), switch((alice, bob, carol), routes(bob, carol)) as house:
        first, second = await two_calls(alice, bob, carol)
        wrong = [*(named(second, **w) for w in WRONG), named(first), named(second, more=";early-only")]
        for replaces, code in zip(wrong, (481, 481, 481, 481, 486), strict=True):
            refer(first, f"sip:71@127.0.0.1:{alice.port}", replaces)
            assert await alice.told() == [100, code]
            await aimed(alice, first)
            await talk(alice, bob)
        await aimed(alice, second)
        await talk(alice, carol)
        await rest(house, 4)


async def test_no_call_of_another_trunk_is_taken() -> None:
    """Who knows the dialog must have come the way that it did."""
    async with parties(A, B, C, 0x98) as (alice, bob, carol, dave):
        alice.peer.close()
        alice.peer = await Peer.open("127.0.0.2")
        trunk = {"name": "pbx", "hosts": ["127.0.0.2:5098"], "options_s": 0, "sources": ["127.0.0.2"]}
        people = (alice, bob, carol, dave)
        async with switch(people, routes(bob, carol), sip={"trunks": [trunk]}) as house:
            dialled = alice.dials("70")
            await bob.answers()
            trunks = await alice.talks(dialled)
            dialled = dave.dials("71")
            await carol.answers()
            daves = await dave.talks(dialled)
            await talk(dave, carol)
            refer(daves, f"sip:70@127.0.0.1:{dave.port}", named(trunks))
            assert await dave.told() == [100, 403]
            await talk(dave, carol)
            await talk(alice, bob)
            await rest(house, 4)


async def speaks(call: Call) -> None:
    """A bot that says one code."""
    pcm = Codec("PCMU", 8000).decode(bytes([BOT]) * FRAME)
    while not call.ended.is_set():
        if call.leg.pending < 1600:
            call.leg.write(pcm)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("agent_asks", [True, False])
async def test_an_agent_on_one_side(agent_asks: bool) -> None:
    """Bob gets alice's place at the bot, whichever of her two calls she sends the REFER in."""
    async with parties(A, B, BOT) as (alice, bob, bot):
        rows = [{"called": "70", "bridge": bob.uri}, {"called": "600", "agent": "echo"}]
        async with switch((alice, bob), rows) as house:
            assert house.attendant is not None
            house.attendant._desk.agents["echo"].on_call = speaks  # type: ignore[method-assign]
            dialled = alice.dials("70")
            await bob.answers()
            bridged = await alice.talks(dialled)
            await talk(alice, bob)
            to_bot = await alice.calls("600")
            await alice.hears(bot)
            by, old = (to_bot, bridged) if agent_asks else (bridged, to_bot)
            refer(by, f"sip:600@127.0.0.1:{alice.port}", named(old))
            assert await alice.told() == [100, 200]
            await alice.left()
            await bob.hears(bot)
            await by.hang_up()
            await rest(house, 1)


async def test_a_room_on_one_side() -> None:
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [*routes(bob, carol), {"called": "80", "room": "80"}]
        async with switch((alice, bob, carol), rows) as house:
            dialled = alice.dials("70")
            await bob.answers()
            first = await alice.talks(dialled)
            inside = await alice.calls("80")
            await carol.calls("80")
            refer(first, f"sip:80@127.0.0.1:{alice.port}", named(inside))
            assert await alice.told() == [100, 200]
            await alice.left()
            await talk(bob, carol)
            await first.hang_up()
            await rest(house, 2)
            assert {c.room for c in house.user_agent.calls.values()} == {"80"}


async def test_two_agents_have_nothing_to_say_to_each_other() -> None:
    async with parties(A, B) as (alice, bob), switch((alice, bob)) as house:
        first, second = await alice.calls("600"), await alice.calls("601")
        refer(first, f"sip:601@127.0.0.1:{alice.port}", named(second))
        assert await alice.told() == [100, 603]
        assert len(house.user_agent.calls) == 2
        for ua in (first, second):
            await ua.hang_up()
        await idle(house)


async def test_a_given_slot_takes_the_call() -> None:
    """Alice asks for a slot, hears which, and transfers bob there; who dials it gets bob."""
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [*routes(bob, carol), {"called": "700", "park": "auto"}, {"called": "_70X", "park": "{called}"}]
        parking = {"slots": "701-702", "timeout_s": 30}
        async with switch((alice, bob, carol), rows, parking=parking) as house:
            dialled = alice.dials("70")
            await bob.answers()
            first = await alice.talks(dialled)
            asked = await alice.calls("700")
            assert await refused(carol, "701") == 404  # given, but nobody is in it
            other = await carol.calls("700")  # the second one
            assert await refused(carol, "700") == 486
            await other.hang_up()
            refer(first, f"sip:700@127.0.0.1:{alice.port}", named(asked))
            assert await alice.told() == [100, 200]
            await alice.left()
            await first.hang_up()
            await rest(house, 1)
            assert [c.parked for c in house.user_agent.calls.values()] == ["701"]
            await carol.calls("701")
            await talk(bob, carol)
            await rest(house, 2)


async def test_a_given_slot_takes_one_call() -> None:
    """A second transfer there, before who was told the slot has gone, fails; who was to go there talks on."""
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [*routes(bob, carol), {"called": "700", "park": "auto"}, {"called": "_70X", "park": "{called}"}]
        async with switch((alice, bob, carol), rows, parking={"slots": "701-702", "timeout_s": 30}) as house:
            first, second = await two_calls(alice, bob, carol)
            asked = await alice.calls("700")
            refer(first, f"sip:700@127.0.0.1:{alice.port}", named(asked))
            assert await alice.told() == [100, 200]
            await first.hang_up()
            refer(second, f"sip:700@127.0.0.1:{alice.port}", named(asked))
            assert (await alice.told())[-1] in (481, 603)  # who was told has hung up by now, or not yet
            await alice.left()
            await aimed(alice, second)
            await talk(alice, carol)
            await rest(house, 3)
            assert sorted(c.parked for c in house.user_agent.calls.values()) == ["", "", "701"]
