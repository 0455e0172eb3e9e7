# SPDX-License-Identifier: GPL-3.0-or-later
"""Deepgram's live recognition: partial texts while the caller speaks, pauses he goes on after, and every way to fail."""

from __future__ import annotations

import asyncio

import pytest

from sipagent.engines.base import EngineBusy, EngineError, EngineTimeout, SttStream
from sipagent.engines.deepgram import DeepgramStt
from sipagent.engines.live import SETTLE_S
from sipagent.testing import CodedSpeech
from tests.engines.conftest import configured
from tests.engines.deepgram_server import DeepgramServer
from tests.engines.speech_services import KEY

RATE = 16000
PACKET = 640  # 20 ms


async def engine(deepgram: DeepgramServer, timeout_s: float = 8.0) -> DeepgramStt:
    stt = DeepgramStt(configured("deepgram", deepgram.url, timeout_s))
    await stt.load()
    return stt


def speak(stream: SttStream, pcm: bytes) -> None:
    """Packet by packet, as a leg gives it."""
    for at in range(0, len(pcm), PACKET):
        stream.feed(pcm[at : at + PACKET])


async def until(condition: object, deadline_s: float = 10.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110  (it is another process's state, in all but name)
            await asyncio.sleep(0.01)


async def test_partial_texts_come_while_the_caller_speaks(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram)
    heard: list[tuple[str, bool]] = []
    stream = stt.stream(RATE, lambda text, stable: heard.append((text, stable)))
    speak(stream, speech.say("i would like", 1.5) + bytes(2 * RATE) + speech.say("a room", 1.0))
    await until(lambda: ("i would like a room", False) in heard)
    assert ("i would like", True) in heard
    assert await stream.finish() == "i would like a room"
    stream.cancel()
    assert heard[-1] == ("i would like a room", True)
    (asked,) = deepgram.asked
    assert asked["encoding"] == "linear16"
    assert asked["interim_results"] == "true"
    assert asked["model"] == "nova-3"


async def test_the_caller_goes_on_after_a_pause(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram)
    stream = stt.stream(RATE, lambda text, stable: None)
    speak(stream, speech.say("my number is", 1.0))
    assert await stream.finish() == "my number is"
    speak(stream, bytes(RATE) + speech.say("four two", 1.0))
    assert await stream.finish() == "my number is four two"
    stream.cancel()
    assert len(deepgram.asked) == 1
    assert deepgram.controls == ["Finalize", "Finalize"]
    await until(lambda: deepgram.open == 0)


async def test_an_early_answer_to_an_abandoned_finish_is_not_taken_for_the_next(
    deepgram: DeepgramServer, speech: CodedSpeech
) -> None:
    """The caller goes on while the first flush is still being worked on."""
    stt = await engine(deepgram)
    deepgram.manners.lag_s = 0.3
    stream = stt.stream(RATE, lambda text, stable: None)
    speak(stream, speech.say("first", 0.5))
    speculation = asyncio.create_task(stream.finish())
    await until(lambda: deepgram.controls == ["Finalize"])
    speculation.cancel()
    speak(stream, speech.say("second", 1.0))
    assert await stream.finish() == "first second"
    stream.cancel()


async def test_a_flush_that_nobody_answers_costs_a_second_and_no_words(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    """With little left to work on the service may stay silent."""
    stt = await engine(deepgram)
    stream = stt.stream(RATE, lambda text, stable: None)
    speak(stream, speech.say("hello there", 2.0))
    await until(lambda: deepgram.open == 1)
    deepgram.manners.mute_finalize = True
    speak(stream, bytes(PACKET * 4))
    assert await stream.finish() == "hello there"  # else it takes longer than the engine waits
    stream.cancel()


async def test_a_slow_service_is_waited_for_and_no_word_is_left_out(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    """It takes longer than an unanswered flush does, with words of an earlier pause already there."""
    stt = await engine(deepgram)
    stream = stt.stream(RATE, lambda text, stable: None)
    speak(stream, speech.say("first", 0.5))
    assert await stream.finish() == "first"
    deepgram.manners.lag_s = 1.5 * SETTLE_S
    speak(stream, speech.say("second", 1.0))
    assert await stream.finish() == "first second"
    stream.cancel()


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
async def test_sound_goes_out_at_the_rate_of_the_call(deepgram: DeepgramServer, speech: CodedSpeech, rate: int) -> None:
    stt = await engine(deepgram)
    assert await stt.transcribe(speech.say("hello", 0.5, rate), rate) == "hello"
    assert deepgram.asked[0]["sample_rate"] == str(rate)


async def test_a_dropped_connection_is_replaced_and_no_word_is_lost(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram)
    deepgram.manners.drop_after_s, deepgram.manners.drops = 1.0, 1
    stream = stt.stream(RATE, lambda text, stable: None)
    speak(stream, speech.say("before the drop", 1.5))
    await until(lambda: len(deepgram.asked) == 2)
    speak(stream, speech.say("and after", 0.5))
    assert await stream.finish() == "before the drop and after"
    stream.cancel()


async def test_a_service_that_keeps_dropping_is_an_error(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram)
    deepgram.manners.drop_after_s, deepgram.manners.drops = 0.2, 99
    with pytest.raises(EngineError, match=r"deepgram: connection lost: .*1011.*NET-0001"):
        await stt.transcribe(speech.say("hello", 1.0), RATE)
    assert len(deepgram.asked) == 2


async def test_a_silent_service_is_a_timeout(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram, timeout_s=0.6)
    deepgram.manners.silent = True
    with pytest.raises(EngineTimeout, match=r"no text within 0\.6 s"):
        await stt.transcribe(speech.say("hello", 1.0), RATE)
    await until(lambda: deepgram.open == 0)


async def test_a_handshake_that_hangs_is_an_error(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram, timeout_s=0.6)
    deepgram.manners.wait_s = 2.0
    with pytest.raises((EngineError, EngineTimeout), match=r"no text within|can't be reached"):
        await stt.transcribe(speech.say("hello", 1.0), RATE)


@pytest.mark.parametrize(
    "message",
    ["garbage", "[]", '"Results"', '{"type": "Results"}', '{"type": "Results", "start": "x", "channel": {"alternatives": []}}'],
)
async def test_garbage_is_an_error_at_once(deepgram: DeepgramServer, speech: CodedSpeech, message: str) -> None:
    stt = await engine(deepgram)
    deepgram.manners.say = message
    with pytest.raises(EngineError, match="not in its protocol"):
        await stt.transcribe(speech.say("hello", 1.0), RATE)


async def test_messages_that_are_not_about_words_are_passed_over(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram, timeout_s=0.6)
    deepgram.manners.say = '{"type": "SpeechStarted", "channel": [0, 1], "timestamp": 1.2}'
    with pytest.raises(EngineTimeout):
        await stt.transcribe(speech.say("hello", 1.0), RATE)


async def test_a_refused_key_is_not_shown(
    deepgram: DeepgramServer, speech: CodedSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECH_TEST_KEY", "wrong-0123456789")
    stt = await engine(deepgram)
    with pytest.raises(EngineError, match=r"401: no Token \*\*\*; check the key, engines.deepgram.key_env") as caught:
        await stt.transcribe(speech.say("hello", 1.0), RATE)
    assert "wrong-0" not in str(caught.value)


async def test_too_many_connections_tell_when_to_come_back(deepgram: DeepgramServer, speech: CodedSpeech) -> None:
    stt = await engine(deepgram)
    deepgram.manners.status = 429
    with pytest.raises(EngineBusy, match="answered 429") as caught:
        await stt.transcribe(speech.say("hello", 1.0), RATE)
    assert caught.value.retry_after_s == 7.0
    assert KEY not in str(caught.value)


async def test_a_service_that_is_not_there_is_an_error_of_the_turn(speech: CodedSpeech) -> None:
    stt = DeepgramStt(configured("deepgram", "ws://127.0.0.1:9/v1"))
    await stt.load()
    with pytest.raises(EngineError, match=r"ws://127.0.0.1:9/v1 can't be reached"):
        await stt.transcribe(speech.say("hello", 1.0), RATE)


async def test_a_turn_without_end_is_an_error_and_is_not_kept(deepgram: DeepgramServer) -> None:
    stt = await engine(deepgram)
    stream = stt.stream(8000, lambda text, stable: None)
    for _ in range(125):
        stream.feed(bytes(16000))
    with pytest.raises(EngineError, match="a turn of more than 120 s"):
        await stream.finish()
    stream.cancel()
