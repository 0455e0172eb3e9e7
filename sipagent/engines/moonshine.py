# SPDX-License-Identifier: GPL-3.0-or-later
"""Moonshine speech to text (tiny-en inside the package), whole turns cut by our own endpointing.

Its library finds speech itself unless `vad_threshold` is 0; then it takes the audio as it is. Each worker thread has its own
model: the library serialises calls on one.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sipagent.engines.base import EngineError, EngineMissing, import_package
from sipagent.engines.pcm import wordless
from sipagent.engines.workers import Workers

if TYPE_CHECKING:
    from sipagent.config import Config

FIX = "pip install moonshine-voice==0.0.73 (later versions carry no model)"
OPTIONS = {"vad_threshold": "0.0", "return_audio_data": "false", "identify_speakers": "false"}
MODEL_FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
FIXED_S = 0.5  # a decoding costs as much as so much speech, besides its own
# A second thread of the library spins: 3 s of speech in 80 ms and 163 ms of CPU with it, in 74 ms and 74 ms without.
ONE_THREAD = ("MOONSHINE_ORT_SINGLE_THREAD", "1")


class MoonshineStt:
    """Speech to text."""

    name = "moonshine"

    def __init__(self, cfg: Config) -> None:
        self._path = cfg.engines.model_path
        self._opening = threading.Lock()  # the library finds its .so once, without a lock
        self._workers = Workers(self.name, cfg.engines.threads, self._open, cfg.dialogue.stt_timeout_s)

    async def load(self) -> None:
        """Loads one model for each worker and runs it once."""
        await self._workers.start()

    async def close(self) -> None:
        """Models go with their threads."""
        await self._workers.close()

    @property
    def busy(self) -> int:
        """Turns being decoded or waiting."""
        return self._workers.busy

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """Text of one turn."""
        if wordless(pcm, rate):
            return ""
        return await self._workers.run(lambda model: _decode(model, pcm, rate), size=FIXED_S + len(pcm) / 2 / rate)

    def _open(self) -> Any:
        transcriber = import_package("moonshine_voice.transcriber", "engines.stt = moonshine", FIX)
        api = import_package("moonshine_voice.moonshine_api", "engines.stt = moonshine", FIX)
        path = self._path or Path(transcriber.__file__ or "").parent / "assets" / "tiny-en"
        missing = [name for name in MODEL_FILES if not (path / name).is_file()]
        if missing:
            fix = "set engines.model_path to a directory that has them" if self._path else FIX
            raise EngineMissing(f"engines.stt = moonshine: {path} lacks {', '.join(missing)}; {fix}")
        os.environ.setdefault(*ONE_THREAD)
        with self._opening:
            model = transcriber.Transcriber(path, api.ModelArch.TINY, options=OPTIONS)
        _decode(model, bytes(16000), 16000)
        return model


def _decode(model: Any, pcm: bytes, rate: int) -> str:
    """The library wants a list; making its array holds the GIL for some 1 ms a second of speech."""
    audio = (np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0).tolist()
    try:
        lines = model.transcribe_without_streaming(audio, rate).lines
    except Exception as e:
        raise EngineError(f"moonshine: {e}") from e
    return " ".join(line.text.strip() for line in lines).strip()
