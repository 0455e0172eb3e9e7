# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole switch logs: whose line it is stands on each, from whatever thread it comes."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sipagent import log
from sipagent.call import Call
from sipagent.config import Log
from sipagent.engines.workers import Workers
from tests.sip.house import idle, parties, switch, talk
from tests.sip.ua import offer

A, B = 0x90, 0xA0
OF_NO_CALL = {"switch up", "switch down", "api up"}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log.setup(Log(json_lines=True, level="debug"), stream)
    yield stream
    root.handlers, root.level = handlers, level


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_lines_of_a_bridge_from_all_threads(written: io.StringIO) -> None:
    async with (
        parties(A, B) as (alice, bob),
        switch((alice, bob), [{"called": "70", "bridge": bob.uri}], log={"sip": 4, "level": "debug"}) as house,
    ):
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        await talk(alice, bob)
        ua.send("REFER", headers="Refer-To: <http://nowhere>\r\n")  # is looked at on the sip thread
        assert (await alice.peer.response("REFER")).status == 400
        ua.send("INVITE", offer(alice.rtp.port, "a=sendonly"))
        assert (await ua.final()).status == 200
        await ua.hang_up()
        await bob.left()
        await idle(house)
        ids = {call.id: call.sip_call_id for call in house.calls.values()}
    told = [line for line in lines(written) if line["event"] not in OF_NO_CALL]
    ours = [line for line in told if line["event"] != "stack" and line["logger"].startswith("sipagent")]
    assert {"routed", "REFER refused", "hold goes on to the other side", "call ended"} <= {line["event"] for line in ours}
    for line in ours:
        assert ids[line["call"]] == line["sip_call_id"], line
    stack = [line for line in told if line["event"] == "stack" and line.get("call")]
    assert {line["call"] for line in stack} == set(ids), "PJSIP's own lines on messages of both legs"
    assert {line["sip_call_id"] for line in stack} == set(ids.values())


async def test_an_agent_that_fails(written: io.StringIO) -> None:
    async def fails(call: Call) -> None:
        raise ValueError("agent's own fault")

    async with parties(A) as (alice,), switch((alice,), agent=fails) as house:
        assert (await alice.dials("70").final()).status in (200, 500)
        await alice.left()
        await idle(house)
        [call] = house.calls.values()
    [line] = [line for line in lines(written) if "agent's own fault" in str(line.get("exception"))]
    assert (line["call"], line["sip_call_id"]) == (call.id, call.sip_call_id)


async def test_a_thread_of_an_engine_logs_of_the_call_that_it_works_for(written: io.StringIO) -> None:
    logger = log.get_logger("engine")

    def work(state: object) -> str:
        logger.info("at work")
        return threading.current_thread().name

    workers: Workers[object] = Workers("test", 1, object, 5.0)
    await workers.start()
    for call in ("a", "b", ""):
        with log.call_context(call, f"{call}@x" if call else ""):
            assert (await workers.run(work)).startswith("test-")
    await workers.close()
    told = [line for line in lines(written) if line["logger"] == "engine"]
    assert [(line.get("call"), line.get("sip_call_id")) for line in told] == [("a", "a@x"), ("b", "b@x"), (None, None)]
