# SPDX-License-Identifier: GPL-3.0-or-later
"""Moonshine speech to text (tiny-en inside the package), whole turns cut by our own endpointing.

Its library finds speech itself unless `vad_threshold` is 0; then it takes the audio as it is. Each worker thread has its own
model: the library serialises calls on one.
"""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sipagent.engines.base import EngineError, EngineMissing, import_package
from sipagent.engines.workers import Workers

if TYPE_CHECKING:
    from sipagent.config import Config

FIX = "pip install moonshine-voice==0.0.73 (later versions carry no model)"
OPTIONS = {"vad_threshold": "0.0", "return_audio_data": "false", "identify_speakers": "false"}
MODEL_FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
MIN_S = 0.1  # shorter audio holds no word


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
        if len(pcm) < 2 * MIN_S * rate:
            return ""
        return await self._workers.run(lambda model: model.decode(pcm, rate))

    def _open(self) -> _Model:
        transcriber = import_package("moonshine_voice.transcriber", "engines.stt = moonshine", FIX)
        api = import_package("moonshine_voice.moonshine_api", "engines.stt = moonshine", FIX)
        path = self._path or Path(transcriber.__file__ or "").parent / "assets" / "tiny-en"
        missing = [name for name in MODEL_FILES if not (path / name).is_file()]
        if missing:
            fix = "set engines.model_path to a directory that has them" if self._path else FIX
            raise EngineMissing(f"engines.stt = moonshine: {path} lacks {', '.join(missing)}; {fix}")
        with self._opening:
            model = _Model(transcriber.Transcriber(path, api.ModelArch.TINY, options=OPTIONS), api.TranscriptC)
        model.decode(bytes(16000), 16000)
        return model


class _Model:
    """One loaded model. The library's own Python call makes an object of each sample under the GIL, which stalls the event
    loop; this one hands the array to the same C function."""

    def __init__(self, transcriber: Any, result_type: Any) -> None:
        self._t = transcriber
        self._result = ctypes.POINTER(result_type)

    def decode(self, pcm: bytes, rate: int) -> str:
        audio = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0
        result = self._result()
        samples = audio.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        code = self._t._lib.moonshine_transcribe_without_streaming(
            self._t._handle, samples, len(audio), rate, 0, ctypes.byref(result)
        )
        if code < 0:
            raise EngineError(f"moonshine: {self._t._lib.moonshine_error_to_string(code).decode(errors='replace')}")
        return " ".join(line.text.strip() for line in self._t._parse_transcript(result).lines).strip()
