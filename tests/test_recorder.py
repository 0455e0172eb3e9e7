# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorder: blocks in, a WAV that any reader opens out, at every moment of its life."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

from sipagent.recorder import QUEUE_BLOCKS, Recorder

RATE = 16000
BLOCK = RATE // 50
CHILD = """
import sys, pathlib
from sipagent.recorder import Recorder, wav_header
path = pathlib.Path(sys.argv[1])
recorder = Recorder(path, 16000)
block = b"\\x10\\x20\\x30\\x40" * 320
for i in range(100):
    recorder.write(block, i * 20000, 0)
while not path.exists() or path.read_bytes()[:44] != wav_header(16000, 2, 100 * len(block)):
    pass
print("written", flush=True)
sys.stdin.readline()
"""


def blocks(n: int) -> list[bytes]:
    rng = np.random.default_rng(7)
    return [rng.integers(-30000, 30000, 2 * BLOCK, dtype=np.int16).tobytes() for _ in range(n)]


def test_all_blocks_arrive(tmp_path: Path) -> None:
    path = tmp_path / "new" / "call.wav"
    recorder = Recorder(path, RATE)
    sent = blocks(120)
    for i, pcm in enumerate(sent):
        recorder.write(pcm, 5_000_000 + i * 20_000, 0)
    recorder.close()
    recorder.close()
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (2, 2, RATE)
        assert wav.readframes(10**9) == b"".join(sent)
    assert recorder.start_us == 5_000_000


def test_left_is_moved_back_to_its_arrival(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.wav", RATE)
    for i in range(10):
        recorder.write(np.full((BLOCK, 2), 9000, np.int16).tobytes(), i * 20_000, 60_000)
    recorder.close()
    with wave.open(str(tmp_path / "call.wav")) as wav:
        stereo = np.frombuffer(wav.readframes(10**9), np.int16).reshape(-1, 2)
    late = RATE * 60 // 1000
    assert (stereo[:late, 1] == 0).all()
    assert (stereo[late:, 1] == 9000).all()
    assert (stereo[: len(stereo) - late, 0] == 9000).all()


def test_a_killed_process_leaves_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"written\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with wave.open(str(path)) as wav:
        assert wav.getnframes() == 100 * 320
        assert wav.readframes(1) == b"\x10\x20\x30\x40"


def test_a_disk_that_refuses_costs_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    recorder = Recorder(tmp_path / "file" / "call.wav", RATE)
    for i, pcm in enumerate(blocks(50)):
        recorder.write(pcm, i * 20_000, 0)
    recorder.close()
    assert recorder.failed


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)  # opening it for writing hangs until a reader comes: a disk that has stopped
    recorder = Recorder(path, RATE)
    for i in range(QUEUE_BLOCKS + 5):
        recorder.write(b"\0\0\0\0", i * 20_000, 0)
    assert recorder.dropped == 5
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    recorder.close()
    os.close(reader)
    assert recorder.failed  # a pipe can't seek
