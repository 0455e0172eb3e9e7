# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech to text by OpenAI's protocol: POST /audio/transcriptions with a WAV file, whole turns. Many local servers speak it."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import TYPE_CHECKING

from sipagent.engines.base import EngineError, EngineTimeout
from sipagent.engines.http import Http
from sipagent.engines.pcm import resample, wordless

if TYPE_CHECKING:
    from sipagent.config import Config

TABLE = "engines.openai_stt"
MAX_RATE = 16000  # its models hear no more; a file at 48 kHz would only take longer to send


class OpenAiStt:
    """Speech to text."""

    name = "openai"

    def __init__(self, cfg: Config) -> None:
        self._settings = cfg.engines.openai_stt
        self._timeout_s = cfg.dialogue.stt_timeout_s
        self._http = Http(self.name, TABLE, self._settings, self._timeout_s)

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

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """Text of one turn."""
        if wordless(pcm, rate):
            return ""
        if rate > MAX_RATE:
            pcm, rate = await asyncio.to_thread(resample, pcm, rate, MAX_RATE), MAX_RATE
        form = {"model": self._settings.model, "response_format": "json"}
        if self._settings.language:
            form["language"] = self._settings.language
        file = ("turn.wav", wav(pcm, rate), "audio/wav")
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._http.request("POST", "/audio/transcriptions", data=form, files={"file": file}) as response:
                    answer = await self._http.json(response)
        except TimeoutError as e:
            raise EngineTimeout(f"{self.name}: no text within {self._timeout_s:g} s") from e
        text = answer.get("text")
        if not isinstance(text, str):
            raise EngineError(f"{self.name}: the answer has no text but {', '.join(sorted(answer)) or 'nothing'}")
        return text.strip()


def wav(pcm: bytes, rate: int) -> bytes:
    """s16le mono with its header."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return out.getvalue()
