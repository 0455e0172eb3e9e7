# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to speech by OpenAI's protocol: POST /audio/speech, raw PCM as it is made. Many local servers speak it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from sipagent.engines.base import EngineError
from sipagent.engines.http import Http
from sipagent.engines.voice import pronounceable, speech

if TYPE_CHECKING:
    from sipagent.config import Config

TABLE = "engines.openai_tts"


class OpenAiTts:
    """Text to speech."""

    name = "openai"

    def __init__(self, cfg: Config) -> None:
        self._settings = cfg.engines.openai_tts
        self.voice = cfg.engines.voice or self._settings.voice
        self.speed = cfg.engines.speed
        self._http = Http(self.name, TABLE, self._settings, cfg.dialogue.tts_timeout_s)

    async def load(self) -> None:
        """Reads the key."""
        self._http.open()

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.close()

    async def probe(self) -> None:
        """Whether the service can be reached and takes the key."""
        async with self._http.request("GET", "/models"):
            pass

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Speech at `rate`."""
        if not pronounceable(text):
            return
        order = {"model": self._settings.model, "voice": self.voice, "input": text, "response_format": "pcm"}
        if self._settings.instructions:
            order["instructions"] = self._settings.instructions
        body = order if self.speed == 1.0 else {**order, "speed": self.speed}
        async with self._http.request("POST", "/audio/speech", json=body) as response:
            kind = response.headers.get("content-type", "")
            if "json" in kind or kind.startswith("text/"):
                raise EngineError(f"{self.name}: the answer is {kind}, not sound")
            async with contextlib.aclosing(speech(response.aiter_bytes(), self._settings.rate, rate, self.name)) as pieces:
                async for piece in pieces:
                    yield piece

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """What costs money is not said in advance."""
