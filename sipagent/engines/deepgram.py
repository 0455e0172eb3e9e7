# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech to text by Deepgram's live WebSocket (/listen): sound as binary messages, Results as JSON, Finalize to flush."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from sipagent.engines.base import EngineError, PartialHandler, SttStream
from sipagent.engines.http import complaint, refusal
from sipagent.engines.live import LiveTurn, Understood
from sipagent.engines.pcm import wordless
from sipagent.engines.secrets import read_key, told

if TYPE_CHECKING:
    from sipagent.config import Config

TABLE = "engines.deepgram"
CLOSE_S = 1.0  # for the closing handshake
MAX_MESSAGE = 1 << 20
QUIET = logging.getLogger(f"{__name__}.connection")
QUIET.setLevel(logging.INFO)  # below it the library logs the header that carries the key


class DeepgramStt:
    """Speech to text."""

    name = "deepgram"
    flush = '{"type": "Finalize"}'

    def __init__(self, cfg: Config) -> None:
        self._settings = cfg.engines.deepgram
        self._timeout_s = cfg.dialogue.stt_timeout_s
        self._key = ""

    async def load(self) -> None:
        """Reads the key. Nothing is sent: a service that is down now may be up later."""
        self._key = read_key(self._settings, TABLE)

    async def close(self) -> None:
        """Connections end with their turns."""

    async def probe(self) -> None:
        """Whether the service can be reached and takes the key."""
        await (await self.dial(16000)).close()

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """Text of one turn."""
        if wordless(pcm, rate):
            return ""
        stream = self.stream(rate, lambda text, stable: None)
        try:
            stream.feed(pcm)
            return await stream.finish()
        finally:
            stream.cancel()

    def stream(self, rate: int, on_partial: PartialHandler) -> SttStream:
        """A new turn."""
        return LiveTurn(self, rate, on_partial, self._timeout_s)

    async def dial(self, rate: int) -> ClientConnection:
        """The end of the turn is for our own endpointing to decide."""
        asked = {"model": self._settings.model, "encoding": "linear16", "sample_rate": rate, "channels": 1}
        asked |= {"interim_results": "true", "smart_format": "true", "endpointing": "false"}
        if self._settings.language:
            asked["language"] = self._settings.language
        headers = {"Authorization": f"Token {self._key}"} if self._key else {}
        url = f"{self._settings.base_url}/listen?{urlencode(asked)}"
        try:
            async with asyncio.timeout(self._timeout_s):
                return await connect(
                    url, additional_headers=headers, compression=None, close_timeout=CLOSE_S, max_size=MAX_MESSAGE, logger=QUIET
                )
        except InvalidStatus as e:
            where, words = f"{self.name}: {self._settings.base_url}", self.told(complaint(bytes(e.response.body or b"")))
            raise refusal(where, e.response.status_code, words, e.response.headers, TABLE) from e
        except (OSError, WebSocketException) as e:
            raise EngineError(f"{self.name}: {self._settings.base_url} can't be reached: {self.told(repr(e))}") from e

    def read(self, message: str | bytes) -> Understood | None:
        """Results; Metadata and whatever else comes is not about words."""
        try:
            result = json.loads(message)
            if result["type"] == "Error":
                raise EngineError(f"{self.name}: {self.told(str(result.get('description') or result))}")
            if result["type"] != "Results":
                return None
            text = result["channel"]["alternatives"][0]["transcript"].strip()
            until_s = float(result["start"]) + float(result["duration"])
            return Understood(text, bool(result.get("is_final")), until_s, bool(result.get("from_finalize")))
        except (ValueError, TypeError, LookupError, AttributeError) as e:
            raise EngineError(f"{self.name}: a message that is not in its protocol: {self.told(str(message))}") from e

    def told(self, text: str) -> str:
        """Fit for a log."""
        return told(text, self._key)
