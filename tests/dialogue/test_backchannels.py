# SPDX-License-Identifier: GPL-3.0-or-later
"""Sounds that are no interruption: the bot holds its tongue, decides, and goes on at the very next sample, or yields."""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from sipagent.api.turns import TurnMetrics
from sipagent.config import Dialogue
from sipagent.dialogue.barge_in import Judge, Verdict, Words
from sipagent.dialogue.floor import OUTCOMES
from sipagent.engines.base import Answer
from sipagent.engines.clips import Apology
from sipagent.testing import FakeLeg, VirtualLoop
from tests.dialogue.conftest import Stage as TheStage

Stage = Any  # conftest.Stage
LONG = "This is the first sentence of a long answer. Here is the second one. And now the third one follows. The end."


def while_it_speaks(stage: Stage, *sounds: tuple[str, float], after_s: float = 3.0, answer: str = LONG) -> None:
    """The caller makes `sounds` (text, seconds) in the middle of an answer; the text None is silence."""
    stage.script.answers["go on."] = Answer(answer)

    async def scene() -> None:
        await stage.quiet()
        stage.say("go on.")
        await stage.bot_speaks()
        await asyncio.sleep(after_s)
        for text, seconds in sounds:
            stage.silence(seconds) if text is None else stage.say(text, seconds)
        await stage.quiet(3.0)

    stage.play(scene())


@pytest.mark.parametrize(("sound", "what"), [("Mhm.", "backchannel"), ("", "noise"), ("Stop it.", "words")])
def test_what_sounds_turn_out_to_be_is_counted(stage: Stage, sound: str, what: str) -> None:
    before = OUTCOMES.copy()
    while_it_speaks(stage, (sound, 0.5))
    assert OUTCOMES - before == {what: 1}
    line = f'sipagent_sounds_over_agent_total{{what="{what}"}} {OUTCOMES[what]:.1f}'
    registry = CollectorRegistry()
    TurnMetrics(registry)
    assert line in generate_latest(registry).decode().splitlines()


def not_a_sample_is_missing(stage: Stage) -> bool:
    sent = stage.leg.sent
    return all(a[1] == b[0] for a, b in itertools.pairwise(sent)) and sent[-1][1] == stage.leg.written


@pytest.mark.parametrize("sound", ["Mhm.", "Yeah, yeah.", "Uh-huh.", "Okay, I see.", ""])
@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.9])
def test_a_backchannel_or_a_cough_costs_a_moment_and_not_a_sample(stage: Stage, sound: str, seconds: float) -> None:
    while_it_speaks(stage, (sound, seconds))
    assert len(stage.script.turns) == 1
    assert stage.ledger[0]["agent_heard"] == LONG
    assert not stage.ledger[0]["interrupted"]
    assert [e for e in stage.events if e.kind == "barge_in"] == []
    assert not_a_sample_is_missing(stage)
    assert stage.lines("caller") == ["go on."] + [sound] * bool(sound)
    pauses = longest_pause_s(stage)
    assert seconds - 0.1 < pauses < seconds + 0.45  # 0.15 s of silence and 0.1 s of decoding behind it


def longest_pause_s(stage: Stage) -> float:
    """Of the wire, inside the long answer."""
    turn = stage.ledger[0]["times_us"]
    first = (turn["first_packet"] - stage.leg.ticks_us[0]) // 20_000
    packets = [any(stage.leg.bot[640 * i : 640 * (i + 1)]) for i in range(first, len(stage.leg.bot) // 640)]
    last = max(i for i, sounds in enumerate(packets) if sounds)
    return max(len(list(run)) for sounds, run in itertools.groupby(packets[:last]) if not sounds) * 0.02


def test_a_word_that_answers_the_question_being_put_is_a_turn(stage: Stage) -> None:
    while_it_speaks(
        stage, ("Yeah.", 0.4), after_s=3.2, answer="There is a room on Monday at noon. Shall I book that room for you now?"
    )
    assert [t.text for t in stage.script.turns] == ["go on.", "Yeah."]


def test_a_backchannel_that_turns_into_a_sentence_interrupts(stage: Stage) -> None:
    while_it_speaks(stage, ("Yeah", 0.4), (None, 0.27), ("but when do you open?", 1.2))
    assert stage.script.turns[-1].text == "Yeah but when do you open?"
    assert stage.ledger[0]["interrupted"]
    assert stage.script.turns[-1].heard == stage.ledger[0]["agent_heard"] != LONG
    (event,) = [e for e in stage.events if e.kind == "barge_in"]
    assert event.data["latency_ms"] < 120  # it had gone on after "yeah", and was silent again at the "but"


def test_a_question_that_is_still_to_come_is_not_answered_by_a_backchannel(stage: Stage) -> None:
    question = "There is a room on Monday at noon. Shall I book that room for you now?"
    while_it_speaks(stage, ("Yeah.", 0.4), after_s=0.8, answer=question)
    assert len(stage.script.turns) == 1
    assert stage.ledger[0]["agent_heard"] == question


def test_before_a_sound_of_the_answer_any_word_goes_on_with_the_turn(stage: Stage) -> None:
    stage.tts.first_s = 2.0

    async def scene() -> None:
        await stage.quiet(4.0)
        stage.say("book a room.", 0.8)
        stage.silence(0.7)
        stage.say("okay.", 0.4)
        await stage.quiet(5.0)

    stage.play(scene())
    assert stage.script.turns[-1].text == "book a room. okay."
    assert stage.lines("agent")[-1] == "You said book a room. okay."


def test_an_apology_does_not_wait_for_a_noise(stage: Stage) -> None:
    """The voice breaks while the bot holds its tongue: what it says then is another reply."""
    stage.script.answers["go on."] = Answer(LONG)
    stage.tts.fail = re.compile("third")

    async def scene() -> None:
        await stage.quiet()
        stage.say("go on.")
        await stage.bot_speaks()
        await asyncio.sleep(1.5)
        stage.say("", 8.0)
        while Apology.VOICE.value not in stage.lines("agent"):  # noqa: ASYNC110  the transcript tells nobody
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        assert stage.leg.saying
        assert stage.leg.bot_is_sounding()
        await stage.quiet(3.0)

    stage.play(scene())


@pytest.mark.parametrize(("least", "text", "interrupts"), [(1, "Stop.", 1), (2, "Stop.", 0), (2, "Stop it.", 1), (0, "", 1)])
def test_how_many_words_interrupt_is_configured(stage: Stage, least: int, text: str, interrupts: int) -> None:
    stage.cfg["barge_in_min_words"] = least
    while_it_speaks(stage, (text, 0.6))
    assert len([e for e in stage.events if e.kind == "barge_in"]) == interrupts


def test_a_talker_is_yielded_to_before_he_is_through(stage: Stage) -> None:
    while_it_speaks(stage, ("I want to say something long.", 4.0))
    (event,) = [e for e in stage.events if e.kind == "barge_in"]
    assert event.t_us - event.data["onset_us"] < 800_000
    assert stage.tts.cancelled == 1 or stage.leg.written < len(LONG) * 0.06 * stage.leg.rate


def test_music_is_spoken_over_and_words_in_it_are_heard(stage: Stage) -> None:
    while_it_speaks(stage, ("", 8.0))
    assert stage.ledger[0]["agent_heard"] == LONG
    assert 1.4 < longest_pause_s(stage) < 2.5


def test_words_in_the_music_interrupt(stage: Stage) -> None:
    while_it_speaks(stage, ("", 2.5), ("please stop.", 3.0), after_s=0.5)
    assert stage.ledger[0]["interrupted"]
    assert stage.script.turns[-1].text == "please stop."


def test_what_can_not_be_recognised_is_an_interruption_when_it_is_long(stage: Stage) -> None:
    stage.stt.fail = set(range(1, 99))
    while_it_speaks(stage, ("something", 2.0))
    assert stage.lines("agent")[-1] == Apology.HEARING.value
    assert stage.ledger[0]["interrupted"]


def test_what_can_not_be_recognised_is_none_when_it_is_short(stage: Stage) -> None:
    stage.stt.fail = set(range(1, 99))
    while_it_speaks(stage, ("hm", 0.3))
    assert stage.ledger[0]["agent_heard"] == LONG


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("Mm-hmm.", 0),
        ("All right, I see!", 0),
        ("All of it", 3),
        ("okay stop", 1),
        ("I don\u2019t", 2),
        ("I see you", 1),
    ],
)
def test_words_that_are_no_backchannel_are_counted(text: str, words: int) -> None:
    assert Judge(1, Dialogue().backchannels).count(text) == words


@pytest.mark.parametrize(
    ("words", "asked", "verdict"),
    [
        (Words("stop", 400_000, False), False, Verdict.WAIT),  # half a sentence: a guess
        (Words("stop", 400_000, True), False, Verdict.YIELD),
        (Words("stop that", 400_000, False), False, Verdict.YIELD),
        (Words("yeah", 400_000, True), True, Verdict.YIELD),
        (Words("yeah", 400_000, True), False, Verdict.GO_ON),
        (Words("", 400_000, True), True, Verdict.GO_ON),
        (Words("", 1_400_000, False), False, Verdict.WAIT),
        (Words("", 1_600_000, False), False, Verdict.GO_ON),
        (Words("stop", 1_600_000, False), False, Verdict.YIELD),
        (Words("", 700_000, True, failed=True), False, Verdict.GO_ON),
        (Words("", 700_000, False, failed=True), False, Verdict.WAIT),
        (Words("", 900_000, False, failed=True), False, Verdict.YIELD),
    ],
)
def test_the_judge(words: Words, asked: bool, verdict: Verdict) -> None:
    assert Judge(1, Dialogue().backchannels)(words, asked=asked) is verdict


sounds = st.tuples(st.sampled_from(["mhm.", "", "stop it.", "yeah", None]), st.floats(0.05, 2.0))


@given(st.lists(sounds, max_size=6), st.floats(0.0, 4.0), st.sets(st.integers(1, 12), max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_sound_leaves_the_bot_silent_for_ever(made: list[tuple[str | None, float]], after_s: float, hangs: set[int]) -> None:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        stage = TheStage(loop, FakeLeg(clock=loop.clock_us))
        stage.stt.hang = hangs
        stage.cfg["stt_timeout_s"] = 1.0
        stage.script.answers["go on."] = Answer(LONG)

        async def scene() -> None:
            await stage.quiet()
            stage.say("go on.")
            await asyncio.sleep(1.5 + after_s)
            for text, seconds in made:
                stage.silence(seconds) if text is None else stage.say(text, seconds)
            await stage.quiet(6.0)

        stage.play(scene())
        assert stage.leg.pending == 0
        for line in stage.notes["transcript"]:
            assert line["who"] == "caller" or line["interrupted"] or line["heard"] == line["text"]
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def test_what_the_caller_said_is_in_no_log(stage: Stage) -> None:
    stage.cfg["barge_in_min_words"] = 5
    with capture_logs() as logs:
        while_it_speaks(stage, ("four seven one one", 0.8))
    assert any(line["event"] == "no interruption" for line in logs)
    assert "four" in " ".join(stage.lines("caller"))
    assert "four" not in str(logs)
