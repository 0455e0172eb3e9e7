# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents that are Python programs, phoned over SIP: what they say, hear, ask and do with the call."""

from __future__ import annotations

import asyncio
import os
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipagent import agents
from sipagent.agents import AgentError, code
from sipagent.agents.echo import EchoAgent
from sipagent.agents.reloaded import Edition, ReloadedAgent
from sipagent.config import Config
from tests.agents.phone import house
from tests.sip.rig import Rig

BOOKING = """
async def on_call(call):
    await call.answer()
    await call.say("Hello.")
    day = await call.ask("Which day?", "choice", choices=["monday", "tuesday"])
    people = await call.ask("How many?", "number", again="A number please.")
    call.notes["booked"] = [day, people]
    if await call.ask("Right?", "yes_no"):
        await call.say("Thank you.")
"""
GOODBYE = "I have a technical problem."


def program(folder: Path, text: str) -> str:
    path = folder / "agent.py"
    path.write_text(text)
    return str(path)


def body(*lines: str) -> str:
    return "import asyncio\nasync def on_call(call):\n" + "".join(f"    {line}\n" for line in lines)


async def until(true: Any) -> None:
    await asyncio.wait_for(Rig.until(true), 30)


async def test_a_program_asks_and_hangs_up_when_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(monkeypatch, agent=program(tmp_path, BOOKING)) as here:
        phone = await here.phones()
        await phone.hears("Which day?")
        phone.says("on tuesday")
        await phone.hears("How many?")
        phone.says("banana")
        await phone.hears("A number please.")
        phone.says("four")
        await phone.hears("Right?")
        phone.says("yes")
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        assert phone.lines[-1] == "agent: Thank you."
        assert phone.other.notes["booked"] == ["tuesday", 4]
        assert len(phone.other.notes["ledger"]) == 4  # each answer is a turn with its stages


async def test_digits_are_gathered_and_interrupt_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = body(
        'call.notes["pin"] = await call.gather("Please enter your four digits. " + "We wait for them. " * 40, digits=4)',
        'call.notes["none"] = await call.gather("More?", timeout_s=0.5)',
    )
    async with house(monkeypatch, agent=program(tmp_path, text), keys_end_s=30) as here:  # stalls do not end an entry
        phone = await here.phones()
        await phone.until(lambda: phone.loudest() > 1000)
        await phone.call.send_dtmf("12")
        await asyncio.sleep(0.5)
        await phone.call.send_dtmf("34")
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        assert (phone.other.notes["pin"], phone.other.notes["none"]) == ("1234", "")
        assert phone.other.notes["transcript"][0]["interrupted"]


async def test_a_program_plays_a_file_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.full(16000, 12000, "<i2").tobytes())
    text = body(
        f'await call.record("{tmp_path}/rec/call.wav")',
        f'call.notes["spoken"] = (await call.play("{tmp_path}/tone.wav")).interrupted',
        "try:",
        '    await call.play("nothing.wav")',
        "except FileNotFoundError as e:",
        '    call.notes["error"] = str(e)',
    )
    async with house(monkeypatch, agent=program(tmp_path, text)) as here:
        phone = await here.phones()
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        await phone.until(lambda: "recording_lost_ms" in phone.other.notes)
        assert phone.other.notes["spoken"] is False
        assert "nothing.wav: no such file" in phone.other.notes["error"]
        assert phone.loudest() == 12000
    with wave.open(str(tmp_path / "rec" / "call.wav"), "rb") as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.count_nonzero(both[:, 1] == 12000) >= 16000 * 0.9


async def test_what_was_said_is_heard_or_was_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs may use what Python has; empty words are no words; a caller who speaks when the time is over is heard out."""
    text = """
from __future__ import annotations
import dataclasses

@dataclasses.dataclass
class Order:
    text: str = ""

async def on_call(call):
    spoken = await call.say("One moment please.")
    silent = await call.say(" ... ")
    call.notes["spoken"] = [spoken.heard, spoken.interrupted, silent.heard, silent.interrupted]
    call.notes["nobody"] = await call.hear(0.2)
    await call.say("Now.")
    call.notes["late"] = Order((await call.hear(2)).text).text
"""
    async with house(monkeypatch, agent=program(tmp_path, text)) as here:
        phone = await here.phones()
        await phone.hears("Now.")
        phone.says("this takes a while", 3.5)
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        assert phone.other.notes["spoken"] == ["One moment please.", False, "", False]
        assert phone.other.notes["nobody"] is None
        assert phone.other.notes["late"].startswith("this takes a while")


async def test_two_tasks_of_a_program_may_speak_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is answered once, and one speaks after the other."""
    text = body('await asyncio.gather(call.say("One is said."), call.say("Two is said."))')
    async with house(monkeypatch, agent=program(tmp_path, text)) as here:
        phone = await here.phones()
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        assert sorted(phone.lines) == ["agent: One is said.", "agent: Two is said."]
        assert all(row["heard"] == row["text"] for row in phone.other.notes["transcript"])


async def test_a_call_can_be_refused_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = body("await call.ring()", 'await call.hangup(486, "not today")')
    async with house(monkeypatch, agent=program(tmp_path, text)) as here:
        port = here.switch.user_agent.listening()[0].rsplit(":", 1)[1]
        call = await here.switch.user_agent.invite(f"sip:600@127.0.0.1:{port}")
        await until(call.ended.is_set)
        assert call.end_code == 486
        assert not call.answered.is_set()


@pytest.mark.parametrize("lines", [["await call.answer()", 'raise RuntimeError("broken")'], ["await call.say('Hi.')", "1 / 0"]])
async def test_a_program_that_breaks_costs_an_apology_and_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    async with house(monkeypatch, agent=program(tmp_path, body(*lines))) as here:
        phone = await here.phones()
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        assert GOODBYE in phone.lines[-1]


async def test_whatever_is_cancelled_leaves_the_call_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, listening, a question and a bridge are cut short; then the call talks on."""
    text = """
import asyncio

LONG = "and so on, " * 200
async def on_call(call):
    await call.answer()
    for what in (call.say(LONG), call.hear(None), call.ask(LONG, "date"), call.gather(LONG), call.bridge(call.notes["far"])):
        task = asyncio.ensure_future(what)
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        call.notes.setdefault("cancelled", []).append(task.cancelled())
    await call.say("Still here.")
    turn = await call.hear()
    await call.say("You said " + turn.text)
"""
    far = f"sip:far@127.0.0.1:{here_port()}"
    async with house(monkeypatch, agent=program(tmp_path, text.replace('call.notes["far"]', repr(far)))) as here:
        phone = await here.phones()
        await phone.hears("Still here.")
        phone.says("whatever")
        await phone.hears("You said whatever")
        assert phone.other.notes["cancelled"] == [True] * 5
        await phone.until(phone.call.ended.is_set)
        await here.empty()


def here_port() -> int:
    """Where nobody answers."""
    return 15899


async def test_a_bridge_and_a_transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's caller is joined with another number here and comes back; a transfer fails, another is taken."""
    first = body(
        "await call.answer()",
        'await call.bridge(call.headers.get("x-desk"))',
        'await call.say("You are back.")',
        "try:",
        '    await call.transfer("sip:busy@127.0.0.1:9")',
        "except call.TransferError as e:",
        '    await call.say(f"Not taken, {e.code}.")',
        'await call.transfer("sip:free@127.0.0.1:9")',
        'call.notes["after"] = True',
        'await call.say("Nobody hears this.")',
    )
    desk = tmp_path / "desk.py"
    desk.write_text(body('await call.say("The desk.")', "await call.hear(None)", 'await call.say("Bye.")'))
    routes = [{"called": "1", "agent": program(tmp_path, first)}, {"called": "2", "agent": str(desk)}]
    async with house(monkeypatch, routes=routes) as here:
        phone = await here.phones("1", headers=(("X-Desk", here.uri("2")),))
        asked = phone.takes_referrals({"busy": 486, "free": 200})
        await until(lambda: here.said("2") == ["agent: The desk."])
        phone.says("hello desk")
        await phone.hears("You are back.")
        assert here.said("2") == ["agent: The desk.", "caller: hello desk", "agent: Bye."]
        await phone.hears("Not taken, 486.")
        await phone.until(lambda: phone.other.notes.get("after") is True)
        assert len(asked) == 2
        await phone.until(phone.call.ended.is_set)  # by the switch: the caller is elsewhere
        await here.empty()
        assert phone.lines == ["agent: You are back.", "agent: Not taken, 486."]


async def test_who_was_called_may_transfer_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then he is no longer the program's: it neither speaks to him nor hangs up on him."""
    first = body(
        "try:",
        '    await call.bridge(call.headers.get("x-desk"))',
        '    await call.say("Nobody hears this.")',
        "finally:",
        '    call.notes["over"] = True',
    )
    desk, third = tmp_path / "desk.py", tmp_path / "third.py"
    desk.write_text(body('await call.transfer(call.call.request_uri.replace("sip:2@", "sip:3@"))'))
    third.write_text(
        body('await call.say("The third.")', "turn = await call.hear()", 'await call.say("You said " + turn.text)')
    )
    agents_of = {"1": program(tmp_path, first), "2": str(desk), "3": str(third)}
    routes = [{"called": number, "agent": agent} for number, agent in agents_of.items()]
    async with house(monkeypatch, routes=routes) as here:
        phone = await here.phones("1", headers=(("X-Desk", here.uri("2")),))
        await phone.hears("The third.")
        phone.says("hello third")
        await phone.hears("You said hello third")
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        assert phone.lines == ["agent: The third.", "caller: hello third", "agent: You said hello third"]
        assert phone.other.notes["over"] is True


async def test_notes_that_are_no_json_cost_the_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = body('call.notes["when"] = object()', 'await call.say("Hello.")')
    sections = {"store": {"dir": str(tmp_path / "calls"), "recent_calls": 0}}
    async with house(monkeypatch, agent=program(tmp_path, text), sections=sections) as here:
        phone = await here.phones()
        await phone.until(phone.call.ended.is_set)
        await here.empty()
        await until(lambda: not here.switch.calls)  # both are over for the book, too


async def test_a_program_that_does_not_give_up_stops_no_other_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It catches everything and tries again: between two tries the loop goes round."""
    text = """
import asyncio
async def on_call(call):
    await call.answer()
    rounds = []
    while len(rounds) < 4:
        round = asyncio.Event()
        asyncio.get_running_loop().call_soon(round.set)
        try:
            await call.hear(None)
        except BaseException:
            rounds.append(round.is_set())
    call.notes["rounds"] = rounds
"""
    async with house(monkeypatch, agent=program(tmp_path, text)) as here:
        phone = await here.phones()
        await phone.call.hangup()
        await here.empty()
        await phone.until(lambda: "rounds" in phone.other.notes)
        assert all(phone.other.notes["rounds"])


async def test_a_caller_who_hangs_up_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = body("try:", "    await call.hear(None)", "finally:", '    call.notes["over"] = True')
    async with house(monkeypatch, agent=program(tmp_path, text)) as here:
        phone = await here.phones()
        await until(lambda: phone.other.leg.on_audio is not None)
        await phone.call.hangup()
        await here.empty()
        await phone.until(lambda: phone.other.notes.get("over") is True)
        talk = f"talk-{phone.other.id}"
        await phone.until(lambda: all(task.get_name() != talk for task in asyncio.all_tasks()))


async def test_a_caller_who_interrupts_is_heard_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = body(
        'spoken = await call.say("This goes on for quite a while, " * 40)',
        'call.notes["spoken"] = [len(spoken.heard) > 0, spoken.interrupted]',
        "turn = await call.hear()",
        'await call.say("You said " + turn.text)',
    )
    async with house(monkeypatch, agent=program(tmp_path, text)) as here:
        phone = await here.phones()
        await phone.until(lambda: phone.sounded_s() > 1)
        phone.says("stop it right now")
        await phone.hears("You said stop it right now")
        await phone.until(phone.call.ended.is_set)
        assert phone.other.notes["spoken"] == [True, True]
        await here.empty()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("async def other(call): ...", "no `async def on_call(call)`"),
        ("def on_call(call): ...", "no `async def on_call(call)`"),
        ("import nothing_of_the_kind", "nothing_of_the_kind"),
        ("async def on_call(call:", "SyntaxError"),
    ],
)
async def test_a_program_that_cannot_be_loaded_is_told_before_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    with pytest.raises(AgentError, match="(?s)agent.py.*" + words.replace("(", r"\(").replace(")", r"\)")):
        async with house(monkeypatch, agent=program(tmp_path, text)):
            raise AssertionError


def test_a_change_within_a_second_that_keeps_the_size_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own cache tells files apart by size and whole seconds."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    found = []
    for n in (1, 2):
        name = program(tmp_path, f"NUMBER = {n}\nasync def on_call(call): ...\n")
        os.utime(name, ns=(n, 1_700_000_000_000_000_000 + n))
        found.append(code.load(name).__globals__["NUMBER"])  # type: ignore[attr-defined]
    assert found == [1, 2]


async def test_a_program_that_exits_ends_itself_and_not_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipagent.agents.reloaded.LOOK_S", 0.05)
    name = program(tmp_path, body('await call.say("Hello.")', "raise SystemExit"))
    async with house(monkeypatch, agent=name) as here:
        agent = here.switch.agents[name]
        assert isinstance(agent, ReloadedAgent)
        phone = await here.phones()
        await phone.until(phone.call.ended.is_set)
        assert GOODBYE in phone.lines[-1]
        program(tmp_path, "import sys\nsys.exit('no')\n")
        await until(lambda: "SystemExit" in agent.problem)
        again = await here.phones()
        await again.hears("Hello.")
        await here.empty()


async def test_what_cannot_be_closed_does_not_end_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipagent.agents.reloaded.LOOK_S", 0.01)
    path = tmp_path / "file"
    path.write_text("")

    async def broken() -> None:
        raise RuntimeError("tool can't be closed")

    async def make() -> Edition:
        return Edition(EchoAgent(), broken)

    agent = ReloadedAgent("agent", path, make)
    await agent.open()
    for n in (1, 2):
        path.write_text("x" * n)
        await until(lambda n=n: agent.editions == n + 1)
    await agent.close()


def test_names(tmp_path: Path) -> None:
    assert [code.is_code(n) for n in ("a.py", "x/a.py:f", "pkg.mod:f", "echo", "a.toml")] == [True, True, True, False, False]
    assert code.file_of("x/a.py:f") == Path("x/a.py")
    assert code.file_of("pkg.mod:f") is None
    with pytest.raises(AgentError, match=r"none\.py: no such file"):
        agents.check(Config.model_validate({"dialogue": {"agent": f"{tmp_path}/none.py"}}))
    with pytest.raises(AgentError, match="no module 'nowhere'"):
        code.load("nowhere.at.all:f")


async def test_a_changed_program_takes_new_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipagent.agents.reloaded.LOOK_S", 0.05)
    name = program(tmp_path, body('await call.say("One.")', "await call.hear(None)", 'await call.say("Still one.")'))
    async with house(monkeypatch, agent=name) as here:
        agent = here.switch.agents[name]
        assert isinstance(agent, ReloadedAgent)
        first = await here.phones()
        await first.hears("One.")
        program(tmp_path, body('await call.say("Two.")', "await call.hear(None)", "return"))
        await until(lambda: agent.editions == 2)
        second = await here.phones()
        await second.hears("Two.")
        program(tmp_path, body("1 +"))
        await until(lambda: "SyntaxError" in agent.problem)
        first.says("and now")
        await first.hears("Still one.")
        await second.call.hangup()
        await here.empty()
