# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents of files and programs know a caller who calls back after a restart: whole switch, SIP and RTP, scripted engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agents.phone import House, Phone, house

ALICE, BOB = "+4930111", "+4930222"
DESK = """
greeting = "Hello from the desk."
goodbye = "Goodbye."
[[intent]]
name = "a message"
examples = ["leave a message", "take a message"]
flow = "message"
[[flow]]
name = "message"
[[flow.step]]
ask = "What is it?"
slot = "message"
[[flow.step]]
confirm = "I have: {message} Right?"
[[flow.step]]
save = "messages"
say = "Noted."
"""
PROGRAM = """
async def on_call(call):
    name = call.slots.get("name")
    if name:
        await call.say(f"Hello again, {name}.")
    call.slots["name"] = await call.ask("Who are you?")
    await call.say("Thank you.")
    await call.hear()
"""


def sections(tmp_path: Path) -> dict[str, Any]:
    return {"sip": {"trusted_peers": ["127.0.0.1"]}, "memory": {"file": str(tmp_path / "memory.db")}}


async def phones(home: House, caller: str) -> Phone:
    return await home.phones(caller=f"sip:{caller}@127.0.0.1")


async def leaves(phone: Phone, home: House) -> None:
    await phone.call.hangup()
    await home.empty()


async def test_a_flow_goes_on_and_what_was_saved_is_saved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "desk.toml"
    path.write_text(DESK)
    async with house(monkeypatch, str(path), sections=sections(tmp_path)) as home:
        alice = await phones(home, ALICE)
        await alice.hears("Hello from the desk.")
        alice.says("leave a message")
        await alice.hears("What is it?")
        alice.says("The tap drips.")
        await alice.hears("Right?")
        await leaves(alice, home)
    async with house(monkeypatch, str(path), sections=sections(tmp_path)) as home:
        bob = await phones(home, BOB)
        await bob.hears("Hello from the desk.")
        await leaves(bob, home)
        alice = await phones(home, ALICE)
        await alice.hears("I have: The tap drips. Right?")
        assert alice.lines[0].startswith("agent: Welcome back.")
        alice.says("yes.")
        await alice.hears("Noted.")
        await leaves(alice, home)
        await alice.until(lambda: "saved_messages" in alice.other.notes)
        assert len(alice.other.notes["saved_messages"]) == 1
        again = await phones(home, ALICE)
        await again.hears("Welcome back.")
        await leaves(again, home)
        await again.until(lambda: "stats" in again.other.notes)  # its record is closed
        assert not again.other.notes.get("saved_messages")


async def test_a_program_finds_what_it_noted_after_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "host.py"
    told = PROGRAM.replace('call.slots["name"] = await', "name = await")
    path.write_text(told.replace("await call.hear()", 'call.slots["name"] = name'))
    async with house(monkeypatch, str(path), sections=sections(tmp_path)) as home:
        alice = await phones(home, ALICE)
        await alice.hears("Who are you?")
        alice.says("Alice")
        await alice.until(alice.call.ended.is_set)
        await home.empty()
    async with house(monkeypatch, str(path), sections=sections(tmp_path)) as home:
        alice = await phones(home, ALICE)
        await alice.hears("Hello again, Alice.")
        await leaves(alice, home)


async def test_a_program_finds_what_it_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "host.py"
    path.write_text(PROGRAM)
    async with house(monkeypatch, str(path), sections=sections(tmp_path)) as home:
        alice = await phones(home, ALICE)
        await alice.hears("Who are you?")
        alice.says("Alice")
        await alice.hears("Thank you.")
        await leaves(alice, home)
    async with house(monkeypatch, str(path), sections=sections(tmp_path)) as home:
        alice = await phones(home, ALICE)
        await alice.hears("Hello again, Alice.")
        await leaves(alice, home)
        bob = await phones(home, BOB)
        await bob.hears("Who are you?")
        assert not any("again" in line for line in bob.lines)
        await leaves(bob, home)
