# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-mel spectrogram, the way Whisper's encoder and its descendants want it: 16 kHz, frames of 25 ms every 10 ms, 80 bands.

Robust to level: the sound is brought to mean 0 and variance 1 first; bands are clipped 80 dB under the loudest.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

RATE = 16000
FRAME, HOP = 400, 160
BANDS = 80
RANGE = 8.0  # decades
F32 = NDArray[np.float32]


def log_mel(sound: F32) -> F32:
    """(BANDS, len(sound) // HOP), about -1 to 1. `sound`: mono at 16 kHz, a multiple of HOP."""
    x = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    x = np.pad(x, FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAME)[::HOP][: len(sound) // HOP]
    spectrum = np.fft.rfft(frames * _window(), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    level = np.log10(np.maximum(power @ _bands(), 1e-10))
    out: F32 = ((np.maximum(level, level.max() - RANGE) + 4.0) / 4.0).T.astype(np.float32)
    return out


@functools.cache
def _window() -> F32:
    """Hann, periodic."""
    window: F32 = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
    return window


@functools.cache
def _bands() -> F32:
    """(FRAME // 2 + 1, BANDS): triangles of equal area, evenly spaced in mel."""
    edges = _hertz(np.linspace(0.0, _mel(RATE / 2), BANDS + 2))
    bins = np.linspace(0.0, RATE / 2, FRAME // 2 + 1)[:, None]
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - low) / (mid - low), (high - bins) / (high - mid)
    bands: F32 = (np.clip(np.minimum(rising, falling), 0.0, None) * 2.0 / (high - low)).astype(np.float32)
    return bands


# Slaney's mel scale: 200/3 Hz a mel up to 1 kHz, then 27 mel for a factor of 6.4.
_KNEE_HZ, _KNEE_MEL, _STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def _mel(hertz: float) -> float:
    return _KNEE_MEL + float(np.log(hertz / _KNEE_HZ)) / _STEP if hertz > _KNEE_HZ else hertz * _KNEE_MEL / _KNEE_HZ


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel > _KNEE_MEL, _KNEE_HZ * np.exp(_STEP * (mel - _KNEE_MEL)), mel * _KNEE_HZ / _KNEE_MEL)
