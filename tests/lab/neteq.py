# SPDX-License-Identifier: GPL-3.0-or-later
"""NetEq, the jitter buffer of WebRTC, inside real libwebrtc (npm's @roamhq/wrtc): calls through the real-time relay, one for
each network, all at once; what its getStats say, scored like the other policies.

The relay times each packet by its RTP timestamp, so NetEq meets the very schedule that the policies in virtual time meet. Its
statistics are read every 50 ms (WebRTC keeps them for so long) and weighed by how much of the sound that was played then was
speech. `concealed` counts what NetEq made up; what it added and took away by stretching time is told beside it (`scaled`):
WebRTC does not count that as concealment, a cut of ours is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import harness
from tests.lab.line import PACKET_US, WARM_UP, Line
from tests.lab.speech import RATE, Talk
from tests.netsim import MS

HERE = Path(__file__).parent
PACKAGE = "@roamhq/wrtc"
VERSION = "0.10.0"
POLL_MS = 50
GRACE_S = 60.0
KEYS = ("us", "delay_s", "target_s", "emitted", "total", "concealed", "silent", "inserted", "removed")


@dataclass(frozen=True)
class Heard:
    """What NetEq did with one line."""

    held_ms: float
    added_ms: float
    target_ms: float
    concealed: float  # share of speech
    concealed_anywhere: float
    scaled: float  # samples added or taken away by time scaling, share of speech
    relay_late_us: float  # p99: how far the relay was from its schedule
    overdue: int  # packets that their sender sent too late to keep it
    capture: tuple[Path, int, int] | None = None  # s16 file, CLOCK_MONOTONIC us of its start, Hz
    start_us: int = 0  # when packet 0 was sent


@cache
def module() -> Path:
    """The npm package, installed by name into the cache once."""
    room = harness.cache() / "npm" / f"wrtc-{VERSION}"
    found = room / "node_modules" / PACKAGE
    if not found.is_dir():
        room.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(room), f"{PACKAGE}@{VERSION}"]
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            raise RuntimeError("NetEq needs Node.js and npm: apt-get install nodejs npm") from None
    return found


def real_time(command: Sequence[str]) -> list[str]:
    """As the first in line where that is granted, so that a busy machine does not look like a bad network."""
    granted = subprocess.run(["chrt", "-f", "1", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return ["chrt", "-f", "1", *command] if granted else list(command)


def rows(series: list[dict[str, float]]) -> np.ndarray:
    return np.array([[row[key] for key in KEYS] for row in series], float)


def judge(line: Line, found: dict[str, Any], path: dict[str, Any]) -> Heard:
    """Weighs each interval between two readings by the share of speech in what was played in it."""
    at = rows(found["series"])
    change = np.diff(at, axis=0)
    column = {key: change[:, i] for i, key in enumerate(KEYS)}
    ok = (column["emitted"] > 0) | (column["total"] > 0)
    # Which packet was played in the middle of an interval: time since its start, less path, transit and hold.
    held_us = np.where(column["emitted"] > 0, column["delay_s"] * 1e6 / np.maximum(column["emitted"], 1), np.nan)
    held_us = np.where(np.isnan(held_us), np.nanmedian(held_us), held_us)
    transit = line.transit_us[line.transit_us >= 0]
    since = (at[:-1, 0] + at[1:, 0]) / 2 - path["start_us"] - held_us - np.median(transit)
    position = np.round(since / PACKET_US).astype(int)
    half = 1 + POLL_MS * MS // PACKET_US // 2
    judged = np.convolve(line.speech.astype(float), np.ones(2 * half + 1) / (2 * half + 1), "same")
    inside = ok & (position >= WARM_UP) & (position < line.n)
    weight = np.where(inside, judged[np.clip(position, 0, line.n - 1)], 0.0)

    def per_speech(key: str) -> float:
        return float((weight * column[key]).sum() / (weight * column["total"]).sum())

    emitted = float((weight * column["emitted"]).sum())
    held_ms = float((weight * column["delay_s"]).sum() / emitted * 1e3)
    on_time = line.transit_us[line.speech & (line.first_us >= 0)]
    capture = found["capture"]
    return Heard(
        held_ms=held_ms,
        added_ms=held_ms + float(np.mean(on_time) - line.base_us) / MS,
        target_ms=float((weight * column["target_s"]).sum() / emitted * 1e3),
        concealed=per_speech("concealed"),
        concealed_anywhere=float(column["concealed"][inside].sum() / column["total"][inside].sum()),
        scaled=per_speech("inserted") + per_speech("removed"),
        relay_late_us=path["late_us"]["p99"],
        overdue=path["overdue"],
        capture=(Path(capture["file"]), capture["start_us"], capture["rate"]) if capture else None,
        start_us=path["start_us"],
    )


def run(lines: Sequence[Line], talk: Talk, seconds: float, capture: Path | None = None) -> list[Heard]:
    """All lines at once, in real time. `capture`: a directory for what was heard."""
    specs = [f"{line.net.name}:{line.net.seed}" for line in lines]
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        relay = start(harness.GENERATOR_CPU, [sys.executable, "-m", "tests.lab.relay", "--retime", str(RATE), *specs])
        ports = [[int(port) for port in relay.line().split()] for _ in specs]
        speech = Path(room) / "speech.s16"
        speech.write_bytes(talk.pcm.tobytes())
        want = {
            "module": str(module()),
            "speech": str(speech),
            "seconds": seconds,
            "pollMs": POLL_MS,
            "paths": ports,
            "capture": str(capture) if capture else None,
        }
        node = start(harness.SYSTEM_CPU, real_time(["node", str(HERE / "neteq.js")]))
        out, _ = node.process.communicate(json.dumps(want), timeout=seconds + GRACE_S)
        if node.process.returncode != 0:
            raise RuntimeError(f"NetEq's process failed (exit {node.process.returncode})")
        found = json.loads(out.strip().splitlines()[-1])
        told, _ = relay.process.communicate(timeout=GRACE_S)
        paths = json.loads(told.strip().splitlines()[-1])
    return [judge(line, one, path) for line, one, path in zip(lines, found, paths, strict=True)]


def node_version() -> str:
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
