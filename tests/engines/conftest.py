# SPDX-License-Identifier: GPL-3.0-or-later
"""Services on loopback, and configurations that point at them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sipagent.config import Config
from sipagent.testing import CodedSpeech
from tests.engines.deepgram_server import DeepgramServer
from tests.engines.http_server import HttpServer
from tests.engines.speech_services import KEY, ElevenLabs, OpenAi

TIMEOUT_S = 8.0  # of engines whose service is well: far above what a slow machine needs
KEYS = {"key_env": "SPEECH_TEST_KEY"}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS["key_env"], KEY)


@pytest.fixture
def speech() -> CodedSpeech:
    return CodedSpeech()


@pytest_asyncio.fixture
async def openai(speech: CodedSpeech) -> AsyncIterator[HttpServer]:
    async with HttpServer(OpenAi(speech)) as server:
        yield server


@pytest_asyncio.fixture
async def elevenlabs() -> AsyncIterator[HttpServer]:
    async with HttpServer(ElevenLabs()) as server:
        yield server


@pytest_asyncio.fixture
async def deepgram(speech: CodedSpeech) -> AsyncIterator[DeepgramServer]:
    async with DeepgramServer(speech) as server:
        yield server


def configured(table: str, url: str, timeout_s: float = TIMEOUT_S, **engines: Any) -> Config:
    """`table` of [engines] points at `url`."""
    tree = {"engines": {table: {"base_url": url, **KEYS}, **engines}}
    return Config.model_validate(tree | {"dialogue": {"stt_timeout_s": timeout_s, "tts_timeout_s": timeout_s}})
