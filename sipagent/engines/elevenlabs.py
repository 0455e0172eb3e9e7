# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to speech by ElevenLabs: POST /text-to-speech/VOICE/stream/with-timestamps. Lines of JSON come as they are made, each
with raw PCM in base64 and the times of the letters in it, in seconds from the beginning of the sound."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sipagent.engines.base import EngineError, Voiced, WordEnd
from sipagent.engines.http import Http
from sipagent.engines.secrets import told
from sipagent.engines.voice import pronounceable, speech

if TYPE_CHECKING:
    from sipagent.config import Config

TABLE = "engines.elevenlabs"
RATES = (8000, 16000, 24000)  # of output_format pcm_RATE; higher ones are for some plans only
MAX_LINE = 4 << 20
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
        path = f"/text-to-speech/{quote(self.voice, safe='')}/stream/with-timestamps?output_format=pcm_{source_rate}"
        async with self._http.request("POST", path, json=self._order(text)) as response:
            sound = self._sound(response.aiter_bytes(), text, source_rate)
            async with contextlib.aclosing(speech(sound, source_rate, rate, self.name)) as pieces:
                async for piece in pieces:
                    yield piece

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """What costs money is not said in advance."""

    def _order(self, text: str) -> dict[str, Any]:
        manner = {"stability": self._settings.stability, "similarity_boost": self._settings.similarity}
        if self.speed != 1.0:
            manner["speed"] = min(FASTEST, max(SLOWEST, self.speed))
        return {"text": text, "model_id": self._settings.model, "voice_settings": manner}

    async def _sound(self, body: AsyncIterable[bytes], text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """PCM at `rate` with what words end in it."""
        letters = _Letters(text, rate)
        async for line in _lines(body, self.name):
            try:
                said = json.loads(line)
                pcm = base64.b64decode(said.get("audio_base64") or "", validate=True)
                words = letters.take(said.get("alignment") or {})
            except (ValueError, TypeError, AttributeError) as e:
                raise EngineError(f"{self.name}: a line that is not in its protocol: {told(repr(line), '')}") from e
            yield Voiced(pcm, words)


class _Letters:
    """Times of letters become ends of words, as long as the letters are those of the text."""

    def __init__(self, text: str, rate: int) -> None:
        self._text = text
        self._rate = rate
        self._said = ""

    def take(self, alignment: Mapping[str, Any]) -> list[WordEnd]:
        """A word is over when the next one begins. Raises TypeError, ValueError for times that are none."""
        ends = []
        starts = alignment.get("character_start_times_seconds", [])
        for letter, start_s in zip(alignment.get("characters", []), starts, strict=False):
            if not letter.isspace() and self._said[-1:].isspace():
                ends.append(WordEnd(len(self._said.rstrip()), int(float(start_s) * self._rate)))
            self._said = (self._said + letter).lstrip()
        return ends if self._text.startswith(self._said) else []


async def _lines(body: AsyncIterable[bytes], name: str) -> AsyncGenerator[bytes, None]:
    """Lines that are not empty."""
    held = b""
    async for piece in body:
        *whole, held = (held + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(held) > MAX_LINE:
            raise EngineError(f"{name}: a line of more than {MAX_LINE} bytes")
    if held.strip():
        yield held
