# SPDX-License-Identifier: GPL-3.0-or-later
"""Playing, speaking and recording on a call, in virtual time: the fake leg sends its queue as the fake clock moves."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import mediacore
from sipagent import player
from sipagent.call import Call, CallState
from sipagent.player import MonoRecorder, Plan
from sipagent.wavfile import WavError, read_wav

RATE = 16000


class Leg:
    """An output ring of `room` samples that drains as time passes."""

    rate = RATE

    def __init__(self, room: int = 10 * RATE, behind: int = 0) -> None:
        self.room = room
        self.behind = behind  # samples that the first wait is short of
        self.now_s = 0.0
        self.sent = bytearray()
        self.queue = bytearray()
        self.on_audio: Any = None
        self.on_event: Any = None

    @property
    def pending(self) -> int:
        return len(self.queue) // 2

    def write(self, pcm: bytes) -> int:
        taken = min(len(pcm) // 2, self.room - self.pending)
        self.queue += pcm[: 2 * taken]
        return taken

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        n = 2 * max(0, round(seconds * RATE) - self.behind)
        self.behind = 0
        self.sent += self.queue[:n]
        del self.queue[:n]
        await asyncio.sleep(0)

    def describe(self) -> str:
        return "udp > parse"

    def stats(self) -> dict[str, Any]:
        counters = {"codec": "PCMU/8000", "ptime_ms": 20, "secure": False, "tx_packets": 5, "rx_packets": 4, "rx_lost": 1}
        return {**counters, "rx_late": 0, "rx_jitter_ms": 0.5, "played": RATE, "flushed": 0}


class Control:
    """The far end hangs up when it is told."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.asked: list[tuple[int, str]] = []

    async def answer(self, code: int = 200) -> None: ...

    async def send_info(self, digits: str, ms: int) -> bool:
        return False

    async def hangup(self, code: int = 0, reason: str = "", headers: object = ()) -> None:
        self.asked.append((code, reason))
        assert self.call is not None
        end(self.call)


def make_call(*, is_answered: bool) -> tuple[Call, Control]:
    control = Control()
    call = Call(Leg(), control, "out", "sip:a@192.0.2.1", "sip:b@192.0.2.2", started_us=1)  # type: ignore[arg-type]
    control.call = call
    if is_answered:
        call.state, call.answered_us = CallState.CONFIRMED, 500_001
        call.answered.set()
        call.media_ready.set()
    return call, control


def end(call: Call) -> None:
    call.state, call.ended_us = CallState.ENDED, call.answered_us + 2_000_000
    call.ended.set()


def tone(seconds: float, step: int = 1) -> bytes:
    return b"".join((i * step % 20000).to_bytes(2, "little", signed=True) for i in range(int(seconds * RATE)))


async def test_longer_than_the_ring_is_played_whole_and_in_order() -> None:
    leg = Leg(room=2 * RATE)
    pcm = tone(7.5, 3)
    await player.play(leg, pcm, leg.sleep)  # type: ignore[arg-type]
    assert bytes(leg.sent) == pcm
    assert leg.now_s == pytest.approx(7.5, abs=player.REFILL_S)


async def test_play_returns_when_the_last_sample_has_left_not_before() -> None:
    leg = Leg()
    await player.play(leg, tone(1.5), leg.sleep)  # type: ignore[arg-type]
    assert (leg.pending, leg.now_s) == (0, 1.5)


async def test_play_waits_for_a_leg_that_is_behind() -> None:
    leg = Leg(behind=320)
    await player.play(leg, tone(0.5), leg.sleep)  # type: ignore[arg-type]
    assert leg.pending == 0


async def test_speech_is_played_while_it_is_made() -> None:
    leg = Leg()
    at: list[int] = []

    async def speech() -> AsyncIterator[bytes]:
        for piece in range(3):
            at.append(leg.pending)
            yield tone(0.5, piece + 1)

    await player.speak(leg, speech(), leg.sleep)  # type: ignore[arg-type]
    assert at == [0, RATE // 2, RATE]
    assert bytes(leg.sent) == tone(0.5, 1) + tone(0.5, 2) + tone(0.5, 3)


async def test_call_ends_when_all_is_played() -> None:
    call, control = make_call(is_answered=True)
    leg: Any = call.leg
    await player.carry_out(call, Plan(play=Path("x.wav")), tone(3), None, asyncio.Event(), sleep=leg.sleep)
    assert (bytes(leg.sent), control.asked) == (tone(3), [(0, "")])


async def test_call_that_nobody_answers_is_given_up() -> None:
    call, control = make_call(is_answered=False)
    await player.carry_out(call, Plan(ring_s=0.01), b"", None, asyncio.Event())
    assert control.asked == [(0, "no answer")]
    report = player.result("sip:a@192.0.2.1", call, Plan(record=Path("x.wav")))
    assert (report.answered, report.duration_s, report.recording) == (False, 0.0, None)


async def test_far_end_that_hangs_up_ends_a_call_without_limit() -> None:
    call, _ = make_call(is_answered=True)
    asyncio.get_running_loop().call_later(0.01, end, call)
    await player.carry_out(call, Plan(), b"", None, asyncio.Event())
    report = player.result("sip:a@192.0.2.1", call, Plan())
    assert (report.answered, report.setup_s, report.duration_s, report.played_s) == (True, 0.5, 2.0, 1.0)
    assert (report.sent_packets, report.received_packets, report.lost_packets) == (5, 4, 1)


async def test_interrupt_hangs_up() -> None:
    call, control = make_call(is_answered=True)
    stop = asyncio.Event()
    stop.set()
    await player.carry_out(call, Plan(duration_s=1000), b"", None, stop)
    assert control.asked == [(0, "")]


async def test_duration_counts_beyond_what_is_played() -> None:
    call, control = make_call(is_answered=True)
    done = asyncio.create_task(player.carry_out(call, Plan(duration_s=0.05), b"", None, asyncio.Event()))
    await asyncio.sleep(0)
    assert not done.done()
    assert control.asked == []
    await done
    assert control.asked == [(0, "")]


async def test_heard_audio_is_recorded_with_gaps_as_silence(tmp_path: Path) -> None:
    call, _ = make_call(is_answered=True)
    path = tmp_path / "new" / "heard.wav"
    async with player.Recording(call, Plan(record=path)):
        assert call.leg.on_audio is not None
        call.leg.on_audio(tone(0.02, 1), 0, 5000, False)
        call.leg.on_audio(tone(0.02, 2), 0, 5000 + 2 * 320, False)
    assert call.leg.on_audio is None
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        assert file.readframes(10**6) == tone(0.02, 1) + bytes(640) + tone(0.02, 2)


def test_absurd_gap_is_not_written(tmp_path: Path) -> None:
    recorder = MonoRecorder(tmp_path / "a.wav", RATE)
    recorder.on_audio(tone(0.02), 0, 0, False)
    recorder.on_audio(tone(0.02), 0, 2**40, False)
    recorder.close()
    assert (tmp_path / "a.wav").stat().st_size == 44 + 2 * 640


@pytest.mark.parametrize("name", ["both.wav", "both.opus"])
async def test_stereo_recording_has_both_sides(tmp_path: Path, name: str) -> None:
    call, _ = make_call(is_answered=True)
    with closing(mediacore.Worker(fifo=False)) as worker, closing(mediacore.Leg(worker)) as leg:
        call.leg = leg
        async with player.Recording(call, Plan(record=tmp_path / name, stereo=True)):
            pass
    head = (tmp_path / name).read_bytes()[:80]
    assert head.startswith(b"OggS" if name.endswith("opus") else b"RIFF")


def write_wav(path: Path, *, channels: int = 1, width: int = 2, rate: int = RATE, frames: bytes = b"") -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return path


def test_wav_at_the_same_rate_is_untouched(tmp_path: Path) -> None:
    assert read_wav(write_wav(tmp_path / "a.wav", frames=tone(0.1)), RATE) == tone(0.1)


def test_wav_is_resampled_and_made_mono(tmp_path: Path) -> None:
    pair = (100).to_bytes(2, "little") + (300).to_bytes(2, "little")
    assert read_wav(write_wav(tmp_path / "a.wav", channels=2, frames=50 * pair), RATE) == 50 * (200).to_bytes(2, "little")
    assert len(read_wav(write_wav(tmp_path / "b.wav", rate=8000, frames=bytes(1600)), RATE)) == 3200


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [("none.wav", None, "No such file"), ("text.wav", b"hello", "not a PCM WAV"), ("empty.wav", b"", "not a PCM WAV")],
)
def test_wav_that_cannot_be_played_is_named(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WavError, match=says) as caught:
        read_wav(path, RATE)
    assert name in str(caught.value)


def test_wav_of_8_bits_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(WavError, match=r"16 bits are needed, convert it: sox"):
        read_wav(write_wav(tmp_path / "a.wav", width=1, frames=bytes(100)), RATE)
