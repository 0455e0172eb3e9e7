# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames fetched instead of delivered: Leg.read and Leg.batches, in virtual time; on a real worker, how often
Python is woken."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from mediacore import ArgumentError, Batch, Leg, StateError, VirtualLeg, Worker
from tests.media.rtp import Rtp
from tests.netsim import MS

START = 1_000_000
SAMPLES = 160  # of a packet
HOST = "127.0.0.1"


def law(number: int) -> bytes:
    """A payload that tells packets apart."""
    return bytes([number % 120 + 1]) * SAMPLES


class Line:
    """A caller who sends a packet every 20 ms, and the leg that hears it."""

    def __init__(self, **how: Any) -> None:
        self.leg = VirtualLeg(rate=8000, **how)
        self.sent = 0

    def send(self, n: int = 1, lost: frozenset[int] = frozenset()) -> None:
        for _ in range(n):
            now = START + self.sent * 20 * MS
            if self.sent not in lost:
                self.leg.on_packet(Rtp(self.sent, self.sent * SAMPLES, law(self.sent)).pack(), now)
            self.leg.on_tick(now + 10 * MS)
            self.sent += 1
        self.leg.drain()

    def heard_whole(self, n: int, lost: frozenset[int] = frozenset()) -> list[tuple[bytes, int, int, bool]]:
        """What on_audio of another leg gets from the same packets."""
        twin = Line()
        frames: list[tuple[bytes, int, int, bool]] = []
        with closing(twin.leg):
            twin.leg.on_audio = lambda *frame: frames.append(frame)
            for _ in range(n):
                twin.send(1, lost)
            twin.leg.on_audio = None
        return frames


@pytest.fixture
def line() -> Iterator[Line]:
    it = Line()
    with closing(it.leg):
        it.leg.on_event = lambda *_: None
        yield it


async def soon(leg: VirtualLeg, ms: float) -> Batch:
    """What waits already."""
    return await asyncio.wait_for(leg.read(ms), 5)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("ms", "frames"), [(20, 1), (1, 1), (21, 2), (100, 5), (500, 25)])
async def test_as_few_frames_as_hold_what_was_asked_for(line: Line, ms: float, frames: int) -> None:
    reading = asyncio.ensure_future(line.leg.read(ms))
    for _ in range(frames):
        await settle()
        assert not reading.done()
        line.send()
    batch = await reading
    want = line.heard_whole(frames)
    assert batch.pcm == b"".join(pcm for pcm, *_ in want)
    assert batch.frames == tuple(
        (index, arrival, lost) for _, arrival, index, lost in want for index, arrival in [(index, arrival)]
    )
    assert (batch.index, batch.arrival_us, batch.lost) == (0, START + (frames - 1) * 20 * MS, False)


async def test_what_waits_is_given_at_once_and_the_rest_stays(line: Line) -> None:
    await settle()
    line.send(7)
    sizes = []
    for _ in range(3):
        batch = await soon(line.leg, 40)
        sizes.append((batch.index, len(batch.frames)))
    assert sizes == [(0, 2), (320, 2), (640, 2)]
    reading = asyncio.ensure_future(line.leg.read(40))
    await settle()
    assert not reading.done()  # one waits, two are wanted
    line.send()
    assert (await reading).index == 960


async def test_gaps_are_marked(line: Line) -> None:
    lost = frozenset({3, 4})
    reader = asyncio.ensure_future(line.leg.read(200))
    await settle()
    line.send(15, lost)
    batch = await asyncio.wait_for(reader, 5)
    want = line.heard_whole(15, lost)[: len(batch.frames)]
    assert batch.pcm == b"".join(pcm for pcm, *_ in want)
    assert [lost for *_, lost in batch.frames] == [f[3] for f in want]
    assert batch.lost
    assert sum(lost for *_, lost in batch.frames) == 2


async def test_who_is_cancelled_has_taken_nothing(line: Line) -> None:
    """Cancelled while it waits, after it was woken, and by a time limit: the line that is read is whole."""
    rng = random.Random(4)
    heard: list[Batch] = []
    n = 0
    for _ in range(400):
        task = asyncio.ensure_future(line.leg.read(rng.choice([20, 60, 100])))
        for _ in range(rng.randrange(3)):
            await asyncio.sleep(0)
        line.send(k := rng.randrange(4))
        n += k
        for _ in range(rng.randrange(3)):
            await asyncio.sleep(0)
        if rng.random() < 0.6:
            task.cancel()
        elif not task.done():
            with contextlib.suppress(TimeoutError):
                heard.append(await asyncio.wait_for(task, 0))
            continue
        with contextlib.suppress(asyncio.CancelledError):
            heard.append(await task)
    while line.leg.counters()["ear_frames"] * SAMPLES > sum(len(b.pcm) // 2 for b in heard):
        heard.append(await soon(line.leg, 1))
    assert line.leg.counters()["ear_dropped"] == 0
    assert b"".join(b.pcm for b in heard) == b"".join(pcm for pcm, *_ in line.heard_whole(n))


async def test_a_reader_that_stays_away_costs_two_seconds_and_sees_the_hole(line: Line) -> None:
    line.send()
    await soon(line.leg, 20)
    line.send(200)  # four seconds
    dropped = line.leg.counters()["ear_dropped"]
    assert dropped > 90
    first = [await soon(line.leg, 100) for _ in range(19)]
    assert [b.index for b in first] == [SAMPLES + 5 * k * SAMPLES for k in range(19)]
    line.send(30)
    rest = await soon(line.leg, 500)
    after = await soon(line.leg, 500)
    assert after.index == rest.index + len(rest.pcm) // 2 + dropped * SAMPLES  # not in one batch with what was before the hole
    assert len(rest.frames) < 25


async def test_batches_until_the_leg_is_closed(line: Line) -> None:
    heard: list[Batch] = []

    async def listen() -> None:
        async for batch in line.leg.batches(ms=60):
            heard.append(batch)

    task = asyncio.ensure_future(listen())
    for _ in range(10):
        await settle()
        line.send()
    await settle()
    assert [(b.index, len(b.frames)) for b in heard] == [(480 * k, 3) for k in range(3)]
    line.leg.stop()
    line.leg.drain()
    await settle()
    assert (heard[-1].index, len(heard[-1].frames)) == (1440, 1)  # nothing more comes: what there is
    line.leg.close()
    await asyncio.wait_for(task, 5)
    assert (await line.leg.read()).pcm == b""


async def test_one_reader_and_no_handler(line: Line) -> None:
    task = asyncio.ensure_future(line.leg.read())
    await settle()
    with pytest.raises(StateError, match="another task"):
        await line.leg.read()
    task.cancel()
    for ms in (0, 501, float("nan")):
        with pytest.raises(ArgumentError, match="ms must lie between"):
            await line.leg.read(ms)
    await settle()
    heard: list[int] = []
    line.send(3)
    line.leg.on_audio = lambda pcm, arrival, index, lost: heard.append(index)
    with pytest.raises(StateError, match="on_audio"):
        await line.leg.read()
    line.send(2)
    assert heard == [SAMPLES * k for k in range(5)]  # the handler gets what was not read
    line.leg.on_audio = None


class Count:
    """Frames heard, by handlers."""

    def __init__(self) -> None:
        self.n = self.wanted = 0
        self.reached = asyncio.Event()

    def on_audio(self, *_: object) -> None:
        self.n += 1
        if self.n >= self.wanted:
            self.reached.set()

    async def more(self, n: int) -> None:
        self.reached.clear()
        self.wanted = self.n + n
        await asyncio.wait_for(self.reached.wait(), 20)


@contextlib.contextmanager
def speaking_pair(worker: Worker) -> Iterator[Leg]:
    """A leg that only hears, and one that only sends to it. Gives the first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        here = sock.getsockname()
    with closing(Leg(worker, rate=8000)) as b, closing(Leg(worker, rate=8000)) as a:
        at = b.start_udp(local=(HOST, 0), remote=here, send=False)
        a.start_udp(local=here, remote=at, recv=False)
        yield b
        b.on_audio = None


@contextlib.contextmanager
def on_the_loop(worker: Worker) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.fileno(), worker.drain)
    try:
        yield
    finally:
        loop.remove_reader(worker.fileno())


async def test_python_is_woken_once_for_a_batch() -> None:
    with closing(Worker()) as worker, on_the_loop(worker), speaking_pair(worker) as leg:
        worker.start()
        await leg.read(100)
        before, frames = worker.stats()["signals"], 0
        while frames < 50:
            frames += len((await leg.read(100)).frames)
        woken = worker.stats()["signals"] - before
    assert woken <= 15  # ten batches of five


async def test_python_is_woken_once_for_all_that_came_in_a_bucket() -> None:
    heard = Count()
    with closing(Worker()) as worker, on_the_loop(worker), contextlib.ExitStack() as pairs:
        worker.start()
        for _ in range(100):
            pairs.enter_context(speaking_pair(worker)).on_audio = heard.on_audio
        await heard.more(1000)
        before, first = worker.stats()["signals"], heard.n
        await heard.more(5000)
        woken, frames = worker.stats()["signals"] - before, heard.n - first
    assert woken * 7 < frames  # ten in a bucket
