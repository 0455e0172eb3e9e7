# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening in, on the wire: who hears whom is told by the codes in the packets."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediacore import Codec, MediaError
from sipagent.bridging.supervision import SupervisionError
from sipagent.call import Call
from sipagent.switch import Switch
from tests.sip.house import Party, idle, parties, switch
from tests.sip.rig import Rig
from tests.sip.ua import FRAME, Packet, Ua

A, B, S, BOT = 0xB0, 0xC0, 0xA0, 0xB8
WAIT_S = 20.0
TRIES = 5
ROWS: list[dict[str, Any]] = [
    {"accounts": "direct", "numbers": ["peer", "tester"], "modes": ["listen", "whisper", "coach", "barge"]}
]


def level(code: int) -> int:
    """What a code of G.711 mu-law stands for."""
    return int.from_bytes(Codec("PCMU", 8000).decode(bytes([code]))[:2], "little", signed=True)


def levels(packets: list[Packet]) -> list[int]:
    """Of the middle of each."""
    return [level(p.payload[FRAME // 2]) for p in packets if p.pt == 0]


async def hears_sum(party: Party, *voices: int) -> None:
    """From now on, within a while: just these, at once."""
    want = sum(level(v) for v in voices)
    near = max(abs(want) / 10, 40)
    since = len(party.rtp.came)

    def so() -> bool:
        late = levels(party.rtp.came[since:])[-8:]
        return len(late) == 8 and all(abs(x - want) <= near for x in late)

    try:
        await asyncio.wait_for(Rig.until(so), WAIT_S)
    except TimeoutError:
        raise AssertionError(f"wants {want}, hears {levels(party.rtp.came[since:])[-30:]}") from None


def routes(bob: Party) -> list[dict[str, Any]]:
    return [
        {"called": "70", "bridge": bob.uri},
        {"called": "_*33.", "listen": "{called:3}"},
        {"called": "_*34.", "listen": "{called:3}", "mode": "barge"},
        {"called": "80", "room": "80"},
        {"called": "600", "agent": "echo"},
    ]


@asynccontextmanager
async def bridged(
    supervisors: list[dict[str, Any]] | None = None, **sections: Any
) -> AsyncIterator[tuple[Switch, Party, Party, Party, Ua]]:
    """Alice talks with bob; sue is there."""
    async with (
        parties(A, B, S) as (alice, bob, sue),
        switch((alice, bob, sue), routes(bob), supervisors=ROWS if supervisors is None else supervisors, **sections) as house,
    ):
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        await hears_sum(bob, A)
        yield house, alice, bob, sue, ua


async def test_hears_both_and_whispers_to_one_or_joins() -> None:
    async with bridged() as (house, alice, bob, sue, ua):
        listening = await sue.calls("*3370")
        await hears_sum(sue, A, B)
        await hears_sum(alice, B)
        [target] = [c for c in house.user_agent.calls.values() if c.listeners]
        assert target.direction == "in"  # the call to 70 is alice's
        for key, to_alice, to_bob in (("5", True, False), ("7", False, True), ("6", True, True), ("4", False, False)):
            listening.send("INFO", f"Signal={key}\r\nDuration=160\r\n", kind="application/dtmf-relay")
            assert (await sue.peer.response("INFO")).status == 200
            await hears_sum(alice, B, *([S] if to_alice else []))
            await hears_sum(bob, A, *([S] if to_bob else []))
            await hears_sum(sue, A, B)
        [note] = target.notes["listeners"]
        assert note["modes"] == ["listen", "whisper", "coach", "barge", "listen"]
        await listening.hang_up()
        await asyncio.wait_for(Rig.until(lambda: not target.listeners), WAIT_S)
        assert note["until_us"] > note["from_us"]
        await hears_sum(alice, B)
        await hears_sum(bob, A)
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_who_listens_costs_the_call_nothing() -> None:
    """Not a packet is made anew, and none is missing. Tried again where alice herself paused, as on a machine that stalls: then
    the switch sends packets of its own."""
    async with bridged() as (house, alice, bob, sue, ua):
        for _ in range(TRIES):
            since = len(bob.rtp.came)
            for _ in range(2):
                listening = await sue.calls("*3370")
                await hears_sum(sue, A, B)
                await listening.hang_up()
            await asyncio.wait_for(Rig.until(lambda: len(house.user_agent.calls) == 2), WAIT_S)
            await bob.hears(alice)
            heard = bob.rtp.came[since:]
            own = [p for p in heard if p.payload != bytes([A]) * FRAME]
            if not own:
                break
        assert not own
        assert {(b.seq - a.seq) & 0xFFFF for a, b in itertools.pairwise(heard)} == {1}
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_the_call_ends_and_the_supervisor_is_told() -> None:
    async with bridged() as (house, _, bob, sue, ua):
        await sue.calls("*3470")
        await hears_sum(sue, A, B)
        await ua.hang_up()
        await bob.left()
        bye = await sue.left()
        assert "the call has ended" in bye.get("reason")
        await idle(house)


async def test_an_agents_call_and_a_room() -> None:
    """The bot is heard as well, and hears who joins; in a room all others are the other side."""
    bot = bytes([BOT]) * FRAME

    async def speaks(call: Call) -> None:
        pcm = Codec("PCMU", 8000).decode(bot)
        while not call.ended.is_set():
            if call.leg.pending < 1600:
                call.leg.write(pcm)
            await asyncio.sleep(0.01)

    async with parties(A, S) as (alice, sue):
        rows = [{"called": "_*33.", "listen": "{called:3}"}, {"called": "_*34.", "listen": "{called:3}", "mode": "barge"}]
        async with switch((alice, sue), [*rows, {"called": "600", "agent": "echo"}], supervisors=ROWS) as house:
            assert house.attendant is not None
            house.attendant._desk.agents["echo"].on_call = speaks  # type: ignore[method-assign]
            ua = await alice.calls("600")
            listening = await sue.calls("*33600")
            await hears_sum(sue, A, BOT)
            await hears_sum(alice, BOT)
            [call] = [c for c in house.user_agent.calls.values() if c.listeners]
            call.on_listeners = lambda: 1 // 0  # an agent's fault is not the supervisor's
            ears: list[int] = []
            call.leg.on_audio = lambda pcm, at, index, lost: ears.append(int.from_bytes(pcm[160:162], "little", signed=True))
            listening.send("INFO", "Signal=6\r\nDuration=160\r\n", kind="application/dtmf-relay")
            await hears_sum(alice, BOT, S)
            want = level(A) + level(S)
            await asyncio.wait_for(Rig.until(lambda: ears[-5:].count(want) == 5 or _near(ears[-5:], want)), WAIT_S)
            await ua.hang_up()
            await sue.left()
            await idle(house)


def _near(values: list[int], want: int) -> bool:
    return len(values) == 5 and all(abs(v - want) <= abs(want) / 10 for v in values)


@pytest.mark.parametrize(
    ("row", "number", "status"),
    [
        (ROWS[0], "*3370", 200),
        ({**ROWS[0], "modes": ["whisper"]}, "*3370", 404),  # may, but not so
        ({**ROWS[0], "modes": ["listen"]}, "*3470", 404),
        ({**ROWS[0], "calls": "_7X"}, "*3370", 200),
        ({**ROWS[0], "calls": "_8X"}, "*3370", 404),
        ({**ROWS[0], "numbers": "boss"}, "*3370", 403),
        ({**ROWS[0], "accounts": "office"}, "*3370", 403),
        (ROWS[0], "*3399", 404),
    ],
)
async def test_who_may(row: dict[str, Any], number: str, status: int) -> None:
    async with bridged([row]) as (house, _alice, bob, sue, ua):
        ask = sue.dials(number)
        assert (await ask.final()).status == status
        if status == 200:
            await ask.hang_up()
        assert all(not c.listeners for c in house.user_agent.calls.values()) or status == 200
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_a_stranger_never_listens() -> None:
    """Whatever number it says."""
    async with bridged(protection={"unlimited": ["192.0.2.0/24"]}) as (house, _alice, bob, sue, ua):
        ask = sue.dials("*3370")
        assert (await ask.final()).status == 480
        assert not any(c.listeners for c in house.user_agent.calls.values())
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_whoever_asks_for_a_supervisor_hears_that_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in the way: an HTTP client waits for it."""
    async with bridged() as (house, _, bob, sue, ua):
        target = next(c for c in house.user_agent.calls.values() if c.direction == "in")
        for error, words in ((MediaError("no room for a leg"), "no room for a leg"), (ValueError("a fault"), "could not be")):

            async def fails(*_: object, error: Exception = error, **__: object) -> Call:
                raise error

            monkeypatch.setattr(house.user_agent, "invite", fails)
            with pytest.raises(SupervisionError, match=words) as refusal:
                await asyncio.wait_for(house.supervision.call_in(target.id, sue.uri, "", "listen"), WAIT_S)
            assert refusal.value.code == 503
        await ua.hang_up()
        await bob.left()
        await idle(house)


async def test_a_supervisor_is_called_in() -> None:
    """By the API's way: the rights are those of whom is called."""
    async with bridged([{**ROWS[0], "modes": ["listen", "barge"]}]) as (house, _, bob, sue, ua):
        target = next(c for c in house.user_agent.calls.values() if c.direction == "in")
        with pytest.raises(SupervisionError, match="no row that lets peer whisper"):
            await house.supervision.call_in(target.id, sue.uri, "", "whisper")
        with pytest.raises(SupervisionError, match="no row"):
            await house.supervision.call_in(target.id, "sip:boss@127.0.0.1:5999", "", "listen")
        with pytest.raises(SupervisionError, match="no call 'nobody'"):
            await house.supervision.call_in("nobody", sue.uri, "", "listen")
        asked = asyncio.create_task(house.supervision.call_in(target.id, sue.uri, "", "listen"))
        leg = await sue.answers()
        listener = await asked
        await hears_sum(sue, A, B)
        house.supervision.change(target.id, listener, "barge")
        await hears_sum(bob, A, S)
        with pytest.raises(SupervisionError, match="does not allow coach"):
            house.supervision.change(target.id, listener, "coach")
        house.supervision.dismiss(target.id, listener)
        await sue.left()
        with pytest.raises(SupervisionError, match="no listener"):
            house.supervision.dismiss(target.id, listener)
        await hears_sum(bob, A)
        del leg
        await ua.hang_up()
        await bob.left()
        await idle(house)
