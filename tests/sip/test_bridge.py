# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes from one side of a bridge to the other besides the talk."""

from __future__ import annotations

import asyncio

from tests.sip.house import idle, parties, switch, talk
from tests.sip.rig import Rig
from tests.sip.ua import offer

A, B = 0x90, 0xA0


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
