# SPDX-License-Identifier: GPL-3.0-or-later
"""Every adapter keeps the rules of its role."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipagent.config import Config
from sipagent.engines import registry
from sipagent.engines.base import EngineError
from sipagent.testing.conformance import check_stt, check_tts
from sipagent.testing.speech import CodedSpeech
from tests.engines.conftest import configured
from tests.engines.deepgram_server import DeepgramServer
from tests.engines.http_server import HttpServer
from tests.engines.speech_services import ElevenLabs, OpenAi, tone

PEAK = 16000
PROMPT = Path("/usr/share/asterisk/sounds/en/vm-goodbye.wav")


def word(name: str) -> bytes:
    """One word at 8 kHz, with its peak in one place for services that cut it where they like."""
    if name not in ("openai", "deepgram"):
        return human()
    soft = np.frombuffer(tone("goodbye goodbye", 8000), "<i2").copy()
    soft[-2800:-2400] *= 3
    return soft.tobytes()


def human() -> bytes:
    """A woman says "Goodbye", 8 kHz."""
    with wave.open(str(PROMPT)) as file:
        return bytes(file.readframes(file.getnframes()))


def local(**engines: Any) -> Config:
    """Time-outs for a machine that has other work."""
    return Config.model_validate({"engines": engines, "dialogue": {"stt_timeout_s": 60, "tts_timeout_s": 60}})


class OneWord(CodedSpeech):
    """What a service hears: the word is where its loudest part is, wherever results are cut."""

    def read(self, pcm: bytes) -> str:
        return "goodbye" if loud(pcm, PEAK) else ""


@contextlib.asynccontextmanager
async def recogniser(name: str) -> AsyncIterator[Config]:
    """A configuration with which the engine can work."""
    if name == "openai":
        async with HttpServer(OpenAi(OneWord())) as server:
            yield configured("openai_stt", server.url)
    elif name == "deepgram":
        async with DeepgramServer(OneWord()) as live:
            yield configured("deepgram", live.url)
    else:
        yield local(threads=1)


@contextlib.asynccontextmanager
async def voice(name: str) -> AsyncIterator[Config]:
    """The same for a voice."""
    if name in ("openai", "elevenlabs"):
        async with HttpServer(OpenAi(OneWord()) if name == "openai" else ElevenLabs()) as server:
            yield configured("openai_tts" if name == "openai" else "elevenlabs", server.url)
    else:
        yield local(threads=2)


@pytest.mark.parametrize("name", sorted(registry.STTS))
async def test_recognition(name: str) -> None:
    async with recogniser(name) as cfg:
        await check_stt(lambda: registry.create_stt(name, cfg), speech=word(name), rate=8000, text="goodbye")


@pytest.mark.parametrize("name", sorted(registry.TTSS))
async def test_voices(name: str) -> None:
    async with voice(name) as cfg:
        await check_tts(lambda: registry.create_tts(name, cfg))


def loud(pcm: bytes, level: int = 1000) -> bool:
    return bool(np.any(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > level))


async def test_the_example_of_the_documentation_keeps_them_but_for_its_words() -> None:
    file = Path(__file__).parent / "example_package" / "acme_speech.py"
    spec = importlib.util.spec_from_file_location("acme_speech", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(AssertionError, match=r"acme: 0\.005 s of silence are no words, not '0\.005 seconds'"):
        await check_stt(lambda: module.AcmeStt(Config()), speech=human(), rate=8000, text="goodbye")


class Ears:
    """An Stt whose every fault can be switched on."""

    name = "faulty"

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.was_cancelled = False

    async def load(self) -> None:
        if self.fault == "task":
            self.task = asyncio.create_task(asyncio.sleep(1000))

    async def close(self) -> None:
        pass

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        if self.fault == "rate" and rate == 48000:
            return "chipmunk"
        if self.fault == "cancel" and self.was_cancelled:
            raise EngineError("broken for ever")
        try:
            await asyncio.sleep(0.3 if self.fault == "cancel" else 0.05)  # longer than a stall before the cancellation
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if self.fault == "noise":
            return "you"
        return ("goodbye " if self.fault == "blank" else "goodbye") if loud(pcm) else ""


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("noise", "are no words"),
        ("rate", "heard 'chipmunk'"),
        ("blank", "without blanks"),
        ("task", "leaves tasks running"),
        ("cancel", "broken for ever"),
    ],
)
async def test_a_broken_rule_of_recognition_is_named(monkeypatch: pytest.MonkeyPatch, fault: str, words: str) -> None:
    if fault == "task":
        monkeypatch.setattr("sipagent.testing.conformance.PATIENCE_S", 5.0)
    with pytest.raises((AssertionError, EngineError), match=words):
        await check_stt(lambda: Ears(fault), speech=human(), rate=8000, text="goodbye")


class Mouth:
    """A Tts whose every fault can be switched on."""

    name = "faulty"
    voice, speed = "", 1.0

    def __init__(self, fault: str) -> None:
        self.fault = fault

    async def load(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        pass

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(0.05)
        if not any(c.isalnum() for c in text) and self.fault != "mute":
            return
        if "<" in text and self.fault == "markup":
            return
        pcm = tone(text or "x", 16000 if self.fault == "rate" else rate)
        if self.fault != "rests":
            pcm = pcm.strip(b"\0")
            pcm = pcm[: len(pcm) & ~1]
        step = 1001 if self.fault == "odd" else 1000
        for at in range(0, len(pcm), step):
            yield pcm[at : at + step]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("odd", "cuts a sample in two"),
        ("rate", "as long at every rate"),
        ("rests", "s of silence before"),
        ("mute", "can't be spoken"),
        ("markup", "no sound for 'Is 3 < 5"),
    ],
)
async def test_a_broken_rule_of_voices_is_named(fault: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        await check_tts(lambda: Mouth(fault))


async def test_an_engine_without_faults_passes() -> None:
    await check_stt(lambda: Ears(""), speech=human(), rate=8000, text="goodbye")
    await check_tts(lambda: Mouth(""))
