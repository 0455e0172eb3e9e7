# SPDX-License-Identifier: GPL-3.0-or-later
"""The agents that need no engines, and the registry."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from sipagent import agents
from sipagent.agents import AgentError
from sipagent.config import Config
from sipagent.engines.rules import RulesBrain
from sipagent.testing import CodedSpeech, FakeLeg, ScriptedStt, ScriptedTts, VirtualLoop, fake_call, fake_engines
from sipagent.wavfile import WavError


def run_echo(leg: FakeLeg, ticks: int, at_tick: dict[int, object] | None = None) -> None:
    loop = asyncio.new_event_loop()
    call, _ = fake_call(leg)
    task = loop.create_task(agents.create("echo", Config()).on_call(call))
    loop.run_until_complete(asyncio.sleep(0))
    for i in range(ticks):
        for name, value in ((at_tick or {}).get(i) or {}).items():  # type: ignore[attr-defined]
            setattr(leg, name, value)
        leg.tick()
    call.ended.set()
    loop.run_until_complete(task)
    loop.close()


def noise(seconds: float, rate: int = 8000) -> bytes:
    return np.random.default_rng(3).integers(-9000, 9000, int(seconds * rate)).astype("<i2").tobytes()


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_echo_sends_every_sample_back_in_order(rate: int) -> None:
    leg = FakeLeg(rate=rate)
    pcm = noise(1.0, rate)
    leg.hear(pcm)
    run_echo(leg, 60)
    at = bytes(leg.bot).find(pcm)
    assert at >= 0
    assert at / 2 / rate <= 0.045  # a packet of lead, and the tick that was already over


def test_echo_keeps_the_time_line_over_lost_packets() -> None:
    leg = FakeLeg(rate=8000)
    leg.hear(noise(1.0))
    run_echo(leg, 60, {10: {"lose": 3}})
    shift = bytes(leg.bot).find(noise(1.0)[:320])
    after = noise(1.0)[2 * 160 * 13 : 2 * 160 * 20]
    assert bytes(leg.bot).find(after) == shift + 2 * 160 * 13


def test_echo_stands_one_late_packet() -> None:
    leg = FakeLeg(rate=8000)
    leg.hear(noise(1.0))
    run_echo(leg, 60, {10: {"late": 1}, 30: {"late": 1}})
    assert noise(1.0) in bytes(leg.bot)


def test_echo_fills_a_hole_in_the_sample_indices() -> None:
    leg = FakeLeg(rate=8000)
    leg.hear(noise(1.0))
    run_echo(leg, 60, {20: {"sending": False}, 21: {"sending": True}})
    whole = bytearray(noise(1.0))
    whole[2 * 160 * 20 : 2 * 160 * 21] = bytes(320)
    assert bytes(whole) in bytes(leg.bot)


def test_echo_recovers_when_packets_stop() -> None:
    """After a pause without packets, what comes is echoed whole, with the lead in front of it again."""
    leg = FakeLeg(rate=8000)
    leg.hear(noise(2.0))
    run_echo(leg, 90, {20: {"sending": False}, 40: {"sending": True}})
    assert noise(2.0)[2 * 160 * 40 : 2 * 160 * 80] in bytes(leg.bot)


def test_echo_lets_go_when_the_call_ends() -> None:
    leg = FakeLeg(rate=8000)
    run_echo(leg, 3)
    assert leg.on_audio is None


def write_wav(path: Path, rate: int, seconds: float) -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(tone.tobytes())


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_play_plays_all_of_a_file_and_hangs_up(tmp_path: Path, rate: int) -> None:
    write_wav(tmp_path / "tone.wav", rate, 3.0)
    loop = VirtualLoop()
    leg = FakeLeg(clock=loop.clock_us)
    call, control = fake_call(leg)

    async def scene() -> None:
        leg.start()
        await agents.create(f"play:{tmp_path}/tone.wav", Config()).on_call(call)
        leg.close()

    loop.run_until_complete(scene())
    loop.close()
    assert control.hung_up == [(0, "")]
    sounding = np.flatnonzero(np.frombuffer(bytes(leg.bot), "<i2"))
    assert (sounding[-1] - sounding[0]) / 16000 == pytest.approx(3.0, abs=0.01)


def test_a_file_that_cannot_be_played_is_found_before_a_call(tmp_path: Path) -> None:
    with pytest.raises(WavError):
        agents.create(f"play:{tmp_path}/none.wav", Config())


@pytest.mark.parametrize("name", ["nope", "play:", "", "Echo"])
def test_a_name_that_is_no_agent_is_told_with_the_names_that_are(name: str) -> None:
    with pytest.raises(AgentError, match="choose one of: echo, reception, play:FILE"):
        agents.create(name, Config())


def test_reception_without_engines_is_explained() -> None:
    with pytest.raises(AgentError, match="needs speech engines"):
        agents.create("reception", Config())


def test_who_needs_engines() -> None:
    assert [agents.speaks(name) for name in ("reception", "echo", "play:x.wav")] == [True, False, False]


async def test_reception_prepares_what_it_will_surely_say_but_not_while_it_talks() -> None:
    tts = ScriptedTts()
    agent = agents.create("reception", Config(), await fake_engines(ScriptedStt(CodedSpeech()), RulesBrain(Config()), tts))
    talk = asyncio.create_task(agent.on_call(fake_call(FakeLeg())[0]))
    for _ in range(20):
        await asyncio.sleep(0)
    while_talking = len(tts.primed)
    talk.cancel()
    await asyncio.gather(talk, return_exceptions=True)
    for _ in range(100):
        await asyncio.sleep(0)
    assert while_talking < len(tts.primed)
    assert "Hello, this is the Lakeside Hotel." in tts.primed
    assert "and it is included in the price of the room." in tts.primed
    assert len(set(tts.primed)) == len(tts.primed)
