# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of interruptions finds a bot that goes on, times the right packet, and runs."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest

from mediacore.dsp import Codec
from sipagent.config import Config
from sipagent.engines.moonshine import MoonshineStt
from sipagent.engines.silero import SileroVad
from tests.bench import barge_in, false_alarms, human
from tests.bench.barge_in_caller import FRAME_NS, LONGEST_S, SHORTEST_S, Caller
from tests.media.rtp import Rtp

MS = 1_000_000


def every_20_ms(start_ms: int, end_ms: int) -> np.ndarray:
    return np.arange(start_ms, end_ms, 20) * MS


@pytest.mark.parametrize(
    ("sounding", "want"),
    [
        (every_20_ms(0, 1001), [0.0]),  # the last one went with the decision
        (every_20_ms(0, 1020), [0.0]),
        (every_20_ms(10, 1020), [10.0]),
        (every_20_ms(10, 5000), [390.0]),  # it never stopped: all of the trial counts
        (np.append(every_20_ms(0, 1001), every_20_ms(1200, 5000)), [400.0]),  # it stopped and went on
        (every_20_ms(0, 800), []),  # it did not speak: there was nothing to stop
    ],
)
def test_time_to_the_last_packet_with_sound(sounding: np.ndarray, want: list[float]) -> None:
    assert barge_in.stopped_ms(sounding, [(1000 * MS, 1400 * MS)]) == want


@pytest.fixture
def caller() -> Iterator[Caller]:
    """A recording that is silent for 205 ms, then loud."""
    sound = np.concatenate([np.zeros(1640), np.where(np.arange(8000) % 20 < 10, 6000.0, -6000.0)])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bot:
        mine.bind(("127.0.0.1", 0))
        bot.bind(("127.0.0.1", 0))
        bot.setblocking(False)
        one = Caller(mine, bot.getsockname()[1], random.Random(1), [sound])
        one.bot = bot  # type: ignore[attr-defined]
        yield one


def test_only_recordings_of_a_voice_interrupt() -> None:
    texts = "; all of them\nvm-intro: Please leave your message.\ntt-monkeys: [monkeys screaming]\njoin: <beep>\nempty:\n"
    assert human.spoken(texts) == {"vm-intro": "Please leave your message."}


def levels(caller: Caller, ticks: int, bot_speaks: bool) -> list[int]:
    """Loudest sample of each packet that was sent meanwhile."""
    law, found = Codec("PCMU", 8000), []
    for _ in range(ticks):
        caller.packets.append((len(caller.packets) * FRAME_NS, not bot_speaks))
        caller.tick()
        payload = Rtp.unpack(caller.bot.recv(2048)).payload  # type: ignore[attr-defined]
        found.append(int(np.abs(np.frombuffer(law.decode(payload), np.int16)).max()))
    return found


def test_a_bot_that_is_silent_is_not_interrupted(caller: Caller) -> None:
    assert max(levels(caller, 300, bot_speaks=False)) < 100
    assert caller.interruptions == []


def test_the_moment_is_that_of_the_packet_with_the_first_voiced_sample(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr(time, "time_ns", lambda: next(ticks))
    heard = levels(caller, 200, bot_speaks=True)
    ((voiced, over),) = caller.interruptions
    assert [voiced, over] == [int(np.flatnonzero(np.array(heard) > 1000)[i]) for i in (0, -1)]
    assert heard[voiced] > 1000
    again = levels(caller, 200, bot_speaks=True)
    assert max(again) < 100  # not before it has been silent


async def test_a_click_is_a_pause_and_speech_is_an_interruption() -> None:
    vad, stt = SileroVad(Config()), MoonshineStt(Config())
    await asyncio.gather(vad.load(), stt.load())
    click, speech = np.zeros(24000), np.zeros(24000)
    click[8000:8040] = 8000.0
    prompt = human.prompts(SHORTEST_S, LONGEST_S)[3]
    speech[8000 : 8000 + len(prompt)] = prompt
    try:
        heard = await false_alarms.listen(vad, stt, click)
        assert (heard.pauses, heard.interruptions) == (1, 0)
        assert 100_000 <= heard.paused_us <= 240_000
        spoken = await false_alarms.listen(vad, stt, speech)
        assert spoken.interruptions == 1 <= spoken.speech
    finally:
        await asyncio.gather(vad.close(), stt.close())


def test_a_decision_stops_a_leg() -> None:
    """Real legs; how fast is the benchmark's business, that it does is this one's."""
    found = barge_in.decision(barge_in.LEG, 2)
    assert len(found) == 2 * barge_in.CALLS
    assert max(found) < 200
    assert barge_in.summary([found])["trials"] == len(found)


def test_the_conversation_is_interrupted() -> None:
    """Most of them at once: a machine that comes late, or a first word that nobody understood, lets it go on for a while."""
    assert np.median(barge_in.end_to_end(6.0, seed=1)) < 600
