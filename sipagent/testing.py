# SPDX-License-Identifier: GPL-3.0-or-later
"""Public fakes for tests of agents and dialogues: a call without a network, engines that follow a script, and a loop whose time
is virtual, so that a minute of conversation takes milliseconds and always goes the same way.

    loop = VirtualLoop()
    leg = FakeLeg(clock=loop.clock_us); call, control = fake_call(leg)
    leg.start(); leg.hear(pcm); ...; loop.run_until_complete(...)
"""

from __future__ import annotations

import asyncio
import re
import selectors
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import numpy as np

from mediacore import EV_FLUSHED, EV_PLAY_END, EV_PLAY_START
from sipagent.call import Call, CallState
from sipagent.dialogue.levels import block_levels
from sipagent.engines import EngineSet
from sipagent.engines.base import Brain, EngineError, Stt, Tts, Vad, VadStream, WindowHandler
from sipagent.engines.clips import Clips
from sipagent.media import AudioHandler, EventHandler, TapHandler

PACKET_MS = 20
FADE_MS = 5


class _VirtualSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the loop's time; while engines work on other threads it waits for real."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        super().__init__()
        self.now = 0.0
        self._busy = busy

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or self._busy():
            start = time.monotonic()
            ready = super().select(0.002 if timeout is None else min(timeout, 0.002))
            self.now += time.monotonic() - start
            return ready
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that never sleeps. `busy` tells whether real work is under way elsewhere; time is then real."""

    def __init__(self, busy: Callable[[], bool] = lambda: False) -> None:
        self._virtual = _VirtualSelector(busy)
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds."""
        return self._virtual.now

    def clock_us(self) -> int:
        """The same in microseconds, for what takes a clock."""
        return round(self._virtual.now * 1e6)


class FakeLeg:
    """A MediaLeg with a caller who says what `hear` was given and a wire that keeps what was sent. Packets of 20 ms go both
    ways at each tick; flush, fade and events behave as in the core."""

    def __init__(self, rate: int = 16000, clock: Callable[[], int] = lambda: 0, tx_seconds: float = 60.0) -> None:
        self.rate = rate
        self.on_audio: AudioHandler | None = None
        self.on_event: EventHandler | None = None
        self.on_tap: TapHandler | None = None
        self.caller = bytearray()  # what came, a block each tick: a recording's left side
        self.bot = bytearray()  # what was sent: its right side
        self.sent: list[tuple[int, int]] = []  # ring indices [start, end) that went out at full volume or fading
        self.digits = ""
        self.sending = True  # False: the caller's packets stop
        self.lose = 0  # so many of the caller's next packets are lost
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
        self._index = 0
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
        self._cut = self._written
        return self._written

    def tap(self, on: bool) -> None:
        """Nothing to switch."""

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
        if self.on_audio is not None and self.sending:
            self.on_audio(pcm, now, self._index, lost)
        self._index += self._n

    def _packet_out(self, now: int) -> None:
        out = self._obey_flush(now)
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

    def _event(self, kind: int, a: int, b: int, now: int) -> None:
        if self.on_event is not None:
            self.on_event(kind, a, b, now)


class FakeControl:
    """Signalling that only remembers."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.hung_up: list[tuple[int, str]] = []

    async def answer(self, code: int = 200) -> None:
        """Answered."""

    async def hangup(self, code: int = 0, reason: str = "") -> None:
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


class CodedSpeech:
    """Speech that a fake can read: each text is a tone of its own loudness, and ScriptedStt knows which is which."""

    BASE, STEP = 3000, 8

    def __init__(self) -> None:
        self._texts: list[str] = []

    def say(self, text: str, seconds: float, rate: int = 16000) -> bytes:
        """Sound that is recognised as `text`; an empty text is a noise."""
        self._texts.append(text)
        value = self.BASE + self.STEP * (len(self._texts) - 1)
        wave = np.where(np.arange(int(seconds * rate)) % 16 < 8, value, -value)
        return wave.astype("<i2").tobytes()

    def read(self, pcm: bytes) -> str:
        """The texts in it, in order; one counts when at least 50 ms of it are there."""
        values, counts = np.unique(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)), return_counts=True)
        numbers = [
            (int(v) - self.BASE) // self.STEP for v, n in zip(values, counts, strict=True) if v >= self.BASE and n >= 400
        ]
        return " ".join(self._texts[n] for n in numbers if n < len(self._texts) and self._texts[n])


class LevelVad:
    """Speech is what is louder than -45 dBFS; windows of 32 ms, judged at once."""

    name = "level"

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    def stream(self, rate: int, on_window: WindowHandler) -> VadStream:
        """One caller."""
        return _LevelStream(rate, on_window)


class _LevelStream:
    def __init__(self, rate: int, on_window: WindowHandler) -> None:
        self._rate = rate
        self._size = rate * 32 // 1000
        self._on_window: WindowHandler | None = on_window
        self._held = b""
        self._done = 0

    def feed(self, pcm: bytes) -> None:
        self._held += pcm
        while len(self._held) >= 2 * self._size and self._on_window is not None:
            window, self._held = self._held[: 2 * self._size], self._held[2 * self._size :]
            self._done += self._size
            self._on_window(self._done, 1.0 if float(block_levels(window, self._rate).max()) > -45.0 else 0.0)

    def close(self) -> None:
        self._on_window = None


class ScriptedStt:
    """Reads CodedSpeech after `latency_s`. `fail`: numbers of the calls (from 0) that raise; `hang`: that never return."""

    name = "scripted"

    def __init__(self, speech: CodedSpeech, latency_s: float = 0.1) -> None:
        self.speech, self.latency_s = speech, latency_s
        self.fail: set[int] = set()
        self.hang: set[int] = set()
        self.calls = 0

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """What CodedSpeech says it is."""
        number, self.calls = self.calls, self.calls + 1
        await asyncio.sleep(1e6 if number in self.hang else self.latency_s)
        if number in self.fail:
            raise EngineError("scripted failure")
        return self.speech.read(pcm)


class ScriptedTts:
    """Speaks a steady tone, 60 ms a character, in pieces of 100 ms. Texts that match `fail` raise, that match `hang` stop."""

    name = "scripted"
    CHAR_S = 0.06

    def __init__(self, first_s: float = 0.05, piece_s: float = 0.01) -> None:
        self.first_s, self.piece_s = first_s, piece_s
        self.fail: re.Pattern[str] | None = None
        self.hang: re.Pattern[str] | None = None
        self.said: list[str] = []
        self.cancelled = 0

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Tone."""
        self.said.append(text)
        try:
            await asyncio.sleep(self.first_s)
            if self.fail is not None and self.fail.search(text):
                raise EngineError("scripted failure")
            left = int(len(text) * self.CHAR_S * rate)
            while left > 0:
                if self.hang is not None and self.hang.search(text):
                    await asyncio.sleep(1e6)
                n = min(left, rate // 10)
                left -= n
                yield np.where(np.arange(n) % 20 < 10, 5000, -5000).astype("<i2").tobytes()
                await asyncio.sleep(self.piece_s)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise


async def fake_engines(stt: Stt, brain: Brain, tts: Tts | None = None, vad: Vad | None = None) -> EngineSet:
    """A set of fakes with the apologies recorded by `tts`."""
    voice = tts if tts is not None else ScriptedTts()
    clips = Clips()
    await clips.record(voice)
    return EngineSet(vad if vad is not None else LevelVad(), stt, voice, brain, clips)
