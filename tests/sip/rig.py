# SPDX-License-Identifier: GPL-3.0-or-later
"""A user agent with its worker on the test's event loop, and tones to send through calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mediacore
from sipagent.call import Call
from sipagent.config import Config
from sipagent.signalling.agent import UserAgent

WAIT_S = 10.0
RTP = (36000, 36899)


def config(**sections: Any) -> Config:
    """A configuration on loopback: any free UDP port unless `sip` says otherwise."""
    sip = {"listen": [{"transport": "udp", "port": 0}], **sections.pop("sip", {})}
    media = {"host": "127.0.0.1", "ports": RTP, "fifo": False, **sections.pop("media", {})}
    protection = {"allow": ["*"], **sections.pop("protection", {})}
    return Config.model_validate({"sip": sip, "media": media, "protection": protection, **sections})


@dataclass
class Rig:
    """What a test holds."""

    cfg: Config
    worker: mediacore.Worker
    on_incoming: Callable[[Call], None] | None = None
    incoming: asyncio.Queue[Call] = field(default_factory=asyncio.Queue)
    legs: list[Any] = field(default_factory=list)
    rings: bool = True  # callers hear 180 before the test has the call
    tasks: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ua = UserAgent(self.cfg, self.worker, self._taken)

    def _taken(self, call: Call) -> None:
        if self.on_incoming is not None:
            self.on_incoming(call)
        if self.rings:
            self.tasks.append(asyncio.ensure_future(call.control.answer(180)))
        self.legs.append(call.leg)
        self.incoming.put_nowait(call)

    @property
    def port(self) -> int:
        return int(self.ua.listening()[0].rsplit(":", 1)[1])

    def uri(self, user: str = "600") -> str:
        transport = self.ua.listening()[0].split(":")[0]
        return f"sip:{user}@127.0.0.1:{self.port};transport={transport}"

    async def taken(self) -> Call:
        """The next incoming call, RINGING."""
        return await asyncio.wait_for(self.incoming.get(), WAIT_S)

    async def pair(self) -> tuple[Call, Call]:
        """A call to ourselves, answered, with media on both ends: (outgoing, incoming)."""
        out = await self.invite(self.uri())
        incoming = await self.taken()
        await incoming.control.answer()
        for call in (out, incoming):
            await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        return out, incoming

    async def invite(self, uri: str, account: str | None = None) -> Call:
        call = await self.ua.invite(uri, account)
        self.legs.append(call.leg)
        return call

    @staticmethod
    async def until(true: Callable[[], bool]) -> None:
        """Turns the loop until it is so; for states that no event announces."""
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    @staticmethod
    async def over(*calls: Call) -> None:
        for call in calls:
            await asyncio.wait_for(call.ended.wait(), WAIT_S)


@asynccontextmanager
async def user_agent(cfg: Config, on_incoming: Callable[[Call], None] | None = None) -> AsyncIterator[Rig]:
    """Up, and down again with no leg, socket or worker left behind."""
    worker = mediacore.Worker(fifo=False)
    worker.start()
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.fileno(), worker.drain)
    rig = Rig(cfg, worker, on_incoming)
    try:
        await rig.ua.start()
        yield rig
    finally:
        await rig.ua.stop()
        for leg in rig.legs:
            leg.close()
        loop.remove_reader(worker.fileno())
        worker.stop()
        vars(rig).clear()  # pytest holds on to the rig for longer than the worker may live
    del worker
    assert mediacore.live()["legs"] == 0


def tone(hz: float, seconds: float, rate: int) -> bytes:
    """s16le mono."""
    t = np.arange(int(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * hz * t)).astype("<i2").tobytes()


def purity(pcm: bytes, hz: float, rate: int) -> float:
    """The share of the energy that lies within 30 Hz of `hz`: near 1 for the tone, near 0 for noise or silence."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    if not samples.any():
        return 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    freq = np.fft.rfftfreq(len(samples), 1 / rate)
    return float(power[np.abs(freq - hz) < 30].sum() / power.sum())


def echo(call: Call) -> None:
    """Sends back what comes in."""
    leg = call.leg
    leg.on_audio = lambda pcm, arrival_us, index, lost: leg.write(pcm)


async def hear(call: Call, seconds: float) -> bytes:
    """The first `seconds` that come in from now on."""
    got = bytearray()
    need = int(seconds * call.leg.rate) * 2
    enough = asyncio.Event()

    def on_audio(pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
        got.extend(pcm)
        if len(got) >= need:
            enough.set()

    call.leg.on_audio = on_audio
    await asyncio.wait_for(enough.wait(), WAIT_S + seconds)
    call.leg.on_audio = None
    return bytes(got[:need])
