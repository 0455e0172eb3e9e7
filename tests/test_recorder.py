# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings on the event loop, on real disks: killed processes, disks that are full or away, and many calls at once."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

import mediacore
from mediacore import Leg, Worker
from sipagent.recorder import Recorder
from sipagent.testing import FakeLeg
from tests.media.test_record import read

HOST = "127.0.0.1"
RATE = 16000
WAIT_S = 30.0
KILLS = 20
MS = 1000

# A process that records until it is killed: every sample of the right side says when it left. It tells how far it is.
CHILD = """
import sys, time, numpy as np
from mediacore import Leg, Recorder, Recording, Worker, clock_us
worker, recorder = Worker(fifo=False), Recorder()
worker.start()
legs = []
for path in sys.argv[1:]:
    leg = Leg(worker, rate=16000, tx_seconds=20.0)
    recording = Recording(recorder, leg, path, path.rsplit(".", 1)[1])
    leg.write(np.resize(np.arange(1, 20001, dtype=np.int16), 16000 * 15).tobytes())
    leg.start_udp(local=("127.0.0.1", 0), remote=("127.0.0.1", 9), codec="L16", clock=16000, pt=96)
    legs.append((leg, recording))
while True:
    print(min(leg.played for leg, _ in legs), flush=True)
    time.sleep(0.005)
"""


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    with closing(Worker()) as w:
        w.start()
        loop = asyncio.get_running_loop()
        loop.add_reader(w.fileno(), w.drain)
        yield w
        loop.remove_reader(w.fileno())


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    r = Recorder()
    yield r
    await r.close()


@contextmanager
def speaking(worker: Worker, seconds: float) -> Iterator[Leg]:
    """A leg with something to say, to nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer, closing(Leg(worker, rate=RATE, tx_seconds=30.0)) as leg:
        peer.bind((HOST, 0))
        leg.write((np.arange(round(seconds * RATE), dtype=np.int16) | 1).tobytes())
        leg.start_udp(local=(HOST, 0), remote=peer.getsockname(), codec="L16", clock=RATE, pt=96)
        yield leg


async def spoken(*legs: Leg) -> None:
    """All that they had to say has left, and is on its way to the file."""
    async with asyncio.timeout(WAIT_S):
        while any(leg.pending for leg in legs):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)


async def test_a_recording_from_beginning_to_end(worker: Worker, recorder: Recorder, tmp_path: Path) -> None:
    with speaking(worker, 0.5) as leg:
        recording = recorder.start(leg, tmp_path / "call.wav", "wav")
        await spoken(leg)
        await recording.close()
        await recording.close()
    assert recording.notes() == {
        "recording": str(tmp_path / "call.wav"),
        "recording_start_us": recording.start_us,
        "recording_lost_ms": 0,
        "recording_error": None,
    }
    right = read(recording.path)[:, 1]
    assert np.count_nonzero(right) == RATE // 2
    assert recording.path.stat().st_mode & 0o007 == 0, "nobody else's business"


async def test_only_a_native_leg_can_be_recorded(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="FakeLeg"):
        recorder.start(FakeLeg(), tmp_path / "call.wav", "wav")


@pytest.mark.parametrize("thing", ["fifo", "directory", "/dev/full"])
async def test_what_is_no_file_costs_the_recording_only(worker: Worker, recorder: Recorder, tmp_path: Path, thing: str) -> None:
    path = Path(thing) if thing.startswith("/") else tmp_path / thing
    if thing == "fifo":
        os.mkfifo(path)
    elif thing == "directory":
        path.mkdir()
    with speaking(worker, 0.3) as leg:
        recording = recorder.start(leg, path, "wav")
        await spoken(leg)
        await recording.close()
    assert recording.notes()["recording_error"] is not None


@pytest.mark.parametrize("kind", ["wav", "opus"])
async def test_a_disk_that_comes_later(worker: Worker, recorder: Recorder, tmp_path: Path, kind: str) -> None:
    """The directory appears after a second: nothing is lost, for so much is kept in memory."""
    with speaking(worker, 2) as leg:
        recording = recorder.start(leg, tmp_path / "later" / f"x.{kind}", kind)
        await asyncio.sleep(1.0)
        (tmp_path / "later").mkdir()
        await spoken(leg)
        await recording.close()
    assert (recording.notes()["recording_error"], recording.notes()["recording_lost_ms"]) == (None, 0)
    assert np.count_nonzero(read(recording.path)[:, 1]) >= 1.95 * RATE


async def test_a_full_disk_that_gets_room_again(worker: Worker, recorder: Recorder, tmp_path: Path) -> None:
    """A real limit of the kernel (RLIMIT_FSIZE; Python ignores its signal). What is lost is silence of its length."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with speaking(worker, 8) as leg:
        recording = recorder.start(leg, tmp_path / "x.wav", "wav")
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
        try:
            await asyncio.sleep(4.0)
            left = leg.played
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        await asyncio.sleep(1.0)
        await recording.close()
        stats = leg.stats()
    assert left > 2 * RATE, "the call goes on"
    notes = recording.notes()
    right = read(recording.path)[:, 1]
    # Each pair of samples counts on from the one before: what is missing was lost, silence alone is the machine's.
    said = right[np.flatnonzero(right)].astype(np.int64) >> 1
    missing = 2 * int(np.sum(np.maximum((np.diff(said) % 2**15) - 1, 0)))
    assert notes["recording_error"] is None
    assert notes["recording_lost_ms"] * RATE // 1000 == pytest.approx(missing, abs=RATE // 50)
    assert notes["recording_lost_ms"] == recording.lost_ms > 100
    assert np.count_nonzero(right[-RATE // 2 :]) > RATE // 4, "and is written again to its end"
    assert stats["tap_dropped"] == 0


def kill_at(child: subprocess.Popen[str], sample: int) -> int:
    """Kills it when it has played so much; returns how much it had."""
    assert child.stdout is not None
    played = 0
    while played < sample:
        played = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    whole_lines = child.stdout.read().split("\n")[:-1]
    return int(whole_lines[-1]) if whole_lines else played


@pytest.mark.parametrize("batch", range(KILLS // 5))
def test_killed_at_any_moment_it_plays_and_has_all_but_a_second(tmp_path: Path, batch: int) -> None:
    rng = random.Random(batch)
    paths = {n: [tmp_path / f"{n}.{kind}" for kind in ("wav", "opus")] for n in range(5)}
    with ExitStack() as room:
        children = [
            room.enter_context(subprocess.Popen([sys.executable, "-c", CHILD, *map(str, p)], stdout=subprocess.PIPE, text=True))
            for p in paths.values()
        ]
        played = [kill_at(child, rng.randrange(RATE // 5, RATE * 3 // 2)) for child in children]
    for n, path in ((n, path) for n, both in paths.items() for path in both):
        stereo = read(path, whole=False) if path.stat().st_size > 200 else np.zeros((0, 2), np.int16)
        assert played[n] - len(stereo) <= RATE, (n, path.suffix)
        right = stereo[:, 1]
        if path.suffix == ".wav" and right.any():
            said = right[right != 0]  # a stall puts silence in, and never harms a sample
            assert np.array_equal(said, np.resize(np.arange(1, 20001, dtype=np.int16), len(said)))


@pytest.mark.parametrize("kind", ["wav", "opus"])
async def test_a_hundred_at_once_and_nothing_is_missing(worker: Worker, recorder: Recorder, tmp_path: Path, kind: str) -> None:
    """Each of them is a canary: its right side is whole."""
    n, seconds = 100, 2.0
    loop = asyncio.get_running_loop()
    with ExitStack() as room:
        legs = [room.enter_context(speaking(worker, seconds)) for _ in range(n)]
        recordings = [recorder.start(leg, tmp_path / f"{k}.{kind}", kind) for k, leg in enumerate(legs)]
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = loop.time()
        await spoken(*legs)
        await asyncio.gather(*(recording.close() for recording in recordings))
        after = resource.getrusage(resource.RUSAGE_SELF)
        stats = [leg.stats() for leg in legs]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{n} recordings, {kind}: {cpu / (loop.time() - began):.0%} of a core, media included")
    assert {r.notes()["recording_lost_ms"] for r in recordings} == {0}
    assert sum(s["tap_dropped"] for s in stats) == 0
    if kind == "wav":
        for recording in recordings:
            right = read(recording.path)[:, 1]
            said = right[right != 0]  # from where the recording began; silence is all that a stall puts in
            begun = int(said[0]) - 1
            assert begun < RATE // 2
            assert np.array_equal(said, np.arange(begun, seconds * RATE, dtype=np.int16) | 1)


def test_nothing_is_left() -> None:
    assert mediacore.live()["recordings"] == 0
