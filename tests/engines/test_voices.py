# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech from OpenAI's and ElevenLabs' endpoints: what is asked, what comes, and every way in which it can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sipagent.config import Config
from sipagent.engines.base import EngineBusy, EngineError, EngineTimeout, Tts, Voiced
from sipagent.engines.registry import create_tts
from tests.engines.conftest import TIMEOUT_S, configured
from tests.engines.http_server import HttpServer, Mood, Response
from tests.engines.speech_services import LETTER_S, tone, with_times

TEXT = "good morning"
NAMES = {"openai": "openai_tts", "elevenlabs": "elevenlabs"}


@pytest.fixture(params=sorted(NAMES))
def service(request: pytest.FixtureRequest) -> HttpServer:
    server: HttpServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def name(service: HttpServer, request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["service"])


async def voice(name: str, server: HttpServer, timeout_s: float = 8.0, **engines: Any) -> Tts:
    tts = create_tts(name, configured(NAMES[name], server.url, timeout_s, **engines))
    await tts.load()
    return tts


async def spoken(tts: Tts, text: str = TEXT, rate: int = 16000) -> bytes:
    try:
        return b"".join([piece async for piece in tts.synthesize(text, rate)])
    finally:
        await tts.close()


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
async def test_the_sound_comes_at_the_rate_of_the_call_without_its_rests(service: HttpServer, name: str, rate: int) -> None:
    pcm = await spoken(await voice(name, service), rate=rate)
    seconds = len(pcm) / 2 / rate
    assert seconds == pytest.approx(LETTER_S * len(TEXT), abs=0.03)
    x = np.frombuffer(pcm, "<i2").astype(np.float64)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    assert np.argmax(spectrum) * rate / len(x) == pytest.approx(440, abs=3)


async def test_openai_is_asked_by_its_protocol(openai: HttpServer) -> None:
    await spoken(await voice("openai", openai, voice="coral", speed=1.25))
    (request,) = openai.requests
    wanted = {"model": "gpt-4o-mini-tts", "voice": "coral", "input": TEXT, "response_format": "pcm", "speed": 1.25}
    assert json.loads(request.body) == wanted


async def test_elevenlabs_is_asked_by_its_protocol(elevenlabs: HttpServer) -> None:
    await spoken(await voice("elevenlabs", elevenlabs, voice="a/b?c", speed=2.0), rate=8000)
    (request,) = elevenlabs.requests
    assert request.path.startswith("/v1/text-to-speech/a%2Fb%3Fc/stream/with-timestamps")
    assert request.query == "output_format=pcm_8000"
    order = json.loads(request.body)
    assert order["model_id"] == "eleven_flash_v2_5"
    assert order["voice_settings"] == {"stability": 0.5, "similarity_boost": 0.75, "speed": 1.2}


async def test_speech_begins_before_the_service_has_made_all_of_it(service: HttpServer, name: str) -> None:
    service.mood = Mood(step_s=0.02)
    tts = await voice(name, service)
    async with contextlib.aclosing(tts.synthesize(TEXT, 16000)) as pieces:
        first = await anext(pieces)
    assert 0 < len(first) < 32000 * LETTER_S * len(TEXT) / 2
    async with asyncio.timeout(10):
        await service.left_early.wait()
    await tts.close()


async def test_what_has_no_letters_is_not_asked_for(service: HttpServer, name: str) -> None:
    assert await spoken(await voice(name, service), " ... ") == b""
    assert not service.requests


@pytest.mark.parametrize(
    ("mood", "error", "words"),
    [
        (Mood(instead=Response(b'{"detail": {"message": "no such voice"}}', 404)), EngineError, "answered 404: no such voice"),
        (
            Mood(instead=Response(b'{"error": {"message": "no"}}')),
            EngineError,
            "the answer is application/json, not sound|no sound",
        ),
        (Mood(instead=Response(b"", kind="audio/pcm")), EngineError, "no sound"),
        (Mood(instead=Response(bytes(48000), kind="audio/pcm")), EngineError, "no sound"),
        (Mood(cut_after=10010), EngineError, "RemoteProtocolError"),
        (Mood(deaf=True), EngineError, "RemoteProtocolError|ReadError"),
        (Mood(wait_s=30), EngineTimeout, "did not answer in 1 s"),
        (Mood(step_s=5), EngineTimeout, "did not answer in 1 s"),
        (Mood(instead=Response(b"", 429, headers={"Retry-After": "3"})), EngineBusy, "answered 429"),
        (Mood(instead=Response(tone("x" * 2200, 48000), kind="audio/pcm", step=1 << 16)), EngineError, "more than 120 s"),
    ],
)
async def test_what_goes_wrong_is_an_engine_error_that_says_what(
    service: HttpServer, name: str, mood: Mood, error: type[EngineError], words: str
) -> None:
    service.mood = as_sent_by(name, mood)
    with pytest.raises(error, match=words):
        await spoken(await voice(name, service, timeout_s=1.0 if error is EngineTimeout else TIMEOUT_S))


def as_sent_by(name: str, mood: Mood) -> Mood:
    """Raw sound, in the service's own wrapping."""
    sound = mood.instead
    if name != "elevenlabs" or sound is None or sound.kind != "audio/pcm":
        return mood
    return replace(mood, instead=replace(sound, body=with_times(sound.body, step=1 << 16)))


@pytest.mark.parametrize(
    "line",
    [
        b"<html>",
        b"[]",
        b'{"audio_base64": "%%%"}',
        b'{"audio_base64": 7}',
        b'{"alignment": 7}',
        b'{"alignment": {"characters": 1}}',
    ],
)
async def test_lines_that_are_not_in_the_protocol_are_an_error(elevenlabs: HttpServer, line: bytes) -> None:
    elevenlabs.mood = Mood(instead=Response(line + b"\n"))
    with pytest.raises(EngineError, match="a line that is not in its protocol"):
        await spoken(await voice("elevenlabs", elevenlabs))


async def test_a_line_without_end_is_an_error(elevenlabs: HttpServer) -> None:
    elevenlabs.mood = Mood(instead=Response(b"x" * (5 << 20), step=1 << 20))
    with pytest.raises(EngineError, match=r"a line of more than \d+ bytes"):
        await spoken(await voice("elevenlabs", elevenlabs))


@pytest.mark.parametrize("rate", [8000, 48000])
async def test_elevenlabs_tells_when_each_word_is_over(elevenlabs: HttpServer, rate: int) -> None:
    tts = await voice("elevenlabs", elevenlabs)
    text = "one two  three"
    words = [word async for piece in tts.synthesize(text, rate) if isinstance(piece, Voiced) for word in piece.words]
    assert [text[: word.chars] for word in words] == ["one", "one two"]
    for word, begins in zip(words, (4, 9), strict=True):
        assert word.sample / rate == pytest.approx(begins * LETTER_S, abs=0.006)
    await tts.close()


async def test_letters_that_are_not_of_the_text_tell_nothing(elevenlabs: HttpServer) -> None:
    elevenlabs.mood = Mood(instead=Response(with_times(tone("three and a half", 16000), text="three and a half")))
    tts = await voice("elevenlabs", elevenlabs)
    assert not [piece for piece in [p async for p in tts.synthesize("3.5 is it", 16000)] if isinstance(piece, Voiced)]
    await tts.close()


async def test_what_came_before_a_cut_is_heard(service: HttpServer, name: str) -> None:
    service.mood = Mood(cut_after=20020)
    tts = await voice(name, service)
    pieces: list[bytes] = []

    async def listen() -> None:
        async for piece in tts.synthesize(TEXT, 16000):
            pieces.append(piece)

    with pytest.raises(EngineError):
        await listen()
    assert len(b"".join(pieces)) > 2000
    await tts.close()


async def test_a_refused_key_is_not_shown(service: HttpServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH_TEST_KEY", "sk-wrong-0123456789")
    with pytest.raises(EngineError, match=rf"answered 401: .*check the key, engines.{NAMES[name]}.key_env") as caught:
        await spoken(await voice(name, service))
    assert "sk-wrong" not in str(caught.value)


async def test_the_loop_is_not_held_by_a_long_answer(service: HttpServer, name: str) -> None:
    """A whole clause may come at once; other calls' packets wait no longer than for a piece of it."""
    service.mood = as_sent_by(name, Mood(instead=Response(tone("x" * 400, 24000), kind="audio/pcm", step=1 << 20)))
    tts = await voice(name, service)
    steps = 0

    async def others() -> None:
        nonlocal steps
        while True:
            await asyncio.sleep(0)
            steps += 1

    beside = asyncio.create_task(others())
    pieces = 0
    async for _ in tts.synthesize(TEXT, 16000):
        pieces += 1
    beside.cancel()
    assert steps >= pieces > 50
    await tts.close()


@pytest.mark.parametrize("name", ["espeak", "piper"])
async def test_speed_changes_the_length_of_what_is_said_here(name: str) -> None:
    lengths = []
    for speed in (1.0, 2.0):
        tree = {"engines": {"threads": 1, "speed": speed}, "dialogue": {"tts_timeout_s": 60}}
        tts = create_tts(name, Config.model_validate(tree))
        await tts.load()
        lengths.append(len(await spoken(tts, "Good morning, how can I help you today?")))
    assert 0.4 < lengths[1] / lengths[0] < 0.75
