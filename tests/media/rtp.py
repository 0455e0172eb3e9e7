# SPDX-License-Identifier: GPL-3.0-or-later
"""RTP packets made and read by hand, so that the core is not its own judge."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Rtp:
    """RFC 3550 section 5.1."""

    seq: int
    ts: int
    payload: bytes
    pt: int = 0
    ssrc: int = 0x1234
    marker: bool = False

    def pack(self) -> bytes:
        head = struct.pack(
            "!BBHII", 0x80, self.marker << 7 | self.pt, self.seq & 0xFFFF, self.ts & 0xFFFFFFFF, self.ssrc & 0xFFFFFFFF
        )
        return head + self.payload

    @staticmethod
    def unpack(pkt: bytes) -> Rtp:
        first, second, seq, ts, ssrc = struct.unpack("!BBHII", pkt[:12])
        assert first == 0x80, "version 2, no padding, no extension, no CSRC"
        return Rtp(seq, ts, pkt[12:], second & 0x7F, ssrc, bool(second >> 7))


def l16(pcm: np.ndarray) -> bytes:
    """RFC 3551 section 4.5.11: network byte order."""
    return pcm.astype(">i2").tobytes()


def from_l16(payload: bytes) -> np.ndarray:
    return np.frombuffer(payload, ">i2").astype(np.int16)


def samples(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, np.int16)


def numbered(n: int, size: int = 320, first_seq: int = 0, first_ts: int = 0, pt: int = 96) -> list[bytes]:
    """n packets of L16 in which every sample of packet k is k + 1: what is heard says where it comes from."""
    return [Rtp(first_seq + k, first_ts + k * size, l16(np.full(size, k + 1, np.int16)), pt).pack() for k in range(n)]


def tone(seconds: float, rate: int, hz: float = 440.0, level: float = 0.4) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def babble(seconds: float, rate: int, seed: int = 1, harmonics: int = 4) -> np.ndarray:
    """Something like speech: syllables of noise-shaped harmonics, never repeating, so that a lag has one best fit."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    t = np.arange(n) / rate
    pitch = 120 + 30 * np.interp(t, np.arange(0, seconds + 1, 0.13), rng.standard_normal(len(np.arange(0, seconds + 1, 0.13))))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    gain = np.interp(t, np.arange(0, seconds + 1, 0.11), rng.uniform(0.05, 1, len(np.arange(0, seconds + 1, 0.11))))
    voice = sum(np.sin(k * phase) / k for k in range(1, harmonics + 1))
    return (gain * voice * 5000).astype(np.int16)


def best_lag(reference: np.ndarray, heard: np.ndarray, most: int) -> tuple[int, float]:
    """Delay of `heard` behind `reference` in samples, 0 ... most - 1, and the correlation there, -1 ... 1."""
    n = min(len(reference), len(heard) - most)
    a, b = reference[:n].astype(float), heard[: n + most].astype(float)
    size = 1 << (n + most).bit_length()
    products = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)[:most]
    total = np.concatenate([[0.0], np.cumsum(b * b)])
    energy = total[n : n + most] - total[:most]
    floor = 1e-6 * energy.max() + 1e-9  # in silence rounding errors would be divided by each other
    scores = products / (np.linalg.norm(a) * np.sqrt(np.maximum(energy, floor)) + 1e-9)
    lag = int(np.argmax(scores))
    return lag, float(scores[lag])


def likeness(said: np.ndarray, heard: np.ndarray, rate: int, *, window_s: float = 0.2, most_s: float = 1.0) -> np.ndarray:
    """Of each window of what was said, how well it is found in what was heard, at its own best lag up to most_s: a machine that
    stalls puts silence in or makes a jitter buffer stretch, and harms only the windows in which it does.
    Of the differences: Opus turns the phase of the lowest frequencies."""
    n, most = round(window_s * rate), round(most_s * rate)
    a, b = np.diff(said.astype(float)), np.diff(heard.astype(float))
    b = np.concatenate([b, np.zeros(max(0, len(a) + most - len(b)))])
    return np.array([best_lag(a[i : i + n], b[i : i + n + most], most)[1] for i in range(0, len(a) - n + 1, n)])


def near_likeness(said: np.ndarray, heard: np.ndarray, rate: int) -> np.ndarray:
    """The same of windows of 60 ms, each within 10 ms of the lag that half a second around it has: so short a window is seldom
    broken by a stall, and so near another voice fits nowhere."""
    a, b = np.diff(said.astype(float)), np.diff(heard.astype(float))
    n, coarse, most, near = (round(s * rate) for s in (0.06, 0.5, 1.0, 0.01))
    b = np.concatenate([np.zeros(near), b, np.zeros(max(0, len(a) + most + 2 * near - len(b)))])
    lags = [
        best_lag(a[i : i + coarse], b[near + i : near + i + coarse + most], most)[0]
        for i in range(0, len(a) - coarse + 1, coarse)
    ]
    starts = [(i, i + lags[min(i // coarse, len(lags) - 1)]) for i in range(0, len(a) - n + 1, n)]
    return np.array([best_lag(a[i : i + n], b[at : at + n + 2 * near], 2 * near)[1] for i, at in starts])


def part(line: np.ndarray, rate: int, hz: float, window_s: float = 0.05) -> float:
    """Amplitude of one tone, a multiple of 1 / window_s: the upper quartile of short windows, for a stall breaks some of
    them and makes none louder."""
    n = round(window_s * rate)
    windows = line[: len(line) // n * n].reshape(-1, n).astype(float)
    return float(np.quantile(np.abs(windows @ np.exp(-2j * np.pi * hz * np.arange(n) / rate)) * 2 / n, 0.75))
