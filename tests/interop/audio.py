# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals with known samples, and the measures that compare what came back with what went out.

Nothing here uses the project's own codecs: G.711 is written out again from the Recommendation, so that one can't hide the
other's fault.
"""

from __future__ import annotations

import itertools
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]


def _ulaw_table() -> Pcm:
    """ITU-T G.711 table 2a: code -> 16-bit linear."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 0x07)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> Pcm:
    """ITU-T G.711 table 1a: code -> 16-bit linear."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = (code >> 4) & 0x07, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


ALAW_ZERO = 8  # A-law has no zero: its silence decodes to this
G711 = {"ulaw": _ulaw_table(), "alaw": _alaw_table()}


def noise(samples: int, seed: int, high: int = 256, dtype: type = np.uint8) -> npt.NDArray[np.generic]:
    """Every value equally often: all codes of a codec, and no two stretches alike, so that an alignment is unique."""
    low = -(high // 2) if dtype is np.int16 else 0
    return np.random.default_rng(seed).integers(low, low + high, samples).astype(dtype)


def chirp(seconds: float, rate: int, low_hz: float = 300.0, high_hz: float = 3000.0, level: float = 0.25) -> Pcm:
    """A linear sweep, within the telephone band; level is its peak against full scale."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (low_hz * t + (high_hz - low_hz) * t * t / (2 * seconds))
    return np.rint(32767 * level * np.sin(phase)).astype(np.int16)


def tone(seconds: float, rate: int, hz: float, level: float = 0.25) -> Pcm:
    return np.rint(32767 * level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def write_wav(path: Path, pcm: Pcm, rate: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[Pcm, int]:
    """(mono samples, rate); what a recorder that was not closed left out of the header is read to the end of the file."""
    with wave.open(str(path), "rb") as source:
        assert source.getsampwidth() == 2
        channels, rate = source.getnchannels(), source.getframerate()
    data = path.read_bytes()
    begin = data.index(b"data") + 8
    pcm = np.frombuffer(data[begin : len(data) - (len(data) - begin) % (2 * channels)], "<i2")
    return pcm.reshape(-1, channels)[:, 0].copy(), rate


@dataclass(frozen=True)
class Piece:
    """A stretch of what was sent that came back sample for sample: sent[begin : begin + length] == heard[at : at + length]."""

    begin: int
    at: int
    length: int


def _find(part: Pcm, whole: Pcm, start: int) -> int:
    """Index in `whole`, from `start` on, where the samples of `part` begin, or -1."""
    data, wanted = whole.tobytes(), part.tobytes()
    at = data.find(wanted, 2 * start)
    while at % 2 and at != -1:
        at = data.find(wanted, at + 1)
    return at // 2 if at >= 0 else -1


def pieces(sent: Pcm, heard: Pcm, frame: int = 160) -> list[Piece]:
    """What came back, in order. `sent` must be noise: a frame of it that occurs nowhere else."""
    found: list[Piece] = []
    begin = searched = 0
    while begin + frame <= len(sent):
        at = _find(sent[begin : begin + frame], heard, searched)
        if at < 0:
            begin += frame
            continue
        n = min(len(sent) - begin, len(heard) - at)
        differ = np.flatnonzero(sent[begin : begin + n] != heard[at : at + n])
        length = int(differ[0]) if len(differ) else n
        found.append(Piece(begin, at, length))
        begin, searched = begin + length, at + length
    return found


def echo_fault(sent: Pcm, heard: Pcm, rate: int, *, head_ms: int = 0, tail_ms: int = 0, slip_ms: int = 500) -> str:
    """What is wrong with an echo; "" when every sample came back once, in order and unchanged.

    Allowed: head_ms that were sent before the other side listened, tail_ms still under way at the end, and silence put in
    between, slip_ms in all, when a process did not get the processor in time; never a sample less or another one.
    """
    found = pieces(sent, heard)
    told = f"sent {len(sent)}, heard {len(heard)} samples, pieces {[(p.begin, p.at, p.length) for p in found]}"
    if not found or found[0].begin > rate * head_ms // 1000:
        return f"the beginning did not come back: {told}"
    for a, b in itertools.pairwise(found):
        if b.begin != a.begin + a.length:
            return f"samples {a.begin + a.length} to {b.begin} were lost or changed: {told}"
        if int(np.max(np.abs(heard[a.at + a.length : b.at].astype(np.int32)), initial=0)) > ALAW_ZERO:
            return f"a sound that nobody sent at {a.at + a.length} to {b.at}: {told}"
    if found[-1].begin + found[-1].length < len(sent) - rate * tail_ms // 1000:
        return f"the end did not come back: {told}"
    if sum(b.at - a.at - a.length for a, b in itertools.pairwise(found)) > rate * slip_ms // 1000:
        return f"too much silence put in between: {told}"
    return ""


def delay(sent: Pcm, heard: Pcm) -> tuple[int, float]:
    """(samples that `heard` lags `sent`, correlation there): 1.0 = the same wave at any level. `heard` is the longer one."""
    size = 1 << (len(sent) + len(heard)).bit_length()
    a, b = sent.astype(np.float64), heard.astype(np.float64)
    cross = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)[: max(1, len(heard) - len(sent) + 1)]
    lag = int(np.argmax(cross))
    window = b[lag : lag + len(a)]
    norm = float(np.linalg.norm(a[: len(window)]) * np.linalg.norm(window))
    return lag, float(cross[lag] / norm) if norm else 0.0


def likeness(sent: Pcm, heard: Pcm, rate: int, window_s: float = 0.5) -> npt.NDArray[np.float64]:
    """Of each stretch of what was sent, but the first and the last, how well it is found in what was heard: see delay()."""
    n = round(window_s * rate)
    return np.array([delay(sent[i : i + n], heard)[1] for i in range(n, len(sent) - 2 * n + 1, n)])


def wave_fault(sent: Pcm, heard: Pcm, rate: int, lowest: float) -> str:
    """What is wrong with an echo that was coded on the way; "" when the wave came back. A stretch that silence was put into,
    when a process did not get the processor in time, is like neither half, and so may be the next one: for each silence in what
    was heard two stretches may be bad, and two more."""
    alike = likeness(sent, heard, rate, 0.2)
    gaps = silences_ms(heard, rate, level_db(sent) - 20)
    bad = int(np.count_nonzero(alike <= lowest - 0.03))
    if np.median(alike) > lowest and bad <= 2 + 2 * len(gaps):
        return ""
    return f"{bad} stretches are bad, median {np.median(alike):.4f}; silences {gaps} ms; {np.round(alike, 3).tolist()}"


def level_db(pcm: Pcm) -> float:
    """RMS against full scale; silence is -120."""
    rms = float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2))) if len(pcm) else 0.0
    return 20 * float(np.log10(max(rms / 32768, 1e-6)))


def silences_ms(pcm: Pcm, rate: int, below_db: float, block_ms: int = 5) -> list[int]:
    """Lengths of the silences between the first and the last loud block: gaps in a tone."""
    n = rate * block_ms // 1000
    blocks = pcm[: len(pcm) // n * n].reshape(-1, n)
    loud = np.array([level_db(block) > below_db for block in blocks])
    if not loud.any():
        return [len(blocks) * block_ms]
    inside = np.flatnonzero(loud)
    steps = np.diff(inside)
    return [int(step - 1) * block_ms for step in steps if step > 1]
