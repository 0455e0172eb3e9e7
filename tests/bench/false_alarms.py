# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no speech and what it costs a bot that is speaking, of `barge-in`: the product's own listening half and judge of
interruptions with the real voice detector and recogniser, on made sound, in virtual time.

A *pause* is the bot's silence while something is suspected (sipagent/dialogue/onset.py); *speech* is what the voice detector
takes for it: the bot stays silent until it is known what was said; an *interruption* is what has words (barge_in.py), and costs
the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediacore.dsp import Codec, Resampler
from sipagent.config import Config, Dialogue
from sipagent.dialogue.barge_in import Judge, Verdict, Words
from sipagent.dialogue.hearing import HeardTurn, Hearing
from sipagent.engines.moonshine import MoonshineStt
from sipagent.engines.silero import SileroVad
from tests.bench import harness

RATE, FRAME, LEG_RATE, PACKET_US = 8000, 160, 16000, 20_000
LINE_NOISE = 8.0  # standard deviation: -72 dB
START_US = 1_000_000

Pcm = NDArray[np.float64]
Dice = np.random.Generator


def noise(db: float, waver_db: float = 0.0) -> Callable[[int, Dice], Pcm]:
    """Steady, or with a level that wavers (standard deviation) five times a second."""

    def make(n: int, rng: Dice) -> Pcm:
        level = 10 ** (rng.normal(0, waver_db, n * 5 // RATE + 1) / 20)
        return rng.normal(0, 32768 * 10 ** (db / 20), n) * np.repeat(level, RATE // 5)[:n]

    return make


def bursts(every_s: float, seconds: tuple[float, float], decay: float, smooth: int) -> Callable[[int, Dice], Pcm]:
    """Noise through a random filter of `smooth` taps, dying away."""

    def make(n: int, rng: Dice) -> Pcm:
        pcm = np.zeros(n)
        for at in np.arange(1.0, n / RATE - 1, every_s):
            length = int(RATE * rng.uniform(*seconds))
            burst = np.convolve(rng.normal(0, 1, length + smooth - 1), rng.normal(0, 1, smooth), "valid")
            first = int((at + rng.uniform(0, 0.5)) * RATE)
            pcm[first : first + length] += 9000 * burst / np.abs(burst).max() * np.exp(-decay * np.arange(length) / length)
        return pcm

    return make


def music(n: int, rng: Dice) -> Pcm:
    """A melody of plucked notes with three harmonics, as on hold in the background."""
    pcm, at = np.zeros(n), 0
    while at < n:
        length = min(n - at, int(rng.choice([1600, 2400, 4000])))
        t = np.arange(length) / RATE
        hz = rng.choice([262, 294, 330, 349, 392, 440, 494, 523])
        pcm[at : at + length] = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3)) * 2500 * np.exp(-4 * t)
        at += length
    return pcm


def hums(n: int, rng: Dice) -> Pcm:
    """ "Mhm": a voice behind closed lips, twice, the second time higher."""
    pcm = np.zeros(n)
    for at in np.arange(1.0, n / RATE - 2, 4.0):
        hz = rng.uniform(90, 240)
        first = int((at + rng.uniform(0, 0.5)) * RATE)
        for rise, seconds in ((1.0, rng.uniform(0.12, 0.2)), (1.25, rng.uniform(0.2, 0.35))):
            t = np.arange(int(seconds * RATE)) / RATE
            turns = 2 * np.pi * np.cumsum(hz * rise * (1 + 0.2 * t / seconds)) / RATE
            k = np.arange(1, int(3400 / hz / 1.5))[:, None]
            lips = (1 / (1 + ((k * hz - 250) / 120) ** 2) + 0.02 / k) * np.sin(k * turns)
            edge = np.minimum(1, t / 0.04) * np.minimum(1, (seconds - t) / 0.06)
            pcm[first : first + len(t)] += 3000 * edge * lips.sum(axis=0)
            first += len(t) + RATE // 20
    return pcm


SOUNDS: dict[str, Callable[[int, Dice], Pcm]] = {
    "line noise, -72 dB": lambda n, rng: np.zeros(n),
    "noise, -45 dB": noise(-45),
    "noise, -30 dB": noise(-30),
    "noise, -40 dB, wavers by 6 dB": noise(-40, 6),
    "clicks of 5 ms, 20 a minute": bursts(3.0, (0.005, 0.005), 0.0, 1),
    "coughs, 15 a minute": bursts(4.0, (0.15, 0.35), 4.0, 32),
    "hums, 15 a minute": hums,
    "music": music,
}


@dataclass
class Alarms:
    """Of one sound."""

    seconds: float
    pauses: int = 0
    speech: int = 0
    interruptions: int = 0
    paused_us: int = 0

    def row(self, name: str) -> list[str]:
        a_minute = 60 / self.seconds
        cells = [f"{self.pauses * a_minute:.0f}", f"{self.paused_us / self.seconds / 1e4:.1f}"]
        return [name, *cells, f"{self.speech * a_minute:.0f}", f"{self.interruptions * a_minute:.0f}"]


async def listen(vad: SileroVad, stt: MoonshineStt, pcm: Pcm) -> Alarms:
    """Packet by packet; the engines are through with each before the next one comes."""
    law, up = Codec("PCMU", RATE), Resampler(RATE, LEG_RATE)
    found, now, since = Alarms(len(pcm) / RATE), START_US, 0
    cfg = Dialogue()
    decide, undecided = Judge(cfg.barge_in_min_words, cfg.backchannels), False

    def suspect(suspected: bool) -> None:
        nonlocal since
        if suspected:
            found.pauses += since == 0
            since = since or now
        elif since:
            found.paused_us += now - since
            since = 0

    def speech(onset_us: int) -> None:
        nonlocal undecided
        found.speech += 1
        undecided = True
        hearing.listen_closely()

    def words(said: Words) -> None:
        nonlocal undecided
        if not undecided or (verdict := decide(said, asked=False)) is Verdict.WAIT:
            return
        found.interruptions += verdict is Verdict.YIELD
        undecided = verdict is Verdict.GO_ON and not said.over  # words may come yet
        suspect(False)

    def turn(heard: HeardTurn) -> None:
        words(Words(heard.text, heard.speech_us, True, heard.error is not None))

    hearing = Hearing(
        *(LEG_RATE, vad, stt, cfg, lambda: now),
        on_suspect=suspect,
        on_speech=speech,
        on_words=words,
        on_turn=turn,
        complete=lambda text: True,
    )
    index = 0
    for at in range(0, len(pcm) - FRAME + 1, FRAME):
        frame = np.clip(pcm[at : at + FRAME], -32768, 32767).astype(np.int16).tobytes()
        heard = up.run(law.decode(law.encode(frame)))
        hearing.on_audio(heard, now, index, False)
        index += len(heard) // 2
        while vad.busy or stt.busy:  # noqa: ASYNC110  they have threads of their own and tell nobody
            await asyncio.sleep(0)
        for _ in range(3):  # what they found is delivered
            await asyncio.sleep(0)
        now += PACKET_US
    hearing.close()
    return found


async def all_sounds(seconds: float) -> dict[str, Alarms]:
    vad, stt = SileroVad(Config()), MoonshineStt(Config())
    await asyncio.gather(vad.load(), stt.load())
    n, found = round(seconds * RATE), {}
    for seed, (name, make) in enumerate(SOUNDS.items()):
        rng = np.random.default_rng(seed)
        found[name] = await listen(vad, stt, make(n, rng) + rng.normal(0, LINE_NOISE, n))
    await asyncio.gather(vad.close(), stt.close())
    return found


def run(seconds: float) -> tuple[str, dict[str, Any]]:
    """A table, and the same for the report."""
    found = asyncio.run(all_sounds(seconds))
    text = harness.table(
        f"for nothing, a minute; {seconds:g} s of each",
        ["what the caller's line carries", "pauses", "paused %", "speech", "interruptions"],
        [alarms.row(name) for name, alarms in found.items()],
    )
    return text, {name: vars(alarms) for name, alarms in found.items()}
