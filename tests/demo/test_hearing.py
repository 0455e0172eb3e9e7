# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's caller hears when the bot begins and when it has finished."""

from __future__ import annotations

import asyncio

import numpy as np

from sipagent.demo.hearing import BotEar

RATE = 16000
LOUD = np.random.default_rng(1).integers(-6000, 6000, RATE // 50, dtype=np.int16).tobytes()
QUIET = bytes(2 * RATE // 50)


def feed(ear: BotEar, pattern: str, start_ms: int = 0) -> int:
    """20 ms packets: "#" voiced, "." silent, "x" lost. Returns the time after the last, ms."""
    for i, c in enumerate(pattern):
        ear.on_audio(LOUD if c in "#x" else QUIET, (start_ms + 20 * i) * 1000, i * RATE // 50, c == "x")
    return start_ms + 20 * len(pattern)


def test_stretch_and_last_voiced_packet() -> None:
    ear = BotEar(RATE)
    feed(ear, ".." + "#" * 5 + "." * 10 + "#" * 5 + "." * 20)
    assert ear.stretch_us == 40_000  # a pause of 200 ms does not end it
    assert ear.voiced_us == (2 + 5 + 10 + 4) * 20_000
    feed(ear, "##", start_ms=2000)
    assert ear.stretch_us == 2_000_000


def test_lost_packets_are_not_voice() -> None:
    ear = BotEar(RATE)
    feed(ear, "xxxx")
    assert ear.voiced_us == 0


async def test_waits_for_speech_then_for_silence() -> None:
    ear = BotEar(RATE)
    speaks = asyncio.ensure_future(ear.speaks(0, 5))
    await asyncio.sleep(0)
    feed(ear, "....")
    await asyncio.sleep(0)
    assert not speaks.done()
    feed(ear, "#", start_ms=80)
    assert await speaks
    silent = asyncio.ensure_future(ear.falls_silent(700, 5))
    feed(ear, "." * 30, start_ms=100)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not silent.done()
    feed(ear, "." * 10, start_ms=700)
    assert await silent


async def test_gives_up() -> None:
    assert not await BotEar(RATE).speaks(0, 0.01)
