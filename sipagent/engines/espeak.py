# SPDX-License-Identifier: GPL-3.0-or-later
"""espeak-ng as a separate process: 100+ languages, robotic, first audio in some 20 ms.

Each worker thread keeps one process started and waiting on its stdin, so that no call waits for a start; it serves one clause,
and its successor is started after it. Output: WAV header, then s16le mono at 22,050 Hz, which is resampled here.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from sipagent.engines.base import EngineError, EngineMissing
from sipagent.engines.pcm import Resampler, Trimmer
from sipagent.engines.workers import Workers

if TYPE_CHECKING:
    from sipagent.config import Config

VOICE = "en-us"
WORDS_PER_MINUTE = 165
HEADER_BYTES = 44
PIECE_BYTES = 8192  # 186 ms; the first is smaller so that speech starts early
FIRST_BYTES = 2048
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
        program = shutil.which("espeak-ng")
        if program is None:
            raise EngineMissing("engines.tts = espeak: program espeak-ng is not installed; apt-get install espeak-ng")
        pace = str(round(WORDS_PER_MINUTE * self.speed))
        return _Speaker([program, "--stdin", "--stdout", "-z", "-b", "1", "-s", pace, "-v", self.voice])


class _Speaker:
    """One waiting process at a time."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._ended = False
        self._process = self._start()

    def speak(self, text: str, rate: int) -> Iterator[bytes]:
        process = self._process if self._process.poll() is None else self._start()
        self._process = process
        try:
            yield from _read(process, text, rate)
        finally:
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
    assert process.stdout is not None
    if not any(c.isalnum() for c in text):
        return
    try:
        process.stdin.write(text.translate(SPOKEN).encode())
        process.stdin.close()
    except BrokenPipeError as e:
        raise EngineError(f"espeak-ng: {_said(process) or 'ended before it was asked'}") from e
    header = _exactly(process.stdout, HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[:4] != b"RIFF":
        raise EngineError(f"espeak-ng gave no audio: {_said(process) or f'exit code {process.wait()}'}")
    (source_rate,) = struct.unpack_from("<I", header, 24)
    trimmer, resampler = Trimmer(source_rate), Resampler(source_rate, rate)
    size, spoke = FIRST_BYTES, False
    while piece := _exactly(process.stdout, size):
        if out := resampler.run(trimmer.run(piece[: len(piece) & ~1])):
            size, spoke = PIECE_BYTES, True
            yield out
    out = resampler.run(trimmer.finish()) + resampler.finish()
    code = process.wait()
    if code != 0:
        raise EngineError(f"espeak-ng: exit code {code}: {_said(process)}")
    if not spoke:
        raise EngineError(f"espeak-ng gave no sound for {text!r}: {_said(process)}")
    if spoke and out:
        yield out


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
