# SPDX-License-Identifier: GPL-3.0-or-later
"""A part that fails costs one answer, never the call, and the caller is never left in silence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from sipagent.call import Call
from sipagent.dialogue.playout import Utterance
from sipagent.dialogue.preempt import Preempt
from sipagent.dialogue.speak import Speaker
from sipagent.engines.base import Answer, HandOver
from sipagent.engines.clips import CLIP_RATE, Apology, Clips
from sipagent.testing import FakeLeg, ScriptedTts

Stage = Any  # conftest.Stage


def ask_twice(stage: Stage, *, first: str = "first.", patience_s: float = 8.0) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say(first)
        await asyncio.sleep(patience_s)
        await stage.quiet()
        stage.say("second.")
        await stage.quiet(2.0)

    stage.play(scene())


def sounded_like(stage: Stage, apology: Apology) -> bool:
    """The apology's clip really was on the wire."""
    clip = ScriptedTts()
    pcm = asyncio.new_event_loop().run_until_complete(_all(clip, apology.value))
    return pcm in bytes(stage.leg.bot)


async def _all(tts: ScriptedTts, text: str) -> bytes:
    tts.first_s = tts.piece_s = 0.0
    return b"".join([piece async for piece in tts.synthesize(text, CLIP_RATE)])


def test_a_voice_that_fails(stage: Stage) -> None:
    stage.tts.fail = re.compile("first")
    ask_twice(stage)
    assert stage.lines("agent")[2:] == [Apology.VOICE.value, "You said second."]
    assert sounded_like(stage, Apology.VOICE)


def test_a_voice_that_fails_in_the_middle(stage: Stage) -> None:
    stage.script.answers["first."] = Answer("Here it begins well. But here is a broken one. And more.")
    stage.tts.fail = re.compile("broken")
    ask_twice(stage)
    turn = stage.ledger[0]
    assert turn["interrupted"]
    assert "Here it begins well." in turn["agent_said"]
    assert stage.lines("agent")[2:] == [Apology.VOICE.value, "You said second."]


@pytest.mark.parametrize("hangs", ["first", "You said"])
def test_a_voice_that_hangs(stage: Stage, hangs: str) -> None:
    stage.tts.hang = re.compile(hangs)
    stage.cfg["tts_timeout_s"] = 2.0
    ask_twice(stage)
    assert stage.lines("agent")[2] == Apology.VOICE.value
    assert stage.ledger[1]["caller_heard"] == "second."


def test_a_recogniser_that_hangs(stage: Stage) -> None:
    stage.stt.hang = {0}
    stage.cfg["stt_timeout_s"] = 2.0
    ask_twice(stage)
    assert stage.lines("agent")[1:] == [Apology.HEARING.value, "You said second."]
    assert sounded_like(stage, Apology.HEARING)


def test_a_recogniser_that_fails(stage: Stage) -> None:
    stage.stt.fail = {0}
    ask_twice(stage)
    assert stage.lines("agent")[1:] == [Apology.HEARING.value, "You said second."]


def test_a_brain_that_fails(stage: Stage) -> None:
    stage.script.fail = True

    async def scene() -> None:
        await stage.quiet()
        stage.say("first.")
        await stage.quiet(5.0)

    stage.play(scene())
    assert stage.lines("agent")[1:] == [Apology.THINKING.value]


def test_a_brain_that_says_nothing(stage: Stage) -> None:
    stage.script.answers["first."] = Answer("")
    ask_twice(stage)
    assert stage.lines("agent")[1:] == [Apology.THINKING.value, "You said second."]


def test_a_brain_that_hangs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(think: Any) -> Any:
        await asyncio.sleep(1e6)
        yield think().text

    def scene_setup() -> None:
        monkeypatch.setattr("sipagent.engines.rules._stream", never)

    async def scene() -> None:
        await stage.quiet()
        scene_setup()
        stage.say("first.")
        await stage.quiet(15.0)

    stage.play(scene())
    assert stage.lines("agent")[1:] == ["One moment, please.", Apology.THINKING.value]


def test_after_three_failures_the_call_ends_with_an_apology(stage: Stage) -> None:
    stage.stt.fail = set(range(20))

    async def scene() -> None:
        for _ in range(3):
            await stage.quiet()
            stage.say("anybody?")
            await stage.bot_speaks()
        await asyncio.sleep(20)

    stage.play(scene())
    assert stage.lines("agent")[1:] == [Apology.HEARING.value, Apology.HEARING.value, Apology.GIVE_UP.value]
    assert stage.finished
    assert len(stage.control.hung_up) == 1


def test_a_success_in_between_starts_the_count_anew(stage: Stage) -> None:
    stage.stt.fail = {0, 1, 3, 4}

    async def scene() -> None:
        for _ in range(5):
            await stage.quiet()
            stage.say("anybody?")
            await stage.bot_speaks()

    stage.play(scene())
    assert not stage.finished


def test_a_listener_that_fails_harms_nobody(stage: Stage) -> None:
    class Bad(list[Any]):
        def append(self, item: Any) -> None:
            raise RuntimeError("no")

    stage.events = Bad()
    ask_twice(stage, patience_s=1.0)
    assert stage.lines("agent")[-1] == "You said second."


async def test_when_no_voice_works_the_caller_hears_the_information_tone() -> None:
    tts = ScriptedTts()
    tts.fail = re.compile("")
    clips = Clips()
    assert not await clips.record(tts)
    for rate in (8000, 16000):
        pcm = clips.get(Apology.VOICE, rate)
        assert len(pcm) == pytest.approx(2 * rate, rel=0.02)
        assert max(pcm) > 0


def test_a_fault_of_ours_is_no_silence(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def transfer(self: Call, uri: str, via: str = "") -> None:
        raise RuntimeError("nobody has thought of this")

    monkeypatch.setattr(Call, "transfer", transfer)
    stage.script.answers["first."] = Answer("I put you through.", (HandOver("sip:person@127.0.0.1"),))
    ask_twice(stage)
    assert stage.lines("agent")[1:] == ["I put you through.", Apology.THINKING.value, "You said second."]


def test_a_call_whose_apologies_break_too_ends(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(self: Clips, apology: Apology, rate: int) -> bytes:
        raise RuntimeError("the clips are gone")

    monkeypatch.setattr(Clips, "get", get)
    stage.tts.fail = re.compile("You said")
    ask_twice(stage)
    assert stage.finished
    assert len(stage.control.hung_up) == 1


def test_a_turn_that_is_lost_by_a_fault_of_ours_ends_in_a_reminder(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(self: Preempt, said: Any) -> Any:
        raise RuntimeError("nobody has thought of this")

    monkeypatch.setattr(Preempt, "answer", answer)
    stage.cfg["idle_s"] = 3.0

    async def scene() -> None:
        await stage.quiet()
        stage.say("first.")
        await asyncio.sleep(6.0)

    stage.play(scene())
    assert stage.lines("agent")[1:] == [stage.script.idle(1).text]


async def test_a_clause_without_a_sound_waits_for_none() -> None:
    """What stands behind it is said, and is not taken for what is still to come."""

    class Picky(ScriptedTts):
        async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
            if "mute" not in text:
                yield bytes(rate // 50)

    clauses = ["It is mute.", "It is not."]
    utterance = Utterance(waiting=list(clauses))
    speaker = Speaker(FakeLeg(), Picky(), 5.0)
    for clause in clauses:
        await speaker.say(utterance, clause, lambda: None)
    assert [segment.text for segment in utterance.segments] == ["It is not."]
    assert not utterance.waiting


def test_a_script_that_can_not_say_what_is_whole_costs_a_moment(stage: Stage) -> None:
    def broken(text: str) -> bool:
        raise RuntimeError("no idea")

    stage.script.judge = broken

    async def scene() -> None:
        await stage.quiet()
        stage.say("first.")
        await stage.quiet(2.0)
        assert stage.call is not None
        stage.call.dtmf("5", 100)
        await stage.quiet(5.0)

    stage.play(scene())
    assert [turn.text for turn in stage.script.turns] == ["first.", "5"]


def test_a_script_that_can_not_take_back_costs_no_turn(stage: Stage) -> None:
    def broken() -> None:
        raise RuntimeError("no idea")

    stage.script.retract = broken
    stage.script.judge = lambda text: True

    async def scene() -> None:
        await stage.quiet()
        stage.say("I want to.")
        stage.silence(0.36)
        stage.say("book a room.")
        await stage.quiet(3)

    stage.play(scene())
    assert stage.lines("agent")[-1] == "You said I want to. book a room."
