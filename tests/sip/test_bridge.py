# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes from one side of a bridge to the other besides the talk."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipagent.bridging import parking
from sipagent.call import Call
from sipagent.waiting import first
from tests.sip.house import idle, parties, switch, talk
from tests.sip.rig import Rig
from tests.sip.test_transfer import refused
from tests.sip.ua import Ua, offer

A, B, C = 0x90, 0xA0, 0xB0


async def test_early_sound_and_hops() -> None:
    async with parties(A, B) as (alice, bob), switch((alice, bob), [{"called": "70", "bridge": bob.uri}]) as house:
        ua = alice.dials("70")
        invite = await bob.rings()
        assert invite.get("max-forwards") == "69"
        bob.peer.respond(invite, "183 Session Progress", bob.port, body=offer(bob.rtp.port))
        bob.rtp.aim(invite)
        rung = await alice.peer.response("INVITE", 180)
        assert rung.status == 183
        alice.rtp.aim(rung)
        await alice.hears(bob)
        bob.takes(invite)
        await alice.talks(ua)
        await talk(alice, bob)
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_a_call_that_went_round_too_often_is_refused() -> None:
    async with parties(A, B) as (alice, bob), switch((alice, bob), [{"called": "70", "bridge": bob.uri}]) as house:
        alice.hops = 1
        assert (await alice.dials("70").final()).status == 483
        assert not bob.peer.seen
        await idle(house)


async def test_digits_by_info_go_on() -> None:
    """To a peer that takes telephone-events, as those (RFC 4733 section 2.3)."""
    async with parties(A, B) as (alice, bob), switch((alice, bob), [{"called": "70", "bridge": bob.uri}]) as house:
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        await talk(alice, bob)
        ua.send("INFO", "Signal=5\r\nDuration=160\r\n", kind="application/dtmf-relay")
        assert (await alice.peer.response("INFO")).status == 200
        await asyncio.wait_for(Rig.until(lambda: any(p.pt == 101 and p.payload[0] == 5 for p in bob.rtp.came)), 10)
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_a_parked_call_is_taken_at_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is over, and before anybody acts on that it is taken out: it is not brought back as well."""
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [{"called": "70", "bridge": bob.uri}, {"called": "701", "park": "701"}]
        async with switch((alice, bob, carol), rows, parking={"timeout_s": 0.5}) as house:
            late: list[asyncio.Task[Ua]] = []

            async def slow(*things: Any, timeout_s: float | None = None) -> int | None:
                which = await first(*things, timeout_s=timeout_s)
                if which is None and not late:
                    late.append(asyncio.create_task(carol.calls("701")))
                    assert house.attendant is not None
                    await Rig.until(lambda: not house.attendant.parking._slots)  # type: ignore[union-attr]
                return which

            monkeypatch.setattr(parking, "first", slow)
            dialled = alice.dials("70")
            await bob.answers()
            ua = await alice.talks(dialled)
            ua.send("REFER", headers=f"Refer-To: <sip:701@127.0.0.1:{alice.port}>\r\n")
            assert await alice.told() == [100, 200]
            await ua.hang_up()
            await asyncio.wait_for(Rig.until(lambda: bool(late)), 10)
            taken = await late[0]
            await talk(bob, carol)
            assert len(house.user_agent.calls) == 2
            assert not [m for m in alice.peer.seen if m.method == "INVITE"]
            await taken.hang_up()
            await bob.left()
            await idle(house)


async def test_a_call_is_taken_out_before_its_music_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The music then must not take its leg out of the bridge."""
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [{"called": "70", "bridge": bob.uri}, {"called": "701", "park": "701"}]
        async with switch((alice, bob, carol), rows) as house:
            ready = asyncio.Event()

            async def slow(leg: object) -> None:
                await ready.wait()

            assert house._tones is not None
            monkeypatch.setattr(house._tones, "prepare", slow)
            dialled = alice.dials("70")
            await bob.answers()
            ua = await alice.talks(dialled)
            await talk(alice, bob)
            ua.send("REFER", headers=f"Refer-To: <sip:701@127.0.0.1:{alice.port}>\r\n")
            assert await alice.told() == [100, 200]
            await ua.hang_up()
            await carol.calls("701")
            await talk(bob, carol)
            ready.set()
            await Rig.until(lambda: all(not c.parked for c in house.user_agent.calls.values()))
            await talk(bob, carol)


async def test_who_takes_a_parked_call_out_and_goes_leaves_it_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits on for somebody else; and when it is the parked one that goes meanwhile, the other is told so."""
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [{"called": "70", "bridge": bob.uri}, {"called": "701", "park": "701"}]
        async with switch((alice, bob, carol), rows) as house:
            dialled = alice.dials("70")
            bobs = await bob.answers()
            ua = await alice.talks(dialled)
            ua.send("REFER", headers=f"Refer-To: <sip:701@127.0.0.1:{alice.port}>\r\n")
            assert await alice.told() == [100, 200]
            await ua.hang_up()
            assert house.attendant is not None
            desk, answer = house.attendant._desk, house.attendant._desk.answer
            [parked] = [call for call in house.user_agent.calls.values() if call.direction == "out"]

            async def goes(call: Call) -> bool:
                await call.hangup(486)
                await call.ended.wait()
                return False

            monkeypatch.setattr(desk, "answer", goes)
            assert await refused(carol, "701") == 486
            await asyncio.wait_for(Rig.until(lambda: parked.parked == "701"), 10)

            async def slow(call: Call) -> bool:
                await bobs.hang_up()
                await Rig.until(lambda: "stats" in parked.notes)  # its record is made, its leg is closed
                return await answer(call)

            monkeypatch.setattr(desk, "answer", slow)
            await carol.calls("701")
            await carol.left()
            await idle(house)
            assert {c.end_reason.rpartition(": ")[2] for c in house.calls.values() if c.source and c.end_code != 486} >= {
                "who was parked has hung up"
            }


async def test_a_slot_is_given_out_and_told() -> None:
    """By a blind transfer too; when none is free, the call stays where it was."""
    async with parties(A, B, C) as (alice, bob, carol):
        rows = [{"called": "70", "bridge": bob.uri}, {"called": "71", "bridge": carol.uri}]
        rows += [{"called": "700", "park": "auto"}, {"called": "_70X", "park": "{called}"}]
        async with switch((alice, bob, carol), rows, parking={"slots": "705-705"}) as house:
            dialled = alice.dials("70")
            await bob.answers()
            ua = await alice.talks(dialled)
            ua.send("REFER", headers=f"Refer-To: <sip:700@127.0.0.1:{alice.port}>\r\n")
            notify = await alice.peer.request("NOTIFY")
            while "200" not in notify.body:
                alice.peer.respond(notify, "200 OK", alice.port)
                notify = await alice.peer.request("NOTIFY")
            assert notify.body == "SIP/2.0 200 Parked in 705\r\n"
            alice.peer.respond(notify, "200 OK", alice.port)
            since = len(alice.rtp.came)
            await asyncio.wait_for(  # it is said, too
                Rig.until(lambda: any(len(set(p.payload)) > 20 for p in alice.rtp.came[since:])), 10
            )
            await ua.hang_up()
            dialled = alice.dials("71")
            await carol.answers()
            second = await alice.talks(dialled)
            second.send("REFER", headers=f"Refer-To: <sip:700@127.0.0.1:{alice.port}>\r\n")
            assert await alice.told() == [100, 486]
            await talk(alice, carol)
            await second.hang_up()
            await carol.left()
            await carol.calls("705")
            await talk(bob, carol)
            assert len(house.user_agent.calls) == 2


async def test_a_parked_call_goes_back_in_time() -> None:
    async with parties(A, B) as (alice, bob):
        rows = [{"called": "70", "bridge": bob.uri}, {"called": "701", "park": "701"}]
        async with switch((alice, bob), rows, parking={"timeout_s": 0.5}) as house:
            dialled = alice.dials("70")
            await bob.answers()
            ua = await alice.talks(dialled)
            await talk(alice, bob)
            ua.send("REFER", headers=f"Refer-To: <sip:701@127.0.0.1:{alice.port}>\r\n")
            assert await alice.told() == [100, 200]
            await ua.hang_up()
            again = await alice.answers()
            await talk(alice, bob)
            await again.hang_up()
            await bob.left()
            await idle(house)
