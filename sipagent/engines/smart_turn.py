# SPDX-License-Identifier: GPL-3.0-or-later
"""Smart Turn v3: whether a caller has finished, by how the last 8 s of his turn sound. An ONNX model of 8.7 MB (BSD-2-Clause)
that pipecat-ai's wheel carries; it is not shipped here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sipagent.engines.base import EngineError, EngineMissing, import_package
from sipagent.engines.logmel import RATE, log_mel
from sipagent.engines.pcm import Resampler
from sipagent.engines.workers import Workers

if TYPE_CHECKING:
    from sipagent.config import Config

LONGEST = 8 * RATE
TIMEOUT_S = 1.0  # the turn is over by silence before that
PACKAGE = "pipecat"
FILES = "audio/turn/smart_turn/data/smart-turn-v3*-cpu.onnx"
FIX = "set engines.turn_model to a smart-turn-v3 ONNX file (pip install pipecat-ai brings one)"


class SmartTurn:
    """A second opinion on the end of turn."""

    name = "smart-turn"

    def __init__(self, cfg: Config) -> None:
        self._path = cfg.engines.turn_model
        self._workers = Workers(self.name, cfg.engines.threads, self._open, TIMEOUT_S)

    async def load(self) -> None:
        """Loads one model for each worker and runs it once."""
        await self._workers.start()

    async def close(self) -> None:
        """Models go with their threads."""
        await self._workers.close()

    async def over(self, pcm: bytes, rate: int) -> float:
        """Probability that the turn ends with `pcm`."""
        return await self._workers.run(lambda model: _judge(model, pcm, rate))

    def _open(self) -> Any:
        onnxruntime = import_package("onnxruntime", "engines.turn = smart-turn", "pip install onnxruntime")
        path = self._path or _in_package()
        if path is None or not path.is_file():
            raise EngineMissing(f"engines.turn = smart-turn: {path or 'the model'} is not there; {FIX}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            model = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            _judge(model, bytes(2 * RATE), RATE)
        except Exception as e:
            raise EngineMissing(f"engines.turn = smart-turn: {path} is no smart-turn-v3 model ({e}); {FIX}") from e
        return model


def _in_package() -> Path | None:
    """Found without importing it: that takes seconds."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec is not None and spec.submodule_search_locations else []
    return max((path for place in places for path in Path(place).glob(FILES)), default=None)


def _judge(model: Any, pcm: bytes, rate: int) -> float:
    """The end of the sound stands at the end of the 8 s."""
    resampler = Resampler(rate, RATE)
    pcm = resampler.run(pcm[-2 * 8 * rate :]) + resampler.finish()
    x = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0
    x = np.pad(x, (max(0, LONGEST - len(x)), 0))[-LONGEST:]
    try:
        return float(model.run(None, {"input_features": log_mel(x)[None]})[0].item())
    except Exception as e:
        raise EngineError(f"smart-turn: {e}") from e
