# SPDX-License-Identifier: GPL-3.0-or-later
"""Playout policies over a known line: ours and PJSIP's as they are compiled, fixed delays, and the offline optimum."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.harness import TREE, compiled
from tests.lab.line import NEVER, PACKET_SAMPLES, PACKET_US, PLAYED, Line, Score, mean, score
from tests.netsim import MS

HERE = Path(__file__).parent
PHASES_US = (2_500, 7_500, 12_500, 17_500)  # of the player's clock against the sender's: nobody can choose it
TAIL_US = 2_000_000  # played on after the last arrival
STEP_US = 2 * MS  # of the optimum's delays ...
LONGEST_US = 800 * MS  # ... and the longest
STRETCH = 0.2  # of its length a packet may be stretched or shortened by, in the optimum with time scaling
PRICES_MS = tuple(float(p) for p in np.geomspace(3, 60_000, 28))  # of one concealed packet, in packet-milliseconds of delay

SHARED = ["-shared", "-fPIC", "-O3"]


@dataclass(frozen=True)
class Knobs:
    """A policy's settings; 0: its own."""

    min_ms: int = 0
    max_ms: int = 0
    price_ms: int = 0


OWN = Knobs()
LEAST_MS = 5  # as in leg_human.c
KNOBS = tuple(
    Knobs(LEAST_MS, most, price)
    for most, prices in ((400, (1, 2, 3, 5, 8, 12, 20, 30, 45, 70, 110)), (1000, (30, 60, 110, 200, 400, 1000)))
    for price in prices
)


class _Line(ctypes.Structure):
    _fields_ = (
        ("arrivals", ctypes.c_void_p),
        ("n_arrivals", ctypes.c_size_t),
        ("quiet", ctypes.c_void_p),
        ("pcm", ctypes.c_void_p),
        ("n_packets", ctypes.c_size_t),
        ("first_tick_us", ctypes.c_uint64),
        ("tick_us", ctypes.c_uint64),
        ("n_ticks", ctypes.c_size_t),
        ("min_ms", ctypes.c_uint32),
        ("max_ms", ctypes.c_uint32),
        ("price_ms", ctypes.c_uint32),
    )


class _OptimumLine(ctypes.Structure):
    _fields_ = (
        ("late_us", ctypes.c_void_p),
        ("quiet", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("n", "first_us", "step_us", "n_levels", "slack", "packet_us", "judged_from")),
    )


class _OptimumResult(ctypes.Structure):
    _fields_ = (("held_us", ctypes.c_double), ("n_played", ctypes.c_int64), ("n_missed", ctypes.c_int64))


@cache
def ours() -> ctypes.CDLL:
    core = TREE / "mediacore"
    links = [f"-I{TREE / 'csrc'}", f"-L{core}", "-lmediacore", f"-Wl,-rpath,{core}"]
    return ctypes.CDLL(str(compiled("policy_ours.so", [HERE / "policy_ours.c", HERE / "policy.h"], [*SHARED, *links])))


@cache
def pjsip_manifest() -> dict[str, Any]:
    """Of the build that the switch uses."""
    asked = subprocess.run([sys.executable, TREE / "scripts" / "pjsip", "--print"], capture_output=True, text=True, check=True)
    return dict(json.loads((Path(asked.stdout.strip()) / "manifest.json").read_text()))


@cache
def pjsip() -> ctypes.CDLL:
    """PJSIP's own objects."""
    manifest = pjsip_manifest()
    links = [f"-isystem{d}" for d in manifest["include_dirs"]] + [f"-D{d}" for d in manifest["defines"]]
    wanted = [lib for lib in manifest["libs"] if Path(lib).name in {"libpjmedia.a", "libpjlib-util.a", "libpj.a"}]
    links += [*wanted, "-Wl,--gc-sections", "-lm", "-lpthread"]
    return ctypes.CDLL(str(compiled("policy_pjsip.so", [HERE / "policy_pjsip.c", HERE / "policy.h"], [*SHARED, *links])))


@cache
def _optimum() -> ctypes.CDLL:
    return ctypes.CDLL(str(compiled("optimum.so", [HERE / "optimum.c"], SHARED)))


def play(policy: ctypes.CDLL, line: Line, phase_us: int, knobs: Knobs = OWN, tick_us: int = PACKET_US) -> NDArray[np.void]:
    """Where each packet's sound went (line.PLAYED). The player asks every `tick_us`, first at `phase_us`."""
    arrivals, quiet = np.ascontiguousarray(line.arrivals), np.ascontiguousarray(line.quiet, np.uint8)
    pcm = np.ascontiguousarray(line.pcm, np.int16)
    n_ticks = int((int(arrivals["us"][-1]) + TAIL_US) // tick_us)
    played = np.full(line.n, NEVER, PLAYED)
    pointers = arrivals.ctypes.data, len(arrivals), quiet.ctypes.data, pcm.ctypes.data
    spec = _Line(*pointers, line.n, phase_us, tick_us, n_ticks, knobs.min_ms, knobs.max_ms, knobs.price_ms)
    if policy.policy_run(ctypes.byref(spec), played.ctypes.data_as(ctypes.c_void_p)) != 0:
        raise RuntimeError("the policy could not be set up")
    return played


def ticks(played: NDArray[np.void], phase_us: int) -> NDArray[np.int32]:
    """The packet of each 20 ms tick, NEVER where there was none; of a playout without time scaling."""
    numbers = np.flatnonzero(played["us"] != NEVER)
    at = (played["us"][numbers] - phase_us) // PACKET_US
    out = np.full(int(at[-1]) + 1, NEVER, np.int32)
    out[at] = numbers
    return out


def render(policy: ctypes.CDLL, pcm: NDArray[np.int16], on_ticks: NDArray[np.int32]) -> NDArray[np.int16]:
    """What a playout sounds like: `pcm`, 8 kHz, with the policy's own concealment where nothing was played."""
    out = np.empty(len(on_ticks) * PACKET_SAMPLES, np.int16)
    pcm = np.ascontiguousarray(pcm)
    pointers = (ctypes.c_void_p(a.ctypes.data) for a in (pcm, on_ticks))
    if policy.policy_render(*pointers, ctypes.c_size_t(len(on_ticks)), ctypes.c_void_p(out.ctypes.data)) != 0:
        raise RuntimeError("the concealment could not be set up")
    return out


def judge(policy: ctypes.CDLL, line: Line, knobs: Knobs = OWN, tick_us: int = PACKET_US) -> Score:
    """Mean over the phases of the player's clock."""
    return mean([score(line, play(policy, line, phase, knobs, tick_us)) for phase in PHASES_US])


def fixed(line: Line, delay_ms: float) -> Score:
    """A buffer that waits `delay_ms` after the first packet and never changes: packet n has one tick, later is lost."""
    return mean([score(line, play_fixed(line, delay_ms, phase)) for phase in PHASES_US])


def play_fixed(line: Line, delay_ms: float, phase_us: int) -> NDArray[np.void]:
    start = int(line.arrivals["us"][0]) + round(delay_ms * MS)
    first = -(-(start - phase_us) // PACKET_US)  # tick of the first packet that came
    at = phase_us + (first + np.arange(line.n) - int(line.arrivals["n"][0])) * PACKET_US
    ok = (line.first_us >= 0) & (line.first_us <= at) & (at >= 0)
    played = np.full(line.n, NEVER, PLAYED)
    played["us"][ok], played["len_us"][ok] = at[ok], PACKET_US
    return played


@dataclass(frozen=True)
class Curve:
    """Least delay for each rate of concealment: points of falling delay and rising concealment."""

    concealed: NDArray[np.float64]
    held_ms: NDArray[np.float64]

    def at(self, concealed: float) -> float:
        """Mean hold at so much concealment; inf when the curve never conceals so little."""
        if concealed < self.concealed[0] - 1e-9:
            return float("inf")
        return float(np.interp(concealed, self.concealed, self.held_ms))


def curve(points: list[tuple[float, float]]) -> Curve:
    """From (concealed, held_ms) in any order: a point that is no better than another in both is left out."""
    best: list[tuple[float, float]] = []
    for concealed, held in sorted(points):
        if not best or held < best[-1][1]:
            best.append((concealed, held))
    return Curve(np.array([c for c, _ in best]), np.array([h for _, h in best]))


def over_knobs(policy: ctypes.CDLL, line: Line) -> list[tuple[float, float]]:
    """(concealed, held_ms) for each of the settings that users of our policy have (media.jitter_price_ms and jitter_max_ms)."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the policy itself runs without the interpreter's lock
        scores = pool.map(lambda knob: judge(policy, line, knob), KNOBS)
    return [(s.concealed, s.held_ms) for s in scores]


def knobs(policy: ctypes.CDLL, line: Line) -> Curve:
    return curve(over_knobs(policy, line))


def hindsight(line: Line) -> Curve:
    """The best delay that never changes, chosen by somebody who knows the line."""
    late = np.sort((line.transit_us - line.base_us)[line.speech & (line.first_us >= 0)]) / MS
    n_speech = int(line.speech.sum())
    points = []
    for share in np.linspace(0, 1, 200):
        n = max(1, round(share * len(late)))
        points.append((1 - n / n_speech, float(late[n - 1] - late[:n].mean())))
    return curve(points)


def optimum(line: Line, *, scaling: bool = False, grid_phase_us: int | None = None) -> Curve:
    """`scaling`: packets may be stretched and shortened by STRETCH. `grid_phase_us`: frames are played at a player's 20 ms
    ticks only, of which the first is then."""
    late = np.where(line.first_us >= 0, line.transit_us - line.base_us, NEVER).astype(np.int32)
    quiet = np.ascontiguousarray(line.quiet, np.uint8)
    first, step = (0, STEP_US) if grid_phase_us is None else ((grid_phase_us - line.base_us) % PACKET_US, PACKET_US)
    slack = round(STRETCH * PACKET_US / STEP_US) if scaling else 0
    n_levels = (LONGEST_US - first) // step
    judged_from = int(np.argmax(line.speech))
    spec = _OptimumLine(late.ctypes.data, quiet.ctypes.data, line.n, first, step, n_levels, slack, PACKET_US, judged_from)
    levels, found = np.empty(line.n, np.int32), _OptimumResult()
    points = []
    for price in PRICES_MS:
        out = levels.ctypes.data_as(ctypes.c_void_p)
        if _optimum().optimum_run(ctypes.byref(spec), ctypes.c_float(price * MS), out, ctypes.byref(found)) != 0:
            raise MemoryError("optimum")
        concealed = found.n_missed / (found.n_played + found.n_missed)
        points.append((concealed, found.held_us / max(1, found.n_played) / MS))
    return curve(points)
