# SPDX-License-Identifier: GPL-3.0-or-later
"""What the talker says: sentences of the project's own voice with pauses between them, at 8 kHz, over a faint line noise."""

from __future__ import annotations

import asyncio
import hashlib
import random
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mediacore.dsp import Codec, level_db
from sipagent.demo import voice

RATE = 8000
FRAME = 160
QUIET_DB = -50.0  # as in leg_human.c: here a delay changes unheard
NOISE = 4.0  # standard deviation of the line noise, about -78 dB: never a digital zero
PAUSES_S = (0.4, 1.6)

SENTENCES = [
    "What are your opening hours?",
    "Is breakfast included?",
    "What time can I check in?",
    "Is there a free car park at the hotel?",
    "Do you have a swimming pool?",
    "I would like to leave a message.",
    "Please tell the manager that my train is late.",
    "We have a heated pool and a sauna.",
    "Yes, we have a car park behind the building.",
    "The front desk is open every day, from seven in the morning until eleven at night.",
    "Thank you, I will pass it on.",
    "Is there anything else I can do for you?",
    "No, that is everything. Thank you, and goodbye.",
    "The weather was fine all week, so we went for a walk along the river every morning.",
    "Could you please send the letter to my new address?",
    "She opened the window and looked out over the garden.",
]

Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Said:
    """One sentence in a talk: samples [start, end)."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Talk:
    pcm: Pcm  # 8 kHz
    said: tuple[Said, ...]

    @property
    def quiet(self) -> NDArray[np.bool_]:
        """Of each packet, as the player would find it after G.711."""
        law = Codec("PCMU", RATE)
        frames = [law.decode(payload) for payload in self.payloads]
        return np.array([level_db(pcm) < QUIET_DB for pcm in frames])

    @property
    def payloads(self) -> list[bytes]:
        """G.711, 20 ms each."""
        law = Codec("PCMU", RATE)
        return [law.encode(self.pcm[i : i + FRAME].tobytes()) for i in range(0, len(self.pcm), FRAME)]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.pcm.tobytes()).hexdigest()[:12]


def samples_of(path: Path) -> Pcm:
    with wave.open(str(path)) as wav:
        return np.frombuffer(wav.readframes(wav.getnframes()), np.int16)


@cache
def sentences() -> dict[str, Pcm]:
    """Rendered once for each machine: piper varies from one rendering to the next."""
    paths = asyncio.run(voice.render(SENTENCES, RATE, told=lambda _: None))
    return {text: samples_of(path) for text, path in zip(SENTENCES, paths, strict=True)}


@cache
def talk(seconds: float, seed: int = 1) -> Talk:
    """`seconds` of sentences in an order that the seed gives; the last one is whole or left out."""
    rng = random.Random(seed)
    noise = np.random.default_rng(seed).normal(0, NOISE, round(seconds * RATE / FRAME) * FRAME)
    pcm, said = noise.copy(), []
    at, order = round(rng.uniform(*PAUSES_S) * RATE), list(SENTENCES)
    rng.shuffle(order)
    for i in range(10_000):
        text = order[i % len(order)]
        voiced = sentences()[text]
        if at + len(voiced) > len(pcm):
            break
        pcm[at : at + len(voiced)] += voiced
        said.append(Said(text, at, at + len(voiced)))
        at += len(voiced) + round(rng.uniform(*PAUSES_S) * RATE)
    return Talk(np.clip(pcm, -32768, 32767).astype(np.int16), tuple(said))
