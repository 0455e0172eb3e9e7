# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of a human voice, from Debian's package of Asterisk's prompts, and a caller's packets."""

from __future__ import annotations

import gzip
import socket
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SOUNDS = Path("/usr/share/asterisk/sounds/en")
TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
FIX = "apt-get install asterisk-core-sounds-en asterisk-core-sounds-en-wav"
RATE = 8000
GAIN = 0.5  # the prompts are louder than callers
NOISE = 8.0  # standard deviation of a caller's line: -72 dB
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it

Pcm = NDArray[np.float64]


def spoken(texts: str) -> dict[str, str]:
    """Name and text of the recordings in which somebody says something: a text in brackets describes a tone, or monkeys."""
    entries = (line.partition(": ") for line in texts.splitlines() if not line.startswith(";"))
    return {name: text for name, _, text in entries if text and text[0] not in "[<"}


def sentence(text: str) -> bool:
    """Whole ones: many prompts are pieces that a program puts together ("...in the conference.")."""
    return "..." not in text and text[0].isupper() and text.strip()[-1] in ".?!" and len(text.split()) >= 4


def texts(wanted: Callable[[str], bool] = bool) -> dict[str, str]:
    """Name and text of the recordings whose text is `wanted`. RuntimeError: they are not installed."""
    if not TEXTS.is_file():
        raise RuntimeError(f"no {TEXTS}: {FIX}")
    return {name: text for name, text in spoken(gzip.decompress(TEXTS.read_bytes()).decode()).items() if wanted(text)}


def prompts(shortest_s: float, cut_s: float | None = None, wanted: Callable[[str], bool] = bool) -> list[Pcm]:
    """Those of at least `shortest_s` whose text is `wanted`, what is behind `cut_s` cut off. RuntimeError: they are not
    installed."""
    names = texts(wanted)
    found = []
    for path in sorted(path for path in SOUNDS.glob("*.wav") if path.stem in names):
        with wave.open(str(path)) as wav:
            if wav.getframerate() == RATE and wav.getnframes() >= shortest_s * RATE:
                pcm = np.frombuffer(wav.readframes(wav.getnframes() if cut_s is None else round(cut_s * RATE)), np.int16)
                found.append(pcm.astype(np.float64) * GAIN)
    if not found:
        raise RuntimeError(f"no human speech in {SOUNDS}: {FIX}")
    return found


def stamped(mine: socket.socket) -> tuple[bytes, int]:
    """A datagram of a socket with SO_TIMESTAMPNS, and when the kernel had it: nanoseconds since the epoch."""
    data, control, _, _ = mine.recvmsg(2048, 64)
    ((seconds, ns),) = [struct.unpack("qq", value[:16]) for _, kind, value in control if kind == SO_TIMESTAMPNS]
    return data, seconds * 1_000_000_000 + ns


def listening() -> socket.socket:
    """A UDP socket whose datagrams `stamped` reads."""
    mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mine.bind(("127.0.0.1", 0))
    mine.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return mine
