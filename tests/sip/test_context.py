# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent knows of a caller, over transfers, re-INVITEs and calls that end: whole switch, parties on the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sipagent.call import Call
from tests.sip.house import Party, idle, parties, switch, talk
from tests.sip.rig import WAIT_S, Rig
from tests.sip.ua import offer

A, B = 0x90, 0xA0
ASSERTED = "P-Asserted-Identity: <sip:+4930123@gw.example>\r\n"
TRUSTED = {"trusted_peers": ["127.0.0.1"]}


class Clerk:
    """An agent that counts how often it saw a caller, and writes down what it knew of him."""

    def __init__(self, transfer_to: str = "") -> None:
        self.transfer_to = transfer_to
        self.knew: list[tuple[bool, list[str], int]] = []

    async def __call__(self, call: Call) -> None:
        context = call.context
        self.knew.append((context.returning, [e.caller for e in context.turns], context.slots.get("seen", 0)))
        context.slots["seen"] = context.slots.get("seen", 0) + 1
        context.caller_said(f"question {len(self.knew)}")
        context.agent_said("answer")
        if len(self.knew) == 1 and self.transfer_to:
            await call.transfer(self.transfer_to)
        else:
            await call.ended.wait()


async def test_a_caller_who_is_transferred_and_sent_back_goes_on_where_he_was() -> None:
    """By nobody's word and without a store: it is the same call."""
    async with parties(A, B) as (alice, bob):
        clerk = Clerk(bob.uri)
        async with switch((alice, bob), agent=clerk) as house:
            ua = await alice.calls("600")
            alice.peer.respond(await alice.peer.request("REFER"), "603 Decline", alice.port)
            desk = await bob.answers()
            await talk(alice, bob)
            desk.send("REFER", headers=f"Refer-To: <sip:600@127.0.0.1:{bob.port}>\r\n")
            assert (await bob.told())[-1] == 200
            await bob.left()
            await ua.hang_up()
            await idle(house)
        assert clerk.knew == [(False, [], 0), (True, ["question 1"], 1)]


async def called(clerk: Clerk, alice: Party, headers: str = ASSERTED, *, reinvite: bool = False) -> None:
    """A call in which the clerk has talked."""
    before = len(clerk.knew)
    ua = await alice.calls("600", headers)
    await asyncio.wait_for(Rig.until(lambda: len(clerk.knew) > before), WAIT_S)
    if reinvite:
        ua.send("INVITE", offer(alice.rtp.port))
        assert (await ua.final()).status == 200
    await ua.hang_up()


async def test_a_caller_who_calls_again_goes_on_where_he_was_and_nobody_else_does(tmp_path: Path) -> None:
    memory = {"file": str(tmp_path / "memory.db")}
    async with parties(A, B) as (alice, bob):
        before, after = Clerk(), Clerk()
        async with switch((alice, bob), agent=before, sip=TRUSTED, memory=memory) as house:
            await called(before, alice, reinvite=True)
            await idle(house)
            await called(before, bob, "")  # nobody says who that is
            await idle(house)
            await called(before, bob, ASSERTED + "Privacy: id\r\n")  # who does not want to be known is not
            await idle(house)
        async with switch((alice, bob), agent=after, sip=TRUSTED, memory=memory) as house:
            await called(after, bob, ASSERTED.replace("123", "999"))
            await idle(house)
            await called(after, bob)  # by another telephone, with the same number
            await idle(house)
        assert before.knew == [(False, [], 0)] * 3
        assert after.knew == [(False, [], 0), (True, ["question 1"], 1)]


async def test_a_peer_that_is_not_trusted_can_not_call_itself_somebody(tmp_path: Path) -> None:
    memory = {"file": str(tmp_path / "memory.db")}
    async with parties(A) as (alice,):
        clerk = Clerk()
        async with switch((alice,), agent=clerk, sip=TRUSTED, memory=memory) as house:
            await called(clerk, alice)
            await idle(house)
        async with switch((alice,), agent=clerk, memory=memory) as house:
            await called(clerk, alice)
            await idle(house)
        assert clerk.knew == [(False, [], 0)] * 2
