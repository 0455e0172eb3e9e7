# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenAI's transcription endpoint: what is asked, and every way in which it can go wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sipagent.config import Config
from sipagent.engines.base import EngineBusy, EngineError, EngineMissing, EngineTimeout
from sipagent.engines.openai_stt import OpenAiStt
from sipagent.testing import CodedSpeech
from tests.engines.conftest import TIMEOUT_S, configured
from tests.engines.http_server import HttpServer, Mood, Response
from tests.engines.speech_services import KEY, form_of

RATE = 8000


async def heard(openai: HttpServer, pcm: bytes, timeout_s: float = 8.0) -> str:
    stt = OpenAiStt(configured("openai_stt", openai.url, timeout_s))
    await stt.load()
    try:
        return await stt.transcribe(pcm, RATE)
    finally:
        await stt.close()


async def test_a_turn_is_sent_as_a_wav_file_with_model_and_language(openai: HttpServer, speech: CodedSpeech) -> None:
    assert await heard(openai, speech.say("a table for two", 1.0, RATE)) == "a table for two"
    (request,) = openai.requests
    form = form_of(request)
    assert form["model"] == b"gpt-4o-mini-transcribe"
    assert form["language"] == b"en"
    assert form["file"][:4] == b"RIFF"


async def test_sound_too_short_for_a_word_is_not_sent(openai: HttpServer) -> None:
    assert await heard(openai, bytes(2 * RATE // 20)) == ""
    assert not openai.requests


async def test_the_connection_is_kept_for_the_next_turn(openai: HttpServer, speech: CodedSpeech) -> None:
    stt = OpenAiStt(configured("openai_stt", openai.url))
    await stt.load()
    for text in ("one", "two", "three"):
        assert text in await stt.transcribe(speech.say(text, 0.5, RATE), RATE)
    await stt.close()
    assert openai.opened == 1


@pytest.mark.parametrize(
    ("mood", "error", "words"),
    [
        (Mood(instead=Response(b'{"error": {"message": "overloaded"}}', 500)), EngineError, "answered 500: overloaded"),
        (Mood(instead=Response(b"<html>bad gateway", 502)), EngineError, "answered 502: <html>bad gateway"),
        (Mood(instead=Response(b"", 307, headers={"Location": "http://127.0.0.1:9/"})), EngineError, "answered 307"),
        (Mood(instead=Response(b"not json at all")), EngineError, "no JSON object: not json at all"),
        (Mood(instead=Response(b'["text"]')), EngineError, "no JSON object"),
        (Mood(instead=Response(b'{"transcript": "x"}')), EngineError, "no text but transcript"),
        (Mood(instead=Response(b'{"text": "half of', step=4), cut_after=4), EngineError, "RemoteProtocolError"),
        (Mood(deaf=True), EngineError, "RemoteProtocolError|ReadError"),
        (Mood(wait_s=30), EngineTimeout, "did not answer in|no text within"),
        (Mood(step_s=0.4, instead=Response(b'{"text": "dripping away"}', step=1)), EngineTimeout, "no text within 1 s"),
    ],
)
async def test_what_goes_wrong_is_an_engine_error_that_says_what(
    openai: HttpServer, speech: CodedSpeech, mood: Mood, error: type[EngineError], words: str
) -> None:
    openai.mood = mood
    with pytest.raises(error, match=words):
        await heard(openai, speech.say("hello", 0.5, RATE), timeout_s=1.0 if error is EngineTimeout else TIMEOUT_S)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), (None, None)])
async def test_too_many_requests_tell_when_to_come_back(
    openai: HttpServer, speech: CodedSpeech, header: str | None, seconds: float | None
) -> None:
    headers = {"Retry-After": header} if header else {}
    openai.mood = Mood(instead=Response(b'{"error": {"message": "slow down"}}', 429, headers=headers))
    with pytest.raises(EngineBusy, match="answered 429: slow down") as caught:
        await heard(openai, speech.say("hello", 0.5, RATE))
    assert caught.value.retry_after_s == seconds


async def test_a_refused_key_is_named_by_its_place_and_never_shown(
    openai: HttpServer, speech: CodedSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECH_TEST_KEY", "sk-wrong-0123456789")
    with pytest.raises(
        EngineError, match=r"401: Incorrect API key provided: \*\*\*.*check the key, engines.openai_stt"
    ) as caught:
        await heard(openai, speech.say("hello", 0.5, RATE))
    assert "sk-wrong" not in str(caught.value)


async def test_a_service_that_is_not_there_is_an_error_of_the_turn(speech: CodedSpeech) -> None:
    stt = OpenAiStt(configured("openai_stt", "http://127.0.0.1:9/v1"))
    await stt.load()
    with pytest.raises(EngineError, match=r"http://127.0.0.1:9/v1: ConnectError"):
        await stt.transcribe(speech.say("hello", 0.5, RATE), RATE)
    await stt.close()


async def test_who_stops_waiting_hangs_up_on_the_service(openai: HttpServer, speech: CodedSpeech) -> None:
    openai.mood = Mood(wait_s=60)
    task = asyncio.create_task(heard(openai, speech.say("hello", 0.5, RATE)))
    async with asyncio.timeout(10):
        await openai.asked.wait()
        task.cancel()
        await openai.left_early.wait()


async def test_keys_come_from_a_file_too(openai: HttpServer, speech: CodedSpeech, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    tree = {"engines": {"openai_stt": {"base_url": openai.url, "key_env": "", "key_file": str(file)}}}
    stt = OpenAiStt(Config.model_validate(tree))
    await stt.load()
    assert await stt.transcribe(speech.say("from a file", 0.5, RATE), RATE) == "from a file"
    await stt.close()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"key_env": "NO_SUCH_VARIABLE_HERE"}, "environment variable NO_SUCH_VARIABLE_HERE holds no key; set it"),
        ({"key_file": "none.key"}, "none.key can't be read"),
    ],
)
async def test_a_missing_key_is_found_at_start(table: dict[str, str], words: str) -> None:
    stt = OpenAiStt(Config.model_validate({"engines": {"openai_stt": table}}))
    with pytest.raises(EngineMissing, match=words):
        await stt.load()
