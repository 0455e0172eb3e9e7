# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to speech by ElevenLabs: POST /text-to-speech/VOICE/stream, raw PCM as it is made."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sipagent.engines.base import EngineError
from sipagent.engines.http import Http
from sipagent.engines.voice import pronounceable, speech

if TYPE_CHECKING:
    from sipagent.config import Config

TABLE = "engines.elevenlabs"
RATES = (8000, 16000, 24000)  # of output_format pcm_RATE; higher ones are for some plans only
SLOWEST, FASTEST = 0.7, 1.2  # voice_settings.speed


def api_key(key: str) -> Mapping[str, str]:
    """The service's own header."""
    return {"xi-api-key": key}


class ElevenLabsTts:
    """Text to speech."""

    name = "elevenlabs"

    def __init__(self, cfg: Config) -> None:
        self._settings = cfg.engines.elevenlabs
        self.voice = cfg.engines.voice or self._settings.voice
        self.speed = cfg.engines.speed
        self._http = Http(self.name, TABLE, self._settings, cfg.dialogue.tts_timeout_s, api_key)

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
        """Speech at `rate`; what is above 24 kHz is resampled from it."""
        if not pronounceable(text):
            return
        source_rate = rate if rate in RATES else max(RATES)
        path = f"/text-to-speech/{quote(self.voice, safe='')}/stream?output_format=pcm_{source_rate}"
        async with self._http.request("POST", path, json=self._order(text)) as response:
            kind = response.headers.get("content-type", "")
            if "json" in kind or kind.startswith("text/"):
                raise EngineError(f"{self.name}: the answer is {kind}, not sound")
            async with contextlib.aclosing(speech(response.aiter_bytes(), source_rate, rate, self.name)) as pieces:
                async for piece in pieces:
                    yield piece

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """What costs money is not said in advance."""

    def _order(self, text: str) -> dict[str, Any]:
        manner = {"stability": self._settings.stability, "similarity_boost": self._settings.similarity}
        if self.speed != 1.0:
            manner["speed"] = min(FASTEST, max(SLOWEST, self.speed))
        return {"text": text, "model_id": self._settings.model, "voice_settings": manner}
