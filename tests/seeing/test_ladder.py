# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP messages of a call, by HTTP, from a whole switch."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

import mediacore
from tests.seeing.api import api_of
from tests.sip.house import idle, parties, switch, talk
from tests.sip.registrar import Registrar
from tests.sip.rig import WAIT_S, Rig, config, user_agent

A, B = 0x90, 0xA0


async def ladder(http: httpx.AsyncClient, call: str, **query: Any) -> list[dict[str, Any]]:
    found = await http.get(f"/v1/calls/{call}/ladder", params=query)
    assert found.status_code == 200, found.text
    return list(found.json()["messages"])


async def settled(http: httpx.AsyncClient, call: str, source: str) -> list[dict[str, Any]]:
    """The ladder once it ends with an answer from there: it may come a moment after the call's end."""
    while True:
        rows = await ladder(http, call)
        if rows and (rows[-1]["direction"], rows[-1]["first_line"], rows[-1]["source"]) == ("in", "SIP/2.0 200 OK", source):
            return rows
        await asyncio.sleep(0.01)


async def test_both_legs_of_a_bridge_in_one_ladder() -> None:
    async with (
        parties(A, B) as (alice, bob),
        switch((alice, bob), [{"called": "70", "bridge": bob.uri}]) as house,
        api_of(house) as http,
    ):
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        await talk(alice, bob)
        first, second = house.calls
        await ua.hang_up()
        await bob.left()
        await idle(house)
        at = {first: f"127.0.0.1:{alice.peer.port}", second: f"127.0.0.1:{bob.peer.port}"}
        rows = await asyncio.wait_for(settled(http, first, at[second]), WAIT_S)

        def told(call: str) -> list[str]:
            arrow = {"in": "<", "out": ">"}
            return [
                arrow[row["direction"]] + row["first_line"].removeprefix("SIP/2.0 ").split(" sip:")[0]
                for row in rows
                if row["call"] == call
            ]

        assert [line for line in told(first) if line[1] != "1"] == ["<INVITE", ">200 OK", "<ACK", "<BYE", ">200 OK"]
        assert told(second) == [">INVITE", "<200 OK", ">ACK", ">BYE", "<200 OK"]
        for row in rows:
            ours, theirs = ("destination", "source") if row["direction"] == "in" else ("source", "destination")
            assert (row[ours], row[theirs]) == (f"127.0.0.1:{alice.port}", at[row["call"]])
            assert (row["transport"], row["verdict"], row["lost_before"], row["text"]) == ("udp", "passed", 0, None)
            assert row["sip_call_id"] == house.calls[row["call"]].sip_call_id
        assert [row["t_us"] for row in rows] == sorted(row["t_us"] for row in rows)

        assert sorted(row["number"] for row in await ladder(http, second)) == [row["number"] for row in rows]
        assert {row["call"] for row in await ladder(http, first, joined=False)} == {first}
        invite = (await ladder(http, first, text=True))[0]["text"]
        assert invite.startswith("INVITE sip:70@")
        assert "m=audio" in invite

        drawn = (await http.get(f"/v1/calls/{first}/ladder?format=text")).text.splitlines()
        assert drawn[0].split() == [at[first], "sipagent", at[second]]
        assert len(drawn) == len(rows) + 1
        for line, row in zip(drawn[1:], rows, strict=True):
            left = (row["call"] == first) == (row["direction"] == "out")
            assert ("<-" in line, "->" in line) == (left, not left), line
            assert row["first_line"].removeprefix("SIP/2.0 ").split()[0] in line


async def test_what_is_not_there() -> None:
    async with switch(()) as house, api_of(house) as http:
        assert (await http.get("/v1/calls/0123456789abcdef/ladder")).status_code == 404
        assert (await http.get("/v1/accounts/nobody@pbx/ladder")).status_code == 404
        assert (await http.get("/v1/calls/0123456789abcdef/ladder?format=svg")).status_code == 422


async def test_an_invite_that_was_refused_before_it_was_a_call() -> None:
    async with parties(A) as (alice,), switch((alice,)) as house, api_of(house) as http:
        refused = alice.dials("70", "Require: nobody\r\nX-Odd: \x1b[2J\x1b[1;1Hroot#\r\n")
        assert (await refused.final()).status == 420
        assert not house.calls
        rows = (await http.get("/v1/ladder", params={"sip_call_id": refused.call_id})).json()["messages"]
        assert [row["first_line"].split(" sip:")[0] for row in rows][:2] == ["INVITE", "SIP/2.0 420 Bad Extension"]
        assert {row["call"] for row in rows} == {""}
        query = {"sip_call_id": refused.call_id, "format": "text", "text": "true"}
        drawn = (await http.get("/v1/ladder", params=query)).text
        assert "X-Odd: \\x1b[2J\\x1b[1;1Hroot#\n" in drawn
        assert "\x1b" not in drawn
        assert (await http.get("/v1/ladder", params={"sip_call_id": "nobody's"})).status_code == 404
        assert (await http.get("/v1/ladder")).status_code == 422


async def test_registrations_are_told_without_the_answer_to_the_challenge() -> None:
    registrar = await Registrar.open()
    account = {"user": "600", "password": "secret", "host": "127.0.0.1", "port": registrar.port}
    async with switch((), sip={"accounts": [account]}) as house, api_of(house) as http:
        await asyncio.wait_for(Rig.until(lambda: house.user_agent.accounts()[0].registered), WAIT_S)
        rows = (await http.get("/v1/accounts/600@127.0.0.1/ladder?text=true")).json()["messages"]
        assert [row["first_line"].split(" ", 1)[0 if row["direction"] == "out" else 1] for row in rows] == [
            "REGISTER",
            "401 Unauthorized",
            "REGISTER",
            "200 OK",
        ]
        assert 'response="xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"' in rows[2]["text"]
        assert 'username="600"' in rows[2]["text"]
    registrar.close()


async def test_a_call_to_ourselves_is_two_calls_with_one_call_id() -> None:
    async with user_agent(config()) as rig:
        out, incoming = await rig.pair()
        await out.hangup()
        await rig.over(out, incoming)
        mine, theirs = (mediacore.siptrace_read(owner=call.id) for call in (out, incoming))
        assert mine == theirs
        assert [m.sent for m in mine[:2]] == [True, False]
        assert mine[0].text == mine[1].text
        assert {m.call_id.decode() for m in mine} == {out.sip_call_id} == {incoming.sip_call_id}
