# SPDX-License-Identifier: GPL-3.0-or-later
"""A call without a network: a leg with a caller on one side and a record of what was sent on the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mediacore import EV_FLUSHED, EV_PLAY_END, EV_PLAY_START
from sipagent.call import Call, CallState
from sipagent.media import AudioHandler, EventHandler
from sipagent.signalling.headers import Pairs

PACKET_MS = 20
FADE_MS = 5


class FakeLeg:
    """A MediaLeg with a caller who says what `hear` was given and a wire that keeps what was sent. Packets of 20 ms go both
    ways at each tick; flush, fade and events behave as in the core."""

    def __init__(self, rate: int = 16000, clock: Callable[[], int] = lambda: 0, tx_seconds: float = 60.0) -> None:
        self.rate = rate
        self.on_audio: AudioHandler | None = None
        self.on_event: EventHandler | None = None
        self.caller = bytearray()  # what came, a block each tick: a recording's left side
        self.bot = bytearray()  # what was sent: its right side
        self.sent: list[tuple[int, int]] = []  # ring indices [start, end) that went out at full volume or fading
        self.digits = ""
        self.sending = True  # False: the caller's packets stop
        self.lose = 0  # so many of the caller's next packets are lost
        self.late = 0  # so many of them come a tick late, before the one that is due then
        self.ticks_us: list[int] = []
        self._clock = clock
        self._n = rate * PACKET_MS // 1000
        self._capacity = int(tx_seconds * rate)
        self._queue = bytearray()
        self._ring = bytearray()
        self._read = 0
        self._written = 0
        self._cut: int | None = None
        self._playing = False
        self._pause = 0  # samples left of it
        self.held = False  # what is queued waits, nothing is sent
        self._index = 0
        self._held: tuple[bytes, int, bool] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def written(self) -> int:
        """Samples ever written."""
        return self._written

    @property
    def played(self) -> int:
        """Read index of the ring."""
        return max(self._read, self._cut or 0)

    @property
    def pending(self) -> int:
        """Samples queued."""
        return self._written - self.played

    def write(self, pcm: bytes) -> int:
        """Takes what there is room for."""
        n = min(len(pcm) // 2, self._capacity - self.pending)
        self._ring += pcm[: 2 * n]
        self._written += n
        return n

    def flush(self) -> int:
        """Obeyed at the next tick, like the core's."""
        self._cut, self._pause = self._written, 0
        return self._written

    def pause(self, ms: int) -> None:
        """Obeyed at the next tick; a tick is the least."""
        self._pause = ms * self.rate // 1000

    @property
    def takes_events(self) -> bool:
        """Yes."""
        return True

    def send_dtmf(self, digits: str, ms: int = 100) -> None:
        """Kept in `digits`."""
        self.digits += digits

    def describe(self) -> str:
        """Says what it is."""
        return f"fake {self.rate} Hz"

    def stats(self) -> Mapping[str, Any]:
        """Counters."""
        return {"written": self._written, "played": self._read, "codec": "fake", "ptime_ms": PACKET_MS}

    def close(self) -> None:
        """Stops the ticks."""
        if self._task is not None:
            self._task.cancel()

    def hear(self, pcm: bytes) -> None:
        """The caller says this, after what he is saying already; otherwise he is silent."""
        self._queue += pcm

    @property
    def saying(self) -> bool:
        """The caller still has something to say."""
        return bool(self._queue)

    def bot_is_sounding(self) -> bool:
        """Speech left in the newest packet."""
        return any(self.bot[-2 * self._n :])

    def start(self) -> None:
        """Ticks by the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def tick(self) -> None:
        """One packet in, one packet out."""
        now = self._clock()
        self.ticks_us.append(now)
        self._packet_out(now)
        self._packet_in(now)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            self.tick()
            at += PACKET_MS / 1000
            await asyncio.sleep(max(0.0, at - loop.time()))

    def _packet_in(self, now: int) -> None:
        pcm = bytes(self._queue[: 2 * self._n]).ljust(2 * self._n, b"\0")
        del self._queue[: 2 * self._n]
        self.caller += pcm
        lost = self.lose > 0
        if lost:
            self.lose -= 1
            pcm = bytes(len(pcm))
        packet = (pcm, self._index, lost)
        self._index += self._n
        due = [p for p in (self._held, packet) if p is not None]
        self._held = None
        if self.late > 0:
            self.late -= 1
            self._held = due.pop()
        for pcm, index, lost in due:
            if self.on_audio is not None and self.sending:
                self.on_audio(pcm, now, index, lost)

    def _packet_out(self, now: int) -> None:
        out = self._obey_flush(now)
        if self.held:
            self.bot += out.ljust(2 * self._n, b"\0")
            return
        if self._pause > 0:
            self._pause -= self._n
            out += self._fall_silent(now, self._n - len(out) // 2)
            self.bot += out.ljust(2 * self._n, b"\0")
            return
        faded, first = len(out) // 2, self._read
        piece = bytes(self._ring[: 2 * (self._n - faded)])
        del self._ring[: len(piece)]
        got = len(piece) // 2
        self._read += got
        if got:
            self.sent.append((first, self._read))
        self.bot += (out + piece).ljust(2 * self._n, b"\0")
        if got and not self._playing:
            self._playing = True
            self._event(EV_PLAY_START, first, 0, now)
        if self._playing and faded + got < self._n:
            self._playing = False
            self._event(EV_PLAY_END, self._read, 0, now)

    def _obey_flush(self, now: int) -> bytes:
        if self._cut is None:
            return b""
        cut, self._cut = self._cut, None
        start = self._read
        fade = min(self.rate * FADE_MS // 1000, cut - start) if self._playing else 0
        pcm = np.frombuffer(bytes(self._ring[: 2 * fade]), "<i2") * np.linspace(1.0, 0.0, fade)
        del self._ring[: 2 * (cut - start)]
        self._read = cut
        if fade:
            self.sent.append((start, start + fade))
        self._playing = False
        self._event(EV_FLUSHED, start + fade, cut, now)
        return pcm.astype("<i2").tobytes()

    def _fall_silent(self, now: int, room: int) -> bytes:
        if not self._playing:
            return b""
        fade = min(self.rate * FADE_MS // 1000, room, len(self._ring) // 2)
        pcm = np.frombuffer(bytes(self._ring[: 2 * fade]), "<i2") * np.linspace(1.0, 0.0, fade)
        del self._ring[: 2 * fade]
        self.sent.append((self._read, self._read + fade))
        self._read += fade
        self._playing = False
        self._event(EV_PLAY_END, self._read, 0, now)
        return pcm.astype("<i2").tobytes()

    def _event(self, kind: int, a: int, b: int, now: int) -> None:
        if self.on_event is not None:
            self.on_event(kind, a, b, now)


class FakeControl:
    """Signalling that only remembers."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.answers: list[int] = []
        self.holds: list[bool] = []
        self.updates: list[tuple[str, int]] = []
        self.hung_up: list[tuple[int, str]] = []

    async def answer(self, code: int = 200, headers: Pairs = ()) -> None:
        """Kept in `answers`."""
        self.answers.append(code)

    async def update(self, codec: str = "", ptime_ms: int = 0) -> None:
        """Kept in `updates`."""
        self.updates.append((codec, ptime_ms))

    async def hold(self, on: bool) -> None:
        """Kept in `holds`."""
        self.holds.append(on)

    async def redirect(self, contact: str) -> None:
        """The call ends."""
        await self.hangup(302, contact)

    async def send_info(self, digits: str, ms: int) -> bool:
        """Not taken."""
        return False

    async def refer(self, uri: str) -> tuple[bool, int]:
        """Not taken."""
        return False, 405

    async def notify(self, code: int, reason: str = "") -> None:
        """Nobody asked for a transfer."""

    async def hangup(self, code: int = 0, reason: str = "", headers: Pairs = ()) -> None:
        """The call ends."""
        self.hung_up.append((code, reason))
        if self.call is not None:
            self.call.state = CallState.ENDED
            self.call.ended.set()


def fake_call(leg: FakeLeg) -> tuple[Call, FakeControl]:
    """An answered incoming call over `leg`."""
    control = FakeControl()
    call = Call(leg, control, "in", "sip:caller@test", "sip:bot@test", state=CallState.CONFIRMED)
    call.media_ready.set()
    control.call = call
    return call, control
