# SPDX-License-Identifier: GPL-3.0-or-later
"""WAV files as s16le mono at the rate that is needed."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from sipagent.engines.pcm import resample


def write_wav(path: Path, rate: int, channels: int, pcm: bytes) -> None:
    """s16le, interleaved when there are several channels."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)


class WavError(ValueError):
    """Not a file that can be played; the text names it and the fix."""


def read_wav(path: Path, rate: int) -> bytes:
    """All of a 16-bit PCM WAV file as s16le mono at `rate` Hz; several channels are averaged. Blocks on the disk."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, source_rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            pcm = file.readframes(file.getnframes())
    except OSError as exc:
        raise WavError(f"{path}: {exc.strerror or exc}") from exc
    except (wave.Error, EOFError) as exc:
        raise WavError(f"{path}: not a PCM WAV file ({exc}); convert it: sox {path} -b 16 -e signed out.wav") from exc
    if width != 2 or not 1000 <= source_rate <= 384_000:
        raise WavError(
            f"{path}: {8 * width} bits at {source_rate} Hz; 16 bits are needed, convert it: sox {path} -b 16 -e signed out.wav"
        )
    if channels > 1:
        whole = len(pcm) - len(pcm) % (2 * channels)
        pcm = np.frombuffer(pcm[:whole], "<i2").reshape(-1, channels).mean(axis=1).astype("<i2").tobytes()
    return resample(pcm, source_rate, rate)
