# SPDX-License-Identifier: GPL-3.0-or-later
"""What `sipagent call` does on the line: plays, speaks, records, and reports in numbers."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mediacore import Leg, Prompt
from sipagent.call import Call
from sipagent.engines.base import Tts
from sipagent.media import MediaLeg
from sipagent.recorder import Recorder

REFILL_S = 1.0  # the output ring holds many times that
HANGUP_S = 5.0  # for the far end to answer our BYE
GAP_MAX_S = 5.0  # a longer jump of the sample index is not silence but a new stream

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Plan:
    """What the user asked for."""

    play: Path | None = None
    say: str | None = None
    record: Path | None = None
    stereo: bool = False
    duration_s: float | None = None
    ring_s: float = 30.0


@dataclass(frozen=True)
class CallResult:
    """How the call went."""

    uri: str
    answered: bool
    end_code: int  # SIP status; 0 = a normal BYE
    end_reason: str
    sip_call_id: str
    setup_s: float  # INVITE to answer
    duration_s: float  # answer to end
    codec: str
    ptime_ms: int
    secure: bool
    path: str
    sent_packets: int
    received_packets: int
    lost_packets: int
    late_packets: int
    jitter_ms: float
    played_s: float
    recording: str | None


async def write(leg: MediaLeg, pcm: bytes, sleep: Sleep = asyncio.sleep) -> None:
    """Queues all of it, waiting for room in the output ring as often as needed."""
    rest = memoryview(pcm)[: len(pcm) - len(pcm) % 2]
    while rest:
        taken = leg.write(bytes(rest))
        rest = rest[2 * taken :]
        if rest:
            await sleep(REFILL_S)


async def drained(leg: MediaLeg, sleep: Sleep = asyncio.sleep) -> None:
    """Returns when the last queued sample has left."""
    while leg.pending:
        await sleep(leg.pending / leg.rate)


async def play(leg: MediaLeg, pcm: bytes, sleep: Sleep = asyncio.sleep) -> None:
    """Plays s16le mono at `leg.rate` to its end."""
    await write(leg, pcm, sleep)
    await drained(leg, sleep)


async def announce(leg: Leg, prompt: Prompt, sleep: Sleep = asyncio.sleep) -> None:
    """Plays a shared prompt to its end, coded once for all legs that code alike. Stops when it is cancelled."""
    await asyncio.to_thread(prompt.prepare, leg)
    prompt.start(leg)
    try:
        while left := prompt.left(leg):
            await sleep(left)
    finally:
        prompt.stop(leg)


async def speak(leg: MediaLeg, speech: AsyncIterator[bytes], sleep: Sleep = asyncio.sleep) -> None:
    """Plays speech while it is being made."""
    async for pcm in speech:
        await write(leg, pcm, sleep)
    await drained(leg, sleep)


class MonoRecorder:
    """Writes what the machine ear hears; a gap becomes silence of its length. The page cache takes 20 ms of audio in
    microseconds, so this may run on the loop of a process that has one call."""

    def __init__(self, path: Path, rate: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 -- lives as long as the call
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(rate)
        self._gap_max = int(GAP_MAX_S * rate)
        self._next: int | None = None  # sample index that continues the file

    def on_audio(self, pcm: bytes, arrival_us: int, sample_index: int, lost: bool) -> None:
        """`MediaLeg.on_audio`."""
        if self._next is not None and 0 < sample_index - self._next <= self._gap_max:
            self._file.writeframesraw(bytes(2 * (sample_index - self._next)))
        self._file.writeframesraw(pcm)
        self._next = sample_index + len(pcm) // 2

    def close(self) -> None:
        self._file.close()


class Recording:
    """Records a call as the plan says, from entering to leaving the context."""

    def __init__(self, call: Call, plan: Plan) -> None:
        self._call = call
        self._plan = plan
        self._mono: MonoRecorder | None = None
        self._recorder: Recorder | None = None

    async def __aenter__(self) -> Self:
        leg, path = self._call.leg, self._plan.record
        if path is not None and self._plan.stereo:
            self._recorder = Recorder()
            path.parent.mkdir(parents=True, exist_ok=True)
            self._recorder.start(leg, path, "opus" if path.suffix == ".opus" else "wav")
        elif path is not None:
            self._mono = MonoRecorder(path, leg.rate)
            leg.on_audio = self._mono.on_audio
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._call.leg.on_audio = None
        if self._mono is not None:
            await asyncio.to_thread(self._mono.close)
        if self._recorder is not None:
            await self._recorder.close()


async def carry_out(
    call: Call, plan: Plan, pcm: bytes, tts: Tts | None, stop: asyncio.Event, sleep: Sleep = asyncio.sleep
) -> None:
    """Waits for the answer, does what the plan says, and leaves the call ended. `pcm` is the file of the plan at `leg.rate`;
    `stop` is the user's Ctrl-C."""
    await _first(answered(call), call.ended.wait(), stop.wait(), timeout_s=plan.ring_s)
    if call.answered_us and not call.ended.is_set():
        async with Recording(call, plan):
            turn = _play_and_say(call.leg, plan, pcm, tts, sleep)
            until = [turn] if plan.duration_s is None and (pcm or tts) else [_and_then_wait(turn)]
            await _first(*until, call.ended.wait(), stop.wait(), timeout_s=plan.duration_s)
    await call.hangup(reason="" if call.answered_us else "no answer")
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(call.ended.wait(), HANGUP_S)


async def answered(call: Call) -> None:
    """Returns when the call is answered and its media runs (media alone may be that of a 183)."""
    await call.answered.wait()
    await call.media_ready.wait()


async def _play_and_say(leg: MediaLeg, plan: Plan, pcm: bytes, tts: Tts | None, sleep: Sleep) -> None:
    await play(leg, pcm, sleep)
    if tts is not None and plan.say is not None:
        await speak(leg, tts.synthesize(plan.say, leg.rate), sleep)


async def _and_then_wait(turn: Awaitable[None]) -> None:
    await turn
    await asyncio.Event().wait()


async def _first(*things: Awaitable[object], timeout_s: float | None) -> None:
    """Returns when the first is done or the time is over; the others are cancelled. An error of the first one is raised."""
    tasks = [asyncio.ensure_future(thing) for thing in things]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def result(uri: str, call: Call, plan: Plan) -> CallResult:
    """The numbers of an ended call."""
    stats = call.leg.stats()
    was_answered = call.answered_us > 0
    return CallResult(
        uri=uri,
        answered=was_answered,
        end_code=call.end_code,
        end_reason=call.end_reason,
        sip_call_id=call.sip_call_id,
        setup_s=(call.answered_us - call.started_us) / 1e6 if was_answered else 0.0,
        duration_s=(call.ended_us - call.answered_us) / 1e6 if was_answered and call.ended_us else 0.0,
        codec=stats["codec"],
        ptime_ms=stats["ptime_ms"],
        secure=bool(stats["secure"]),
        path=call.leg.describe(),
        sent_packets=stats["tx_packets"],
        received_packets=stats["rx_packets"],
        lost_packets=stats["rx_lost"],
        late_packets=stats["rx_late"],
        jitter_ms=stats["rx_jitter_ms"],
        played_s=(stats["played"] - stats["flushed"]) / call.leg.rate,
        recording=str(plan.record) if plan.record is not None and was_answered else None,
    )
