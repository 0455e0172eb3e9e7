# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller's speech: piper's voice, rendered before the call and kept in the cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from sipagent import engines
from sipagent.config import Config
from sipagent.wavfile import write_wav


def cache_dir() -> Path:
    """Where rendered speech is kept: $SIPAGENT_CACHE/voices, by default ~/.cache/sipagent/voices."""
    return Path(os.environ.get("SIPAGENT_CACHE", Path.home() / ".cache" / "sipagent")) / "voices"


def cached_path(directory: Path, engine: str, text: str, rate: int) -> Path:
    """One file for each text, rate, engine and its version."""
    key = "|".join((engine, version("piper-tts") if engine == "piper" else "", str(rate), text))
    return directory / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.wav"


async def render(
    texts: Sequence[str],
    rate: int,
    *,
    engine: str = "piper",
    directory: Path | None = None,
    told: Callable[[str], object] = print,
) -> list[Path]:
    """A WAV (s16, mono, `rate`) for each text. The engine is loaded only when one is missing."""
    room = directory if directory is not None else cache_dir()
    paths = [cached_path(room, engine, text, rate) for text in texts]
    missing = [(text, path) for text, path in zip(texts, paths, strict=True) if not path.exists()]
    if missing:
        room.mkdir(parents=True, exist_ok=True)
        cfg = Config()
        tts = engines.create_tts(engine, cfg)
        await tts.load()
        try:
            for number, (text, path) in enumerate(missing, 1):
                told(f"rendering the caller's voice ({engine}): {number}/{len(missing)}")
                pcm = b"".join([piece async for piece in tts.synthesize(text, rate)])
                part = path.with_suffix(f".{os.getpid()}")
                write_wav(part, rate, 1, pcm)
                part.replace(path)
        finally:
            await tts.close()
    return paths
