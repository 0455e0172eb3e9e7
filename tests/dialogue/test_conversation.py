# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole conversations in virtual time: turns, their ledger, silence, the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipagent.dialogue.levels import speech_end, speech_start
from sipagent.engines.base import Act, Answer
from sipagent.engines.clips import Apology
from sipagent.testing import LevelVad

Stage = Any  # conftest.Stage


def test_a_greeting_a_question_and_an_answer(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("what time is it?")
        await stage.quiet(1.5)

    stage.play(scene())
    assert stage.lines("caller") == ["what time is it?"]
    assert stage.lines("agent") == ["Hello, this is the test. How can I help you?", "You said what time is it?"]
    assert [line["heard"] for line in stage.notes["transcript"]] == [line["text"] for line in stage.notes["transcript"]]
    assert [e.kind for e in stage.events if e.kind != "line_end"] == ["line", "line", "turn", "line", "turn", "turn_end", "end"]


def test_the_ledger_agrees_with_the_recording(stage: Stage) -> None:
    async def scene() -> None:
        for i in range(4):
            await stage.quiet()
            stage.silence(0.0037 * i)  # not on the packets' grid
            stage.say(f"question number {i}", 0.9 + 0.013 * i)
            await stage.bot_speaks()

    stage.play(scene())
    leg = stage.leg
    assert len(stage.ledger) == 4
    for turn in stage.ledger:
        times = turn["times_us"]
        at = [(times[k] - leg.ticks_us[0]) * 16 // 1000 for k in ("last_speech", "first_packet")]
        caller, bot = bytes(leg.caller[: 2 * (at[1])]), bytes(leg.bot[2 * (at[0]) : 2 * (at[1] + 8000)])
        gap = (at[0] + speech_start(bot, 16000) - speech_end(caller, 16000)) / 16
        assert gap == pytest.approx(turn["gap_ms"], abs=20)
        assert sum(turn["stages"].values()) == pytest.approx(turn["gap_ms"], abs=0.01)
        order = [times[k] for k in ("last_speech", "end_of_turn", "first_token", "first_tts", "first_packet")]
        assert order == sorted(order)


def test_decoding_is_hidden_in_the_silence(stage: Stage) -> None:
    """0.1 s of decoding starts 0.15 s into the silence: nothing of it is left at 0.3 s."""

    async def scene() -> None:
        await stage.quiet()
        stage.say("a complete sentence.")
        await stage.bot_speaks()

    stage.play(scene())
    turn = stage.ledger[0]
    assert turn["stages"]["endpoint_ms"] == pytest.approx(300, abs=35)
    assert turn["stages"]["stt_ms"] == 0
    assert turn["gap_ms"] < 300 + 35 + 50 + 20 + 1


def test_an_unfinished_sentence_gets_more_time(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("I would like to")
        stage.silence(0.6)
        stage.say("book a room.")
        await stage.bot_speaks()

    stage.play(scene())
    assert stage.lines("caller") == ["I would like to book a room."]
    assert len(stage.ledger) == 1


def test_a_script_may_say_that_a_turn_is_complete(stage: Stage) -> None:
    stage.script.judge = lambda text: False

    async def scene() -> None:
        await stage.quiet()
        stage.say("a complete sentence.")
        await stage.bot_speaks()

    stage.play(scene())
    assert stage.ledger[0]["stages"]["endpoint_ms"] == pytest.approx(800, abs=35)


def test_what_a_voice_detector_holds_on_to_does_not_cost_time(stage: Stage) -> None:
    """Real detectors call some 100 ms after the last word speech; the level tells where it was."""
    stage.vad = LevelVad(hangover=3)

    async def scene() -> None:
        await stage.quiet()
        stage.say("a complete sentence.")
        await stage.bot_speaks()

    stage.play(scene())
    assert stage.ledger[0]["stages"]["endpoint_ms"] == pytest.approx(300, abs=35)


def test_the_end_of_a_turn_is_not_heard_again_in_the_next(stage: Stage) -> None:
    stage.cfg["end_silence_ms"] = 150

    async def scene() -> None:
        await stage.quiet()
        stage.say("one.", 0.6)
        stage.silence(0.24)
        stage.say("two.", 0.6)
        await stage.quiet(2.0)

    stage.play(scene())
    assert stage.script.turns[-1].text == "one. two."


def test_a_caller_who_goes_on_before_he_heard_a_word_gets_one_answer(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("yes.", 0.4)
        stage.silence(0.37)
        stage.say("that is right.", 0.8)
        await stage.quiet(2.0)

    stage.play(scene())
    assert stage.script.retracted == 1
    assert [t.text for t in stage.script.turns] == ["yes.", "yes. that is right."]
    assert len(stage.ledger) == 1
    assert stage.ledger[0]["caller_heard"] == "yes. that is right."


def test_two_turns_while_the_recogniser_is_slow(stage: Stage) -> None:
    stage.stt.latency_s = 1.2

    async def scene() -> None:
        await stage.quiet()
        stage.say("one.", 0.5)
        stage.silence(1.0)
        stage.say("two.", 1.0)
        await stage.quiet(4.0)

    stage.play(scene())
    assert stage.script.turns[-1].text == "one. two."
    assert stage.lines("agent")[-1] == "You said one. two."


def test_noise_that_is_no_speech_is_not_answered(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("", 0.5)
        await stage.quiet(3.0)

    stage.play(scene())
    assert stage.script.turns == []
    assert len(stage.lines("agent")) == 1


def test_a_long_sentence_without_words_is_asked_for_again(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("", 1.5)
        await stage.quiet(6.0)

    stage.play(scene())
    assert stage.script.turns == []
    assert stage.lines("agent")[1:] == [Apology.HEARING.value]
    assert not stage.finished


def test_goodbye_is_played_to_its_end_before_the_bot_hangs_up(stage: Stage) -> None:
    stage.script.answers["bye."] = Answer("Thank you for calling. Goodbye.", (Act.HANGUP,))

    async def scene() -> None:
        await stage.quiet()
        stage.say("bye.")
        await asyncio.sleep(30)

    stage.play(scene())
    assert stage.finished
    assert stage.control.hung_up == [(0, "")]
    assert stage.notes["transcript"][-1]["heard"] == "Thank you for calling. Goodbye."
    assert stage.leg.pending == 0
    assert stage.events[-1].kind == "end"


def test_silence_of_both_sides_is_asked_about_and_then_ended(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        start = stage.loop.time()
        await stage.bot_speaks()
        assert stage.loop.time() - start == pytest.approx(20, abs=1)
        await asyncio.sleep(40)

    stage.play(scene())
    assert stage.lines("agent")[1:] == ["Are you there?", "Goodbye then."]
    assert stage.finished


def test_a_caller_who_speaks_is_not_idle(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        for i in range(4):
            await asyncio.sleep(15)
            stage.say(f"still here {i}.")
            await stage.quiet(1.5)

    stage.play(scene())
    assert "Are you there?" not in stage.lines("agent")


def test_a_caller_who_answers_the_reminder_is_reminded_again(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        await stage.bot_speaks()
        await stage.quiet()
        stage.say("yes I am.")
        await stage.quiet(1.0)
        await stage.bot_speaks()
        await stage.quiet()

    stage.play(scene())
    assert stage.lines("agent")[1:] == ["Are you there?", "You said yes I am.", "Are you there?"]


def test_the_longest_call_ends_with_a_farewell(stage: Stage) -> None:
    stage.cfg["max_duration_s"] = 30.0
    stage.script.answers["talk."] = Answer("One more sentence here. " * 100)

    async def scene() -> None:
        await stage.quiet()
        stage.say("talk.")
        await asyncio.sleep(40)

    stage.play(scene())
    assert stage.finished
    assert stage.lines("agent")[-1].startswith("We have reached the longest time")
    assert stage.leg.ticks_us[-1] < 50e6


def test_a_caller_who_vanishes_leaves_nothing_behind(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("tell me a lot.", 1.0)
        await stage.bot_speaks()
        stage.leg.sending = False

    stage.script.answers["tell me a lot."] = Answer("One more sentence here. " * 50)
    stage.play(scene())
    assert stage.leg.on_audio is None
    assert stage.events[-1].kind == "end"
    assert stage.notes["transcript"][-1]["interrupted"] is True

    async def others() -> list[str]:
        await asyncio.sleep(0.1)
        return [t.get_name() for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    assert stage.loop.run_until_complete(others()) == []


def test_packets_that_stop_in_a_word_end_the_turn(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("are you", 2.0)
        await asyncio.sleep(1.0)
        stage.leg.sending = False
        await stage.bot_speaks()

    stage.play(scene(), 60)
    assert stage.lines("caller") == ["are you"]


def test_lost_packets_keep_the_time_line(stage: Stage) -> None:
    async def scene() -> None:
        await stage.quiet()
        stage.say("one", 0.6)
        stage.say("two.", 0.6)
        await asyncio.sleep(0.3)
        stage.leg.lose = 5
        await stage.bot_speaks()

    stage.play(scene())
    assert stage.lines("caller") == ["one two."]


def test_only_some_seconds_are_queued(stage: Stage) -> None:
    stage.script.answers["talk."] = Answer("One more sentence here. " * 50)
    most = 0

    async def scene() -> None:
        nonlocal most
        await stage.quiet()
        stage.say("talk.")
        await stage.bot_speaks()
        for _ in range(500):
            await asyncio.sleep(0.02)
            most = max(most, stage.leg.pending)

    stage.play(scene())
    assert 16000 <= most <= 32000
