# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 between two turns of a spoken call: the switch comes up again, and the caller who calls back goes on where he was.
Real process, real engines, real SIP and RTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipagent.demo.voice import render
from tests.interop import ports
from tests.interop.process import Process
from tests.store.phone import phone

ALICE, BOB = "+4930111", "+4930222"
RATE = 16000
SAID = ["Can I leave a message?", "The heating in my room is broken.", "Yes, please."]
RTP_PORTS = 16


class Switch:
    """`sipagent serve`, started again on the same files."""

    def __init__(self, room: Path, *more: str) -> None:
        """`more`: lines of its configuration."""
        self.room, self.store = room, room / "memory.db"
        self.sip_port, self.api_port, rtp = ports.one(), ports.one(), ports.block(RTP_PORTS)
        lines = [
            "[sip]",
            f'trusted_peers = ["{ports.HOST}"]',
            "[[sip.listen]]",
            f'host = "{ports.HOST}"',
            f"port = {self.sip_port}",
            "[media]",
            f"ports = [{rtp}, {rtp + RTP_PORTS - 1}]",
            "[api]",
            f"port = {self.api_port}",
            "[memory]",
            f"file = {json.dumps(str(self.store))}",
            *more,
        ]
        (room / "sipagent.toml").write_text("\n".join(lines))
        self._starts = 0
        self.process = self.start()

    def start(self) -> Process:
        self._starts += 1
        command = [sys.executable, "-m", "sipagent", "serve", "-c", str(self.room / "sipagent.toml")]
        process = Process("sipagent serve", command, self.room / f"serve{self._starts}.log")
        process.until("ready", lambda: "ready: " in process.output(), 120)
        return process

    def kill(self) -> None:
        """As the kernel does it: nothing is written any more."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    @property
    def uri(self) -> str:
        return f"sip:reception@{ports.HOST}:{self.sip_port}"

    def get(self, path: str, **query: str) -> Any:
        url = f"http://{ports.HOST}:{self.api_port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def slots(self) -> dict[str, Any]:
        """What the file has of the only caller, read as another process would."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as file:
            rows = file.execute("SELECT body FROM contexts").fetchall()
        return json.loads(rows[0][0])["slots"] if rows else {}

    def agent_lines(self) -> list[str]:
        """What the agent said in the newest call."""
        calls = self.get("/v1/calls")["calls"]
        newest = self.get(f"/v1/calls/{calls[-1]['id']}") if calls else {}
        return [line["text"] for line in newest.get("transcript", []) if line["who"] == "agent"]


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    running = Switch(tmp_path)
    yield running
    running.process.stop()


async def until(done: Callable[[], object], what: str, within_s: float = 60.0) -> None:
    """Polls another process."""
    for _ in range(int(within_s / 0.1)):
        if await asyncio.to_thread(done):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not within {within_s:g} s: {what}")


async def test_a_caller_who_calls_back_after_a_crash_goes_on_where_he_was(switch: Switch) -> None:
    message, words, yes = await render(SAID, RATE)
    async with phone(switch.uri, ALICE) as alice:
        await alice.hear()
        await alice.say(message)
        await alice.hear()
        await alice.say(words)
        await until(lambda: switch.slots().get("flow") == "confirm message", "the turn is in the file")
        draft = switch.slots()["draft"]
        assert "heating" in draft
        switch.kill()
    switch.process = await asyncio.to_thread(switch.start)

    async with phone(switch.uri, BOB) as bob:
        await bob.hear()
    assert "Welcome back" not in switch.agent_lines()[0]
    assert "heating" not in " ".join(switch.agent_lines())

    async with phone(switch.uri, ALICE) as alice:
        await alice.hear()
        assert switch.agent_lines()[0] == f"Welcome back. Your message is: {draft} Is that right?"
        await alice.call.control.hold(True)  # a re-INVITE, and another
        await alice.call.control.hold(False)
        await alice.say(yes)
        await alice.hear()
        await until(lambda: "I will pass it on" in switch.agent_lines()[-1], "the message is passed on")
    await until(lambda: _messages(switch) == [draft], "the record has the message once")
    await until(lambda: switch.slots().get("messages") == [], "nobody leaves it a second time")


def _messages(switch: Switch) -> list[str]:
    return [
        m for c in switch.get("/v1/calls")["calls"] for m in switch.get(f"/v1/calls/{c['id']}")["notes"].get("messages", [])
    ]
