# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator counts what a bad far end does: a benchmark that can't lose proves nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench import harness, stats

HEADER, HALF = 12, 80

Answer = Callable[[int, bytes], list[bytes]]
Echo = Callable[[Answer], tuple[dict[str, int], Path]]


def swap(packet: bytes) -> bytes:
    return packet[:HEADER] + packet[HEADER + HALF :] + packet[HEADER : HEADER + HALF]


class FarEnd:
    """A UDP socket that answers each packet with what `answer(n, packet)` gives."""

    def __init__(self, answer: Answer) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        n = 0
        while True:
            packet, peer = self._socket.recvfrom(2048)
            if packet == b"stop":
                return
            for out in self._answer(n, packet):
                self._socket.sendto(out, peer)
            n += 1

    def close(self) -> None:
        self._socket.sendto(b"stop", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def echo(tmp_path: Path) -> Echo:
    def run(answer: Answer) -> tuple[dict[str, int], Path]:
        far_end = FarEnd(answer)
        try:
            done = subprocess.run(
                [harness.rtpgen(), "echo", "1", tmp_path / "raw", "steady", "1"],
                input=f"{far_end.port}\n",
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            )
        finally:
            far_end.close()
        return json.loads(done.stdout.splitlines()[-1]), tmp_path / "raw"

    return run


def test_a_good_far_end_loses_nothing(echo: Echo) -> None:
    counts, raw = echo(lambda n, p: [swap(p)])
    assert counts["sent"] == counts["back"] == counts["swapped"] > 40
    assert counts["lost"] == counts["unchanged"] == counts["dup"] == counts["idle"] == 0
    rows = stats.read(raw, stats.ECHO)
    assert len(rows) == counts["sent"]
    assert (rows["latency_ns"] > 0).all()
    assert (rows["lead_ns"] == rows["latency_ns"]).all()


def test_loss_duplicates_and_unchanged_frames_are_counted(echo: Echo) -> None:
    def answer(n: int, p: bytes) -> list[bytes]:
        return {0: [], 1: [swap(p), swap(p)], 2: [p]}.get(n % 10, [swap(p)])

    counts, raw = echo(answer)
    tenth = counts["sent"] / 10
    for key in ("lost", "dup", "unchanged"):
        assert abs(counts[key] - tenth) <= 1, key
    assert (stats.read(raw, stats.ECHO)["latency_ns"] < 0).sum() == counts["lost"]


def test_silence_is_not_an_answer(echo: Echo) -> None:
    counts, _ = echo(lambda n, p: [p[:HEADER] + b"\xff" * 160])
    assert counts["back"] == 0
    assert counts["idle"] == counts["sent"]


def test_listen_sees_sequence_numbers_and_silence(tmp_path: Path) -> None:
    with harness.children() as start:
        child = start(harness.GENERATOR_CPU, [harness.rtpgen(), "listen", "0.5", tmp_path / "raw"])
        port = int(child.line().removeprefix("port "))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for n in range(10):
                payload = b"\xff" * 160 if n == 4 else bytes(range(160))
                sender.sendto(b"\x80\x00" + (65530 + n & 0xFFFF).to_bytes(2, "big") + bytes(8) + payload, ("127.0.0.1", port))
        assert child.finish()["received"] == 10
    rows = stats.read(tmp_path / "raw", stats.PACKET)
    assert rows["seq"].tolist() == [(65530 + n) % 65536 for n in range(10)]
    assert rows["silent"].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
