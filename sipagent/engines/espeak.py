# SPDX-License-Identifier: GPL-3.0-or-later
"""espeak-ng as a separate process: 100+ languages, robotic, quick, and it knows when it speaks which word.

Each worker thread keeps one process (espeak_process.py) waiting, so that no call waits for a start. A clause that fails, or is
not read to its end, costs the process, and its successor is started. What comes at 22,050 Hz is resampled here.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from sipagent.engines import espeak_process
from sipagent.engines.base import EngineError, EngineMissing, Voiced, WordEnd
from sipagent.engines.pcm import Resampler, Trimmer
from sipagent.engines.workers import Workers

if TYPE_CHECKING:
    from sipagent.config import Config

VOICE = "en-us"
WORDS_PER_MINUTE = 165
MAX_FRAME_BYTES = 1 << 20
PIECE_BYTES = 8192  # 186 ms, for resampling has its price per piece; the first is smaller so that speech starts early
FIRST_BYTES = 2048
PROGRAM = (sys.executable, "-I", "-S", espeak_process.__file__)
SPOKEN = {ord("<"): " less than ", ord(">"): " greater than ", 0: " "}


class EspeakTts:
    """Text to speech."""

    name = "espeak"

    def __init__(self, cfg: Config) -> None:
        self.voice = cfg.engines.voice or VOICE
        self.speed = cfg.engines.speed
        self._workers = Workers(self.name, cfg.engines.threads, self._open, cfg.dialogue.tts_timeout_s, _Speaker.kill)

    async def load(self) -> None:
        """Starts the waiting processes and says one word, so that a wrong voice is found now."""
        await self._workers.start()
        async for _ in self.synthesize("ready", 16000):
            pass

    async def close(self) -> None:
        """Ends the waiting processes."""
        await self._workers.close()

    @property
    def busy(self) -> int:
        """Clauses being spoken or waiting."""
        return self._workers.busy

    def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Speech at `rate`."""
        return self._workers.stream(lambda speaker: speaker.speak(text, rate), size=len(text) or 1)

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """It is fast enough without."""

    def _open(self) -> _Speaker:
        if not installed():
            raise EngineMissing("engines.tts = espeak: program espeak-ng is not installed; apt-get install espeak-ng")
        return _Speaker([*PROGRAM, self.voice, str(round(WORDS_PER_MINUTE * self.speed))])


class _Speaker:
    """One waiting process at a time."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._ended = False
        self._process = self._start()

    def speak(self, text: str, rate: int) -> Iterator[bytes]:
        if not any(c.isalnum() for c in text):
            return
        process = self._process if self._process.poll() is None else self._start()
        self._process = process
        whole = False
        try:
            yield from _read(process, text, rate)
            whole = True
        finally:
            if not whole:
                _end(process)
                if not self._ended:
                    self._process = self._start()

    def kill(self) -> None:
        """From another thread: a hung read returns."""
        self._ended = True
        _end(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)


def _read(process: subprocess.Popen[bytes], text: str, rate: int) -> Iterator[bytes]:
    assert process.stdin is not None
    spoken = text.translate(SPOKEN).encode()
    try:
        process.stdin.write(len(spoken).to_bytes(4, "little") + spoken)
    except BrokenPipeError as e:
        raise EngineError(f"espeak-ng: {_said(process) or 'ended before it was asked'}") from e
    kind, source_rate, _, _ = _frame(process)
    if kind != espeak_process.RATE or source_rate <= 0:
        raise EngineError(f"espeak-ng gave no audio: {_said(process)}")
    trimmer, resampler = Trimmer(source_rate), Resampler(source_rate, rate)
    begun: list[tuple[int, int]] = []  # words: (its first character, from 1; sample at the source's rate)
    size, spoke, pcm = FIRST_BYTES, False, b""
    while True:
        kind, a, b, more = _frame(process)
        if kind == espeak_process.WORD and text.isprintable() and not SPOKEN.keys() & set(map(ord, text)):
            begun.append((a, b))
        pcm += more
        if len(pcm) < size and kind != espeak_process.END:
            continue
        out, pcm = resampler.run(trimmer.run(pcm)), b""
        if kind == espeak_process.END:
            out += resampler.run(trimmer.finish()) + resampler.finish()
        if out:
            size, spoke = PIECE_BYTES, True
            yield Voiced(out, [_before(text, at, (sample - trimmer.head) * rate // source_rate) for at, sample in begun])
            begun.clear()
        if kind == espeak_process.END:
            break
    if not spoke:
        raise EngineError(f"espeak-ng gave no sound for {len(text)} characters")


def _before(text: str, at: int, sample: int) -> WordEnd:
    """Where a word begins at its character `at`, from 1, the ones before it are over."""
    return WordEnd(len(text[: max(0, at - 1)].rstrip()), sample)


def _frame(process: subprocess.Popen[bytes]) -> tuple[int, int, int, bytes]:
    """Kind, a, b and the sound of one frame of espeak_process.py."""
    assert process.stdout is not None
    head = _exactly(process.stdout, espeak_process.FRAME.size)
    if len(head) == espeak_process.FRAME.size:
        kind, a, b = espeak_process.FRAME.unpack(head)
        if kind != espeak_process.AUDIO:
            return kind, a, b, b""
        if 0 < a <= MAX_FRAME_BYTES and len(pcm := _exactly(process.stdout, a)) == a:
            return kind, a, b, pcm
    raise EngineError(f"espeak-ng gave no audio: {_said(process) or f'exit code {process.wait()}'}")


def _exactly(stream: IO[bytes], size: int) -> bytes:
    """`size` bytes, fewer only at the end."""
    got = b""
    while len(got) < size and (piece := stream.read(size - len(got))):
        got += piece
    return got


def _said(process: subprocess.Popen[bytes]) -> str:
    process.kill()
    return process.stderr.read(500).decode(errors="replace").strip() if process.stderr else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def installed() -> bool:
    """Whether the program is there."""
    return shutil.which("espeak-ng") is not None
