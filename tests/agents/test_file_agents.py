# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents from TOML files: what is wrong with one is told; several in one switch, each with its own voice; read again while
calls run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipagent import agents
from sipagent.agents import AgentError, file
from sipagent.agents.own_engines import roles_of
from sipagent.agents.reloaded import ReloadedAgent
from sipagent.config import Config
from sipagent.dialogue.context import Context
from sipagent.engines import registry
from sipagent.engines.base import BrainSession, HandOver, Script
from sipagent.engines.rules import RulesBrain
from tests.agents.phone import house

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
BAR = 'greeting = "The bar."\n[engines]\nvoice = "soft"\n[[intent]]\nname = "beer"\nexamples = ["a beer"]\nsay = "Cheers."\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("greeting = ", "not TOML"),
        ("", "greeting: missing"),
        ('greeting = "a"\n', "can do nothing; give it an [[intent]]"),
        (DESK.replace("greeting", "greting"), "greting: unknown key; did you mean 'greeting'?"),
        (DESK.replace('flow = "message"', 'flow = "massage"'), "there is no flow 'massage'; there are: message"),
        (DESK.replace("{message}", "{massage}"), "step 2: no step asks for 'massage'"),
        (DESK.replace('slot = "message"', ""), "ask and slot belong together"),
        (DESK + 'goto = "top"\n', "goto and save in one step"),
        (DESK.replace('slot = "message"', 'slot = "message"\nkind = "day"'), "kind = 'day': use 'date'"),
        (DESK.replace('slot = "message"', 'slot = "m"\nkind = "choice"'), 'needs choices = ["...", "..."]'),
        (DESK + 'when = { message = "=" }', "is no condition"),
        (DESK.replace('flow = "message"', 'transfer = "nobody"'), "transfer: "),
        (DESK.replace('flow = "message"', ""), "an intent has say, or one of flow"),
        (DESK + '[engines]\nvioce = "x"\n', "[engines]: vioce: unknown key; did you mean 'voice'?"),
        (DESK + "[engines]\nspeed = 9\n", "[engines]: speed = 9: must be less than or equal to 2"),
        ('zone = "Europe/Nowhere"\n' + DESK, "'Europe/Nowhere' is no time zone of this machine"),
        (DESK + '[dialogue]\nagent = "echo"\n', "dialogue.agent is a setting of the switch"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_before_a_call(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "desk.toml"
    path.write_text(text)
    with pytest.raises(AgentError) as error:
        agents.check(Config.model_validate({"dialogue": {"agent": str(path)}}))
    assert words in str(error.value)
    assert str(path) in str(error.value)
    assert str(error.value).startswith("dialogue.agent: ")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="No such file"):
        file.read(tmp_path / "none.toml")


def test_what_an_agent_has_of_its_own_stands_over_the_switches(tmp_path: Path) -> None:
    path = tmp_path / "bar.toml"
    path.write_text(BAR + "[dialogue]\nmax_duration_s = 90\n")
    general = Config.model_validate({"engines": {"speed": 1.5}, "dialogue": {"idle_s": 7}})
    own = file.configured(general, file.read(path), path)
    assert (own.engines.voice, own.engines.speed) == ("soft", 1.5)
    assert (own.dialogue.max_duration_s, own.dialogue.idle_s) == (90, 7)
    assert general.engines.voice == ""


def test_only_the_engines_that_a_key_concerns_are_others() -> None:
    assert roles_of([]) == set()
    assert roles_of(["voice", "speed"]) == {"tts"}
    assert roles_of(["brain", "tts"]) == {"tts", "brain"}
    assert {"vad", "stt", "tts", "brain"} <= roles_of(["threads"])


MODEL = """
greeting = "Hello, I am a model."
instructions = "Be brief."
[engines]
brain = "scripted"
[[tools]]
name = "boss"
description = "Connects the caller with the boss."
transfer = "sip:boss@192.0.2.1"
"""


class Model(RulesBrain):
    """A brain that keeps the scripts it was given."""

    def __init__(self, cfg: Config, scripts: list[Script]) -> None:
        super().__init__(cfg)
        self.name, self._scripts = "scripted", scripts

    def session(self, script: Script, context: Context | None = None) -> BrainSession:
        self._scripts.append(script)
        return super().session(script, context)


async def test_a_language_model_gets_the_files_instructions_and_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, scripts = tmp_path / "model.toml", list[Script]()
    path.write_text(MODEL)
    monkeypatch.setitem(registry.BRAINS, "scripted", lambda cfg: Model(cfg, scripts))  # type: ignore[arg-type]
    async with house(monkeypatch, agent=str(path)) as here:
        phone = await here.phones()
        await phone.hears("Hello, I am a model.")
        await phone.call.hangup()
        await here.empty()
        assert len(here.voices) == 1  # only the brain is another one
    assert scripts[0].instructions == "Be brief."
    assert [(tool.name, tool.deed) for tool in scripts[0].tools] == [("boss", HandOver("sip:boss@192.0.2.1"))]


async def test_two_agents_in_one_switch_each_with_its_own_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "desk.toml").write_text(DESK)
    (tmp_path / "bar.toml").write_text(BAR)
    routes = [{"called": "1", "agent": f"{tmp_path}/desk.toml"}, {"called": "2", "agent": f"{tmp_path}/bar.toml"}]
    async with house(monkeypatch, routes=routes) as here:
        desk, bar = await here.phones("1"), await here.phones("2")
        await desk.hears("Hello from the desk.")
        await bar.hears("The bar.")
        assert desk.loudest() > 2 * bar.loudest() > 0
        desk.says("take a message")
        bar.says("a beer")
        await desk.hears("What is it?")
        await bar.hears("Cheers.")
        desk.says("the tap drips")
        await desk.hears("I have: the tap drips. Right?")
        desk.says("yes")
        await desk.hears("Noted.")
        desk.says("goodbye")
        await desk.until(desk.call.ended.is_set)
        await bar.call.hangup()
        await here.empty()
        assert desk.other.notes["saved_messages"] == [{"message": "the tap drips."}]
        voices = here.voices
        assert len(voices) == 2
    assert all(voice.closed for voice in voices)


async def test_a_file_is_read_again_for_new_calls_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sipagent.agents.reloaded.LOOK_S", 0.05)
    path = tmp_path / "bar.toml"
    path.write_text(BAR)
    async with house(monkeypatch, agent=str(path)) as here:
        agent = here.switch.agents[str(path)]
        assert isinstance(agent, ReloadedAgent)
        first = await here.phones()
        await first.hears("The bar.")
        path.write_text(BAR.replace("The bar.", "The new bar.").replace("Cheers.", "Your health.").replace("soft", "deep"))
        await first.until(lambda: len(here.voices) == 3 and agent.editions == 2)
        second = await here.phones()
        await second.hears("The new bar.")
        first.says("a beer")  # a call that runs stays as it was
        await first.hears("Cheers.")
        assert second.loudest() > 2 * first.loudest() > 0
        path.write_text(BAR.replace("greeting", "greting"))
        await first.until(lambda: "did you mean 'greeting'" in agent.problem)
        assert agents.problems(here.switch.agents) == {str(path): agent.problem}
        third = await here.phones()
        await third.hears("The new bar.")
        soft = here.voices[1]
        assert not soft.closed
        for phone in (first, second, third):
            await phone.call.hangup()
        await here.empty()
        await first.until(lambda: soft.closed)  # the last who had that voice is gone
        path.write_text(BAR)
        await first.until(lambda: agent.editions == 3 and not agent.problem)
        fourth = await here.phones()
        await fourth.hears("The bar.")
        await fourth.call.hangup()
        await here.empty()
