# SPDX-License-Identifier: GPL-3.0-or-later
"""Silero VAD straight through onnxruntime, all callers of the process batched.

Model: inputs `input` float32 [n, context + window], `state` float32 [2, n, 128], `sr` int64; outputs probability [n, 1] and the
next state. A window is 32 ms (512 samples at 16 kHz, 256 at 8 kHz) and is preceded by the last 64 (32) samples of the one
before. The package's own wrapper needs torch; only its model file is used here.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sipagent.engines.base import EngineMissing, VadStream, WindowHandler, import_package
from sipagent.engines.pcm import Resampler
from sipagent.engines.pool import Work, shared
from sipagent.log import get_logger

if TYPE_CHECKING:
    from sipagent.config import Config

log = get_logger(__name__)

WINDOW_MS = 32
MAX_BATCH = 64
MAX_BEHIND = 64  # windows of one caller that may wait (2 s); older ones are never judged, which is counted and logged
LATE_MS = 60  # of newer sound when a window is judged: the dialogue allows for no more (hearing.LATE_US)

Floats = NDArray[np.float32]


def model_file() -> Path:
    """The model inside the installed silero_vad package, found without importing it (the import needs torch)."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise EngineMissing("engines.vad = silero: package silero-vad is not installed; pip install --no-deps silero-vad")
    path = Path(spec.origin).parent / "data" / "silero_vad.onnx"
    if not path.is_file():
        raise EngineMissing(f"engines.vad = silero: no model at {path}; pip install --no-deps --force-reinstall silero-vad")
    return path


class SileroVad:
    """One model, one thread, any number of callers."""

    name = "silero"

    def __init__(self, cfg: Config) -> None:
        self._session: Any = None
        self._wake = threading.Condition()
        self._ready: deque[_Stream] = deque()  # streams with a window to judge and none under way
        self._stopping = False
        self._judging = 0
        self._work_done = shared().work(self.name)  # by windows; it has a thread of its own and takes no slot
        self._thread = threading.Thread(target=self._work, name="silero", daemon=True)

    async def load(self) -> None:
        """Reads the model and runs it once."""
        self._session = await asyncio.to_thread(_open, model_file())
        self._thread.start()

    async def close(self) -> None:
        """Ends the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()

    @property
    def busy(self) -> int:
        """Callers whose windows are being judged or wait."""
        return self._judging + len(self._ready)

    def stream(self, rate: int, on_window: WindowHandler) -> VadStream:
        """8 kHz is judged as it is, every other rate at 16 kHz."""
        return _Stream(rate, on_window, asyncio.get_running_loop(), self._offer, self._work_done)

    def _offer(self, stream: _Stream) -> None:
        """It has a window to judge."""
        with self._wake:
            self._ready.append(stream)
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._ready and not self._stopping:
                    self._wake.wait()
                if self._stopping:
                    return
                first = self._ready.popleft()
                batch = [first]
                others = deque[_Stream]()
                while self._ready and len(batch) < MAX_BATCH:
                    s = self._ready.popleft()
                    (batch if s.rate == first.rate else others).append(s)
                self._ready.extendleft(reversed(others))
                self._judging = len(batch)
            self._judge(batch)
            self._judging = 0

    def _judge(self, batch: list[_Stream]) -> None:
        began = time.monotonic()
        x = np.stack([s.next_window() for s in batch])
        state = np.concatenate([s.state for s in batch], axis=1)
        try:
            p, state = self._session.run(None, {"input": x, "state": state, "sr": np.array(batch[0].rate, np.int64)})
        except Exception as e:
            log.error("voice activity detection failed", engine=self.name, error=str(e))
            p = np.zeros((len(batch), 1), np.float32)
        self._work_done.jobs += len(batch)
        self._work_done.busy_s += time.monotonic() - began
        for i, s in enumerate(batch):
            self._work_done.late += s.late()
            s.judged(float(p[i, 0]), state[:, i : i + 1])
            if s.more():
                self._offer(s)


class _Stream:
    """One caller. `feed` runs on the loop; `next_window`, `judged` on the model's thread; `_lock` is between them."""

    def __init__(
        self,
        rate: int,
        on_window: WindowHandler,
        loop: asyncio.AbstractEventLoop,
        offer: Callable[[_Stream], None],
        work: Work,
    ) -> None:
        self.rate = 8000 if rate == 8000 else 16000
        self.state: Floats = np.zeros((2, 1, 128), np.float32)
        self._window = self.rate * WINDOW_MS // 1000
        self._context: Floats = np.zeros(self.rate // 250, np.float32)
        self._resampler = None if rate == self.rate else Resampler(rate, self.rate)
        self._fed_rate = rate
        self._on_window: WindowHandler | None = on_window
        self._loop = loop
        self._offer = offer
        self._lock = threading.Lock()
        self._pcm = bytearray()
        self._under_way = False
        self._done = 0  # samples judged, at self.rate
        self._work = work
        self._told = False

    def feed(self, pcm: bytes) -> None:
        if self._resampler is not None:
            pcm = self._resampler.run(pcm)
        with self._lock:
            self._pcm += pcm
            excess = len(self._pcm) // 2 - MAX_BEHIND * self._window
            if excess > 0:
                skip = -(-excess // self._window) * self._window
                del self._pcm[: 2 * skip]
                self._done += skip
                self._skipped(skip // self._window)
            start = not self._under_way and len(self._pcm) >= 2 * self._window
            self._under_way |= start
        if start:
            self._offer(self)

    def _skipped(self, windows: int) -> None:
        if not self._told:
            self._told = True
            log.error("voice activity detection is behind; sound is passed over", engine="silero", windows=windows)
        self._work.refused += windows

    def close(self) -> None:
        self._on_window = None

    def next_window(self) -> Floats:
        with self._lock:
            raw = bytes(self._pcm[: 2 * self._window])
            del self._pcm[: 2 * self._window]
        window = np.frombuffer(raw, "<i2").astype(np.float32) / 32768.0
        x = np.concatenate([self._context, window])
        self._context = x[-len(self._context) :]
        return x

    def late(self) -> bool:
        """Whether much newer sound is there already."""
        return len(self._pcm) // 2 > self.rate * LATE_MS // 1000

    def judged(self, probability: float, state: Floats) -> None:
        self.state = state
        with self._lock:
            self._done += self._window
            end = self._done * self._fed_rate // self.rate
        with contextlib.suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(self._deliver, end, probability)

    def more(self) -> bool:
        """Whether another window waits; if not, `feed` offers the stream again."""
        with self._lock:
            self._under_way = self._on_window is not None and len(self._pcm) >= 2 * self._window
            return self._under_way

    def _deliver(self, end: int, probability: float) -> None:
        if self._on_window is not None:
            self._on_window(end, probability)


def _open(path: Path) -> Any:
    onnxruntime = import_package("onnxruntime", "engines.vad = silero", "pip install onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    zeros = {"input": np.zeros((1, 576), np.float32), "state": np.zeros((2, 1, 128), np.float32)}
    session.run(None, {**zeros, "sr": np.array(16000, np.int64)})
    return session
