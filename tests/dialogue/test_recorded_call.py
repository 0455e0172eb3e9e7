# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of a real call against its stereo recording: two legs of a real worker on loopback, real time, a real recorder.
A machine that stalls shifts single packets, so most turns are judged, not each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mediacore import Leg, Worker
from sipagent.call import Call, CallState
from sipagent.config import Config, Dialogue
from sipagent.demo.measure import StereoFile
from sipagent.dialogue.clock import clock_us
from sipagent.dialogue.conversation import Conversation
from sipagent.dialogue.events import DialogueEvent
from sipagent.engines.rules import RulesBrain
from sipagent.recorder import Recorder
from sipagent.testing import CodedSpeech, FakeControl, LevelVad, ScriptedStt, ScriptedTts, fake_engines
from tests.dialogue.conftest import Parrot
from tests.media.rig import L16, RATE, WAIT_S, two_legs

TURNS = 6
SPOKEN_S = 0.7
FRAME_MS = 20.0
LOUD = 1000


class Heard:
    """What arrives at the caller's own leg."""

    def __init__(self, leg: Leg) -> None:
        self.sounds_us: list[int] = []  # arrival of each packet with sound in it
        self.newest_us = 0
        leg.on_audio = self._packet

    def _packet(self, pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        self.newest_us = arrival_us
        if not lost and max(memoryview(pcm).cast("h"), default=0) > LOUD:
            self.sounds_us.append(arrival_us)

    def quiet_for(self, us: int) -> bool:
        return bool(self.sounds_us) and self.newest_us - self.sounds_us[-1] > us

    def first_after(self, t_us: int) -> int:
        return next(t for t in self.sounds_us if t > t_us)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def two_parties() -> AsyncIterator[tuple[Leg, Leg]]:
    worker = Worker(fifo=False)
    worker.start()
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.fileno(), worker.drain)
    try:
        with two_legs(worker, **L16) as (bot, caller):
            yield bot, caller
    finally:
        loop.remove_reader(worker.fileno())
        worker.stop()


async def test_the_ledger_agrees_with_the_wire_and_with_the_recording(tmp_path: Path) -> None:
    speech, events = CodedSpeech(), []
    said_us: list[int] = []
    async with two_parties() as (bot, caller):
        recorder = Recorder()
        recording = recorder.start(bot, tmp_path / "call.wav", "wav")
        call = Call(bot, FakeControl(), "in", "sip:caller@test", "sip:bot@test", state=CallState.CONFIRMED)
        engines = await fake_engines(ScriptedStt(speech, 0.05), RulesBrain(Config()), ScriptedTts(), LevelVad())
        talk = Conversation(call, engines, engines.brain.session(Parrot()), Dialogue(), events.append)
        ear = Heard(caller)
        running = asyncio.create_task(talk.run())

        def answered() -> list[dict[str, Any]]:
            return [e for e in call.notes["ledger"] if e.get("gap_ms") is not None]

        for number in range(TURNS):
            await until(lambda: ear.quiet_for(400_000))
            said_us.append(clock_us())
            caller.write(speech.say(f"number {number}.", SPOKEN_S, RATE))
            await until(lambda: answered()[-1:] != [] and answered()[-1]["times_us"]["last_speech"] > said_us[-1])
        await until(lambda: ear.quiet_for(400_000))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await recorder.close()
        turns = answered()
    file = StereoFile.read(recording.path, recording.start_us)
    check_sums(turns)
    check_wire(turns, ear)
    check_recording(turns, said_us, file)
    check_events(events, turns)


def check_sums(turns: list[dict[str, Any]]) -> None:
    for turn in turns:
        assert sum(turn["stages"].values()) == pytest.approx(turn["gap_ms"], abs=0.01)
        assert set(turn["stages"]) == {"endpoint_ms", "stt_ms", "brain_ms", "tts_ms", "wire_ms"}
        assert turn["engines"] == {"vad": "level", "stt": "scripted", "brain": "rules", "tts": "scripted"}


def check_wire(turns: list[dict[str, Any]], ear: Heard) -> None:
    """The gap as the caller's own leg has it: his last word is known, the answer's first packet arrives."""
    off = [(ear.first_after(t["times_us"]["end_of_turn"]) - t["times_us"]["first_packet"]) / 1000 for t in turns]
    assert most([abs(ms) for ms in off]) <= FRAME_MS, off


def check_recording(turns: list[dict[str, Any]], said_us: list[int], file: StereoFile) -> None:
    off = []
    for start_us, end_us in pairwise([*said_us, clock_us()]):
        # The last one: a stall in mid-word may make two turns of what was said.
        turn = [t for t in turns if start_us < t["times_us"]["last_speech"] < end_us][-1]
        gap_ms = file.gap_ms(start_us, turn["times_us"]["end_of_turn"])
        assert gap_ms is not None
        off.append(gap_ms - turn["gap_ms"])
    assert most([abs(ms) for ms in off]) <= 20.0, off


def check_events(events: list[DialogueEvent], turns: list[dict[str, Any]]) -> None:
    assert [e.data["gap_ms"] for e in events if e.kind == "turn_end"] == [t["gap_ms"] for t in turns]


def most(values: list[float]) -> float:
    """What two of three values are not above."""
    return sorted(values)[(2 * len(values) - 1) // 3]
