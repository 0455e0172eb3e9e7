# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings: both sides at their time on the wire, to the sample, whatever happens to the call. Virtual time; real workers."""

from __future__ import annotations

import shutil
import subprocess
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

import mediacore
from mediacore import ArgumentError, Mixer, Recorder, Recording, StateError, VirtualLeg, Worker, bridge
from tests.media.rig import PCMU, RATE, Phone, drain_until
from tests.media.rtp import Rtp, babble, best_lag, from_l16, l16, likeness, part, tone

WIDE = ("L16", RATE, 96)
START = 1_000_000
MS = 1000


def read(path: str | Path, *, whole: bool = True) -> np.ndarray:
    """(n, 2) samples at the file's own rate; Opus through opus-tools, nothing of ours. whole: it has an end."""
    file = Path(path)
    if file.suffix == ".opus":
        decoder = shutil.which("opusdec")
        assert decoder, "opusdec is missing: scripts/setup --dev"
        info = subprocess.run(["opusinfo", str(file)], capture_output=True, text=True, check=whole)
        complaints = [line for line in (info.stdout + info.stderr).splitlines() if "WARNING" in line]
        assert [line for line in complaints if whole or "EOS not set" not in line] == []
        rate = next(line.split()[3] for line in info.stdout.splitlines() if "Original sample rate" in line)
        file = file.with_suffix(".decoded.wav")
        subprocess.run([decoder, "--quiet", "--no-dither", "--rate", rate, str(path), str(file)], check=True)
    with wave.open(str(file)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth()) == (2, 2)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)


def index(t_us: int, rate: int = RATE) -> int:
    return round((t_us - START) * rate / 1e6)


class Call:
    """A leg in virtual time that is recorded from START on. The caller says what `voice` holds, without jitter."""

    def __init__(self, path: Path, **how: object) -> None:
        self.leg = VirtualLeg(codec="L16", clock=RATE, pt=96, **how)  # type: ignore[arg-type]
        self.recording = Recording(None, self.leg, path, path.suffix[1:], start_us=START)
        self.now = START
        self.voice = babble(60, RATE, 3)
        self.seq = 0
        self.right = np.zeros(60 * RATE, np.int16)  # what left, where it left
        self.left = np.zeros(60 * RATE, np.int16)  # what came, where it came

    def run(self, seconds: float, *, speaks: bool = True, size: int = 320) -> None:
        for k in range(round(seconds * 100)):
            if speaks and k % 2 == 0:
                pcm = self.voice[self.seq * size : (self.seq + 1) * size]
                self.leg.on_packet(Rtp(self.seq, self.seq * size, l16(pcm), 96).pack(), self.now)
                self.left[index(self.now) : index(self.now) + size] = pcm
                self.seq += 1
            for pkt in self.leg.on_tick(self.now + 3 * MS):
                sent = from_l16(Rtp.unpack(pkt).payload)
                at = index(self.now + 3 * MS)
                self.right[at : at + len(sent)] = sent
            self.now += 10 * MS
            self.recording.turn(self.now)
            self.leg.frames(), self.leg.events()

    def close(self) -> np.ndarray:
        self.recording.stop()
        self.leg.close()
        return read(self.recording.path)


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_both_sides_stand_where_they_were_on_the_wire(tmp_path: Path, ptime_ms: int) -> None:
    call = Call(tmp_path / "x.wav", ptime_ms=ptime_ms)
    answer = babble(3, RATE, 9)
    call.run(0.5)
    call.leg.write(answer.tobytes())
    call.run(5.5)
    wav = call.close()
    assert len(wav) >= 6 * RATE - 400
    assert np.array_equal(wav[:, 1], call.right[: len(wav)])
    assert np.count_nonzero(call.right) > 2.9 * RATE
    begun = RATE // 50  # the very first packet is faded in
    assert np.array_equal(wav[begun : 5 * RATE, 0], call.left[begun : 5 * RATE])


def test_opus_stands_where_wav_does(tmp_path: Path) -> None:
    call = Call(tmp_path / "x.opus")
    call.run(0.5)
    call.leg.write(babble(3, RATE, 9).tobytes())
    call.run(5.5)
    call.run(2, speaks=False)
    length = call.now
    opus = call.close()
    assert abs(len(opus) - index(length)) <= 400
    for side, wire in ((0, call.left), (1, call.right)):
        want, have = wire[: 6 * RATE].astype(float), opus[: 6 * RATE, side].astype(float)
        shifted = [np.dot(want[100:-100], np.roll(have, k)[100:-100]) for k in range(-20, 21)]
        assert int(np.argmax(shifted)) == 20, "it is shifted"
        assert np.dot(want, have) / np.linalg.norm(want) / np.linalg.norm(have) > 0.98
    # The caller stops, the bot is silent: what one says is not to be heard on the other side.
    alone = opus[4 * RATE : 5 * RATE].astype(float)
    assert np.linalg.norm(alone[:, 1]) < 0.01 * np.linalg.norm(alone[:, 0])


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
@pytest.mark.parametrize("kind", ["wav", "opus"])
def test_every_rate(tmp_path: Path, kind: str, rate: int) -> None:
    with closing(VirtualLeg(codec="PCMU", rate=rate)) as leg:
        recording = Recording(None, leg, tmp_path / f"x.{kind}", kind, start_us=START)
        leg.on_tick(START)
        leg.write(babble(1, rate).tobytes())
        for k in range(1, 100):
            leg.on_tick(START + k * 20 * MS)
        recording.stop()
        assert recording.rate == rate
        wav = read(recording.path)
        assert len(wav) == 100 * rate // 50
        lag, score = best_lag(babble(1, rate), wav[:, 1], rate // 10)
        assert abs(lag - rate // 50) <= 1, "of the codec, which moves a phase"
        assert score > 0.98
        assert leg.stats()["tap_dropped"] == 0


def test_hold_resume_and_another_codec(tmp_path: Path) -> None:
    """The ledger's first sample of speech stands in the file at its sample, before, between and after."""
    call = Call(tmp_path / "x.wav")
    speech = babble(1, RATE, 4)
    starts: list[int] = []
    call.leg.on_event = lambda kind, a, b, t_us: starts.append(t_us) if kind == mediacore.EV_PLAY_START else None
    call.run(1)
    call.leg.write(speech.tobytes())
    call.run(1.5)
    call.leg.start(codec="L16", clock=RATE, pt=96, send=False, recv=False)
    call.run(1)
    call.leg.start(codec="L16", clock=RATE, pt=96)
    call.leg.write(speech.tobytes())
    call.run(1.5)
    call.leg.stop()
    call.now += 1_234_500
    call.leg.start(codec="PCMA", clock=8000, pt=8, ptime_ms=40)
    call.leg.write(speech.tobytes())
    for _ in range(100):
        call.leg.on_tick(call.now)
        call.now += 20 * MS
    call.leg.drain()
    wav = call.close()
    assert len(starts) == 3
    for t_us in starts:
        at = index(t_us)
        assert np.array_equal(wav[at : at + len(speech), 1], speech)
        assert not wav[at - 100 : at, 1].any()
    assert not wav[index(starts[0]) + len(speech) : index(starts[1]), 1].any()
    assert not wav[round(2.6 * RATE) : round(3.4 * RATE), 0].any(), "nothing is heard on hold"


def test_a_pause_leaves_silence_of_its_length(tmp_path: Path) -> None:
    call = Call(tmp_path / "x.wav")
    call.leg.write((np.arange(4 * RATE, dtype=np.int16) | 1).tobytes())
    call.run(1)
    call.recording.pause()
    assert call.recording.paused
    paused = call.now
    call.run(1)
    call.recording.resume(now_us=call.now)
    resumed = call.now
    call.run(1)
    wav = call.close()
    tick = RATE // 50
    assert not wav[index(paused) + tick : index(resumed)].any(), "within one frame"
    assert np.array_equal(wav[: index(paused), 1], call.right[: index(paused)])
    again = index(resumed) + tick
    assert np.array_equal(wav[again:, 1], call.right[again : len(wav)])
    assert wav[again : again + tick, 0].any()


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with closing(VirtualLeg()) as leg, closing(Recorder()) as recorder:
        with pytest.raises(ArgumentError, match="format must be one of"):
            Recording(None, leg, tmp_path / "x", "mp3", start_us=1)
        with pytest.raises(ArgumentError, match="start_us"):
            Recording(None, leg, tmp_path / "x")
        with pytest.raises(ArgumentError, match="a VirtualLeg has none"):
            Recording(recorder, leg, tmp_path / "x")
        first = Recording(None, leg, tmp_path / "x", start_us=1)
        with pytest.raises(StateError, match="tapped"):
            Recording(None, leg, tmp_path / "y", start_us=1)
        first.stop()
        assert not (tmp_path / "y").exists()


# --- real workers ---


def wait(worker: Worker, recorder: Recorder, seconds: float) -> None:
    end = time.monotonic() + seconds
    drain_until(worker, lambda: time.monotonic() >= end, recorder.drain)


def complete(worker: Worker, recorder: Recorder, *recordings: Recording) -> None:
    for recording in recordings:
        recording.stop()
    drain_until(worker, lambda: all(recording.done for recording in recordings), recorder.drain)
    recorder.drain()  # on_change of what was done since


def alike(said: np.ndarray, recorded: np.ndarray, late_ms: int) -> float:
    """Of the windows of 100 ms that no stall of this machine touched, the best quarter, the worst likeness. The whole is judged
    in virtual time, test_opus_stands_where_wav_does."""
    return float(np.quantile(likeness(said, recorded, RATE, window_s=0.1, most_s=late_ms / 1000), 0.75))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with closing(Recorder()) as r:
        yield r


@pytest.mark.parametrize("kind", ["wav", "opus"])
def test_a_call_on_a_worker(worker: Worker, recorder: Recorder, room: ExitStack, tmp_path: Path, kind: str) -> None:
    phone = Phone(worker, room, *WIDE)
    said, answer = babble(2, RATE, 1), babble(2, RATE, 2)
    changes: list[Recording] = []
    recording = Recording(recorder, phone.leg, tmp_path / f"x.{kind}", kind)
    recording.on_change = changes.append
    with pytest.raises(StateError, match="recorded already"):
        Recording(recorder, phone.leg, tmp_path / "y.wav")
    phone.phone.write(said.tobytes())
    phone.leg.write(answer.tobytes())
    drain_until(worker, lambda: phone.phone.pending == phone.leg.pending == 0, recorder.drain)
    wait(worker, recorder, 0.5)
    complete(worker, recorder, recording)
    assert changes == [recording]
    stats = recording.stats()
    assert (stats["lost"], stats["error"], stats["done"]) == (0, None, True)
    wav = read(recording.path)
    assert stats["samples"] == len(wav)
    for side, voice in enumerate((said, answer)):
        assert alike(voice, wav[:, side], 1000) > (0.98 if kind == "wav" else 0.96), (
            "how punctual the network and the worker are is not judged here"
        )
    assert not (tmp_path / "y.wav").exists()


def test_bridged_and_mixed_legs_have_both_sides(worker: Worker, recorder: Recorder, room: ExitStack, tmp_path: Path) -> None:
    """While the recording runs, the leg goes from the engine to a bridge (packets pass) and on into a conference."""
    phones = [Phone(worker, room, *PCMU) for _ in range(3)]
    a, b, _ = phones
    tones = (400.0, 620.0, 900.0)
    for phone, hz in zip(phones, tones, strict=True):
        phone.say(tone(8, RATE, hz, 0.15))
    files = [Recording(recorder, phone.leg, tmp_path / f"{k}.wav") for k, phone in enumerate(phones)]

    def sound(seconds: float) -> int:
        """Waits for so much of it from each phone and to each: a machine that stands still for a while sends none. The time."""
        before = [(phone.phone.played, phone.leg.stats()["tx_packets"]) for phone in phones]

        def enough() -> bool:
            now = [(phone.phone.played, phone.leg.stats()["tx_packets"]) for phone in phones]
            return all(m - n >= seconds * RATE and k - j >= seconds * 50 for (m, k), (n, j) in zip(now, before, strict=True))

        drain_until(worker, enough, recorder.drain)
        return mediacore.clock_us()

    began = mediacore.clock_us()
    with closing(bridge(a.leg, b.leg)):
        middle = sound(1.5)
    with closing(Mixer(worker, rate=RATE)) as mixer:
        for phone in phones:
            mixer.add(phone.leg)
        ended = sound(2.0)
    complete(worker, recorder, *files)
    wavs = [read(f.path) for f in files]

    def heard(side: int, first_us: int, last_us: int) -> np.ndarray:
        """How loud each voice (column) is in each recording (row), 1 = as it was said."""
        starts = [f.start_us for f in files]
        parts = [w[(first_us - t) * 2 // 125 : (last_us - t) * 2 // 125, side] for w, t in zip(wavs, starts, strict=True)]
        return np.array([[part(pcm, RATE, hz) / (0.15 * 32767) for hz in tones] for pcm in parts])

    bridged, mixed = (began + 500 * MS, middle - 100 * MS), (middle + 500 * MS, ended - 200 * MS)
    own, other = np.eye(3, dtype=bool), np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    for side, when, loud in ((0, bridged, own), (1, bridged, other), (0, mixed, own), (1, mixed, ~own)):
        levels = heard(side, *when)
        assert (levels[loud] > 0.8).all(), levels
        assert (levels[~loud] < 0.05).all(), levels
    assert not wavs[2][: (middle - files[2].start_us) * 2 // 125, 1].any(), "who is in no bridge hears nothing of it"


def test_a_leg_may_go_first(worker: Worker, recorder: Recorder, room: ExitStack, tmp_path: Path) -> None:
    phone = Phone(worker, room, *WIDE)
    recording = Recording(recorder, phone.leg, tmp_path / "x.wav")
    wait(worker, recorder, 0.3)
    phone.leg.close()
    complete(worker, recorder, recording)
    assert recording.stats()["done"]
    recording.stop()
    recording.pause()
    recording.resume()


def test_closing_the_recorder_completes_all(worker: Worker, room: ExitStack, tmp_path: Path) -> None:
    phones = [Phone(worker, room, *WIDE) for _ in range(3)]
    recorder = Recorder()
    files = [Recording(recorder, p.leg, tmp_path / f"{k}.wav") for k, p in enumerate(phones)]
    time.sleep(0.3)
    recorder.close()
    recorder.close()
    assert all(f.done and len(read(f.path)) > RATE // 10 for f in files)
    with pytest.raises(StateError, match="closed"):
        recorder.drain()
