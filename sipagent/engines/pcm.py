# SPDX-License-Identifier: GPL-3.0-or-later
"""PCM work off the live path: any rate to any rate, trimming, pauses. The live path resamples in the core.

The resampler is a polyphase FIR (Kaiser-windowed sinc) for a rational ratio L/M, computed as one matrix product per piece. It
serves engines and files whose rate the core does not know, such as 22,050 Hz.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ZEROS = 16  # zero crossings of the sinc on each side at the lower of the two rates
BETA = 9.0  # Kaiser: about 90 dB down
BLOCK = 2048  # outputs computed at a time: gathering them holds the GIL, and the event loop waits for it
ROLLOFF = 0.945  # of the lower Nyquist frequency
MIN_WORD_S = 0.1  # no word is shorter
TRIM_DB = 46.0  # below a clip's peak: silence at its ends


@lru_cache(maxsize=32)
def _filters(up: int, down: int) -> tuple[Floats, int]:
    """Coefficients [phase, tap] and the number of input samples before the output's position."""
    scale = min(1.0, up / down) * ROLLOFF
    half = int(np.ceil(ZEROS / scale))
    taps = np.arange(-half + 1, half + 1, dtype=np.float64)
    phase = np.arange(up, dtype=np.float64)[:, None] / up
    x = taps[None, :] - phase
    window = np.i0(BETA * np.sqrt(np.clip(1.0 - (x / half) ** 2, 0.0, 1.0))) / np.i0(BETA)
    h = scale * np.sinc(scale * x) * window
    return h.astype(np.float32), half - 1


class Resampler:
    """Streaming s16le mono from `src` to `dst` Hz. `run` piece by piece, then `finish`; the total is round(n * dst / src)."""

    def __init__(self, src: int, dst: int) -> None:
        if src <= 0 or dst <= 0:
            raise ValueError(f"sample rates must be positive, not {src} and {dst}")
        g = gcd(src, dst)
        self._up, self._down = dst // g, src // g
        self._same = src == dst
        self._h, self._before = (np.zeros((1, 1), np.float32), 0) if self._same else _filters(self._up, self._down)
        self._held: Floats = np.zeros(self._before, np.float32)  # input from index `_base - _before` on
        self._base = 0  # input index of the first held sample, plus `_before`
        self._made = 0  # output samples so far
        self._taken = 0  # input samples so far

    def run(self, pcm: bytes) -> bytes:
        """Returns what can be computed so far."""
        if self._same:
            return pcm
        new = np.frombuffer(pcm, "<i2").astype(np.float32)
        self._taken += len(new)
        self._held = np.concatenate([self._held, new])
        after = self._h.shape[1] - self._before - 1
        ready = -(-(self._taken - after) * self._up // self._down) if self._taken > after else 0
        return self._make(ready)

    def finish(self) -> bytes:
        """The tail."""
        if self._same:
            return b""
        self._held = np.concatenate([self._held, np.zeros(self._h.shape[1], np.float32)])
        return self._make((self._taken * self._up + self._down // 2) // self._down)

    def _make(self, until: int) -> bytes:
        if until <= self._made:
            return b""
        views = np.lib.stride_tricks.sliding_window_view(self._held, self._h.shape[1])
        out = [self._block(views, n, min(n + BLOCK, until)) for n in range(self._made, until, BLOCK)]
        self._made = until
        used = until * self._down // self._up - self._base  # first input index the next output needs
        if used > 0:
            self._held = self._held[used:]
            self._base += used
        return b"".join(out)

    def _block(self, views: Floats, first: int, end: int) -> bytes:
        at = np.arange(first, end, dtype=np.int64) * self._down
        out = np.einsum("ij,ij->i", views[at // self._up - self._base], self._h[at % self._up])
        pcm: bytes = np.clip(np.rint(out), -32768, 32767).astype("<i2").tobytes()
        return pcm


def resample(pcm: bytes, src: int, dst: int) -> bytes:
    """A whole clip at another rate."""
    r = Resampler(src, dst)
    return r.run(pcm) + r.finish()


def silence(ms: float, rate: int) -> bytes:
    """Zeros."""
    return bytes(2 * round(ms * rate / 1000))


def trim(pcm: bytes, rate: int, keep_ms: float = 5.0) -> bytes:
    """Cuts what is TRIM_DB under the peak at both ends, `keep_ms` left on each side."""
    first, end = speech_range(pcm, rate, keep_ms)
    return pcm[2 * first : 2 * end]


def speech_range(pcm: bytes, rate: int, keep_ms: float = 5.0) -> tuple[int, int]:
    """The samples [first, end) that `trim` leaves."""
    x = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    loud = np.flatnonzero(x > max(8, int(x.max(initial=0) * 10 ** (-TRIM_DB / 20))))
    if not len(loud):
        return 0, 0
    keep = round(keep_ms * rate / 1000)
    return max(0, int(loud[0]) - keep), min(len(x), int(loud[-1]) + 1 + keep)


def wordless(pcm: bytes, rate: int) -> bool:
    """Too short or too soft to hold a word. Recognisers make some up then: Moonshine hears "You" in a second of zeros."""
    return len(pcm) < 2 * MIN_WORD_S * rate or int(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)).max()) <= Trimmer.FLOOR


class Trimmer:
    """Streaming trim: drops the quiet head and holds quiet pieces back until a louder one follows, so that the tail can go."""

    FLOOR = 60  # about -55 dBFS: a synthesiser's silence is digital, a speaking voice's start is above it

    def __init__(self, rate: int, keep_ms: float = 5.0) -> None:
        self._keep = round(keep_ms * rate / 1000)
        self._started = False
        self._held = b""
        self.head = 0  # samples dropped before the speech

    def run(self, pcm: bytes) -> bytes:
        """Returns what surely belongs to the speech."""
        data = self._held + pcm
        loud = np.flatnonzero(np.abs(np.frombuffer(data, "<i2").astype(np.int32)) > self.FLOOR)
        if not len(loud):
            self._held = data if self._started else data[-2 * self._keep :] if self._keep else b""
            self.head += 0 if self._started else (len(data) - len(self._held)) // 2
            return b""
        first = 0 if self._started else max(0, int(loud[0]) - self._keep)
        self.head += first
        end = int(loud[-1]) + 1
        self._started = True
        self._held = data[2 * end :]
        return data[2 * first : 2 * end]

    def finish(self) -> bytes:
        """A short rest of the tail."""
        return self._held[: 2 * self._keep] if self._started else b""
