# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent does with a caller who is to talk with somebody else: `Call.transfer`, `consult`, `connect`, `release`."""

from __future__ import annotations

import asyncio

from sipagent.call import Call, TransferError
from tests.sip.house import idle, parties, switch, talk
from tests.sip.rig import Rig

A, B = 0x90, 0xA0


async def test_a_peer_that_takes_refer_calls_itself() -> None:
    async with parties(A, B) as (alice, bob):

        async def agent(call: Call) -> None:
            await call.transfer(bob.uri)

        async with switch((alice, bob), agent=agent) as house:
            ua = await alice.calls("600")
            refer = await alice.peer.request("REFER")
            assert refer.get("refer-to") == f"<{bob.uri}>"
            alice.peer.respond(refer, "202 Accepted", alice.port)
            body = "SIP/2.0 200 OK\r\n"
            kind = "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\nContent-Type: message/sipfrag\r\n"
            ua.cseq += 1
            head = "\r\n".join(
                [
                    f"NOTIFY sip:600@127.0.0.1:{alice.port} SIP/2.0",
                    f"Via: SIP/2.0/UDP 127.0.0.1:{alice.peer.port};rport;branch=z9hG4bKnotify1",
                    f"Max-Forwards: 70\r\nFrom: {ua.local}\r\nTo: {ua.remote}\r\nCall-ID: {ua.call_id}",
                    f"CSeq: {ua.cseq} NOTIFY\r\nContact: <sip:tester@127.0.0.1:{alice.peer.port}>",
                ]
            )
            alice.peer.send(f"{head}\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}", alice.port)
            assert (await alice.peer.response("NOTIFY")).status == 200
            await alice.left()
            await idle(house)
            assert not bob.peer.seen


async def test_a_peer_that_refuses_refer_is_bridged() -> None:
    async with parties(A, B) as (alice, bob):

        async def agent(call: Call) -> None:
            await call.transfer(bob.uri)

        async with switch((alice, bob), agent=agent) as house:
            ua = await alice.calls("600")
            alice.peer.respond(await alice.peer.request("REFER"), "603 Decline", alice.port)
            await bob.answers()
            await talk(alice, bob)
            await ua.hang_up()
            await bob.left()
            await idle(house)


async def test_a_transfer_that_fails_leaves_the_caller_with_the_agent() -> None:
    """Refused by the peer and by the target; and one that the policy does not allow, of which nobody hears."""
    async with parties(A, B) as (alice, bob):
        failed: list[int] = []

        async def agent(call: Call) -> None:
            for uri in (bob.uri, bob.uri.replace("peer", "666"), "nonsense"):
                try:
                    await call.transfer(uri)
                except TransferError as error:
                    failed.append(error.code)

        async with switch((alice, bob), agent=agent, protection={"deny": ["666"]}) as house:
            await alice.calls("600")
            alice.peer.respond(await alice.peer.request("REFER"), "603 Decline", alice.port)
            bob.peer.respond(await bob.rings(), "486 Busy Here", bob.port)
            await alice.left()  # the agent has done all that it wanted
            await idle(house)
        assert failed == [486, 403, 403]


async def test_consult_and_connect() -> None:
    async with parties(A, B) as (alice, bob):

        async def agent(call: Call) -> None:
            other = await call.consult(bob.uri)
            await call.connect(other)

        async with switch((alice, bob), agent=agent) as house:
            ua = await alice.calls("600")
            await bob.answers()
            await talk(alice, bob)
            await ua.hang_up()
            await bob.left()
            await idle(house)


async def test_consult_and_release() -> None:
    async with parties(A, B) as (alice, bob):
        back = asyncio.Event()

        async def agent(call: Call) -> None:
            other = await call.consult(bob.uri)
            await call.release(other)
            back.set()
            await call.ended.wait()

        async with switch((alice, bob), agent=agent) as house:
            ua = await alice.calls("600")
            await bob.answers()
            await bob.left()
            await asyncio.wait_for(back.wait(), 10)
            await ua.hang_up()
            await idle(house)


async def test_a_bridged_caller_comes_back_to_the_agent() -> None:
    """Who was called hangs up: the agent hears the caller and is heard. And again, with a bridge that the agent cuts short."""
    async with parties(A, B) as (alice, bob):
        heard = asyncio.Event()
        cut = asyncio.Event()

        async def agent(call: Call) -> None:
            await call.bridge(bob.uri)
            call.leg.on_audio = lambda *_: heard.set()
            await asyncio.wait_for(heard.wait(), 10)
            call.leg.on_audio = None
            again = asyncio.ensure_future(call.bridge(bob.uri))
            await cut.wait()
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)
            heard.clear()
            call.leg.on_audio = lambda *_: heard.set()
            await asyncio.wait_for(heard.wait(), 10)

        async with switch((alice, bob), agent=agent) as house:
            await alice.calls("600")
            first = await bob.answers()
            await talk(alice, bob)
            await first.hang_up()
            await bob.answers()
            await talk(alice, bob)
            cut.set()
            await bob.left()
            await alice.left()  # the agent has done all that it wanted
            await idle(house)
            assert heard.is_set()


async def test_a_bridge_that_nobody_answers_leaves_the_caller_with_the_agent() -> None:
    async with parties(A, B) as (alice, bob):
        failed: list[int] = []

        async def agent(call: Call) -> None:
            try:
                await call.bridge(bob.uri)
            except TransferError as error:
                failed.append(error.code)
            await call.ended.wait()

        async with switch((alice, bob), agent=agent) as house:
            ua = await alice.calls("600")
            bob.peer.respond(await bob.rings(), "486 Busy Here", bob.port)
            await asyncio.wait_for(Rig.until(lambda: failed == [486]), 10)
            await ua.hang_up()
            await idle(house)


async def test_a_caller_who_hangs_up_ends_the_bridge() -> None:
    async with parties(A, B) as (alice, bob):

        async def agent(call: Call) -> None:
            await call.bridge(bob.uri)

        async with switch((alice, bob), agent=agent) as house:
            ua = await alice.calls("600")
            await bob.answers()
            await talk(alice, bob)
            await ua.hang_up()
            await bob.left()
            await idle(house)
