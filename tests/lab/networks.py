# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that jitter buffers are judged on, by name: made from a seed, so that everybody has them (`lte#7` is `lte` made
from seed 7), and recorded cellular links from the folder that SIPAGENT_TRACES names (mahimahi's format: one delivery
opportunity of 1,500 bytes a line, in milliseconds)."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tests.netsim import MS, Clock, Conditions, Opportunities

TRACES = "SIPAGENT_TRACES"  # environment: a folder of recorded links, NAME.up and NAME.down
SECOND = 1000 * MS
HOUR_S = 3600
TRACE_S = 120  # of a made link; then it repeats


@dataclass(frozen=True, slots=True)
class Net:
    """One direction of a line."""

    name: str
    conditions: Conditions
    about: str
    drift_ppm: float = 0.0  # how much slower the sender's clock is than the receiver's
    seed: int = 1

    def clock(self) -> Clock:
        return Clock(0, drift_ppm=self.drift_ppm)


def cellular(seed: int, gap_ms: float, swing: float, handover_s: float, handover_ms: float, grid_ms: int = 1) -> Opportunities:
    """A radio link: the gap between opportunities wanders over `swing` (standard deviation of its logarithm, a few seconds
    long) and handovers stop it now and then (exponential, log-normal length)."""
    rng = random.Random(seed)
    times: list[int] = []
    now, mood = 0.0, rng.gauss(0, swing)
    handover = rng.expovariate(1 / handover_s) * 1e3
    while now < TRACE_S * 1000 - 50:
        gap = min(400.0, rng.expovariate(1 / (gap_ms * 2.718281828**mood)))
        if now > handover:
            gap += rng.lognormvariate(0, 0.6) * handover_ms
            handover = now + gap + rng.expovariate(1 / handover_s) * 1e3
        weight = min(1.0, gap / 3000)
        mood += -mood * weight + rng.gauss(0, swing * (2 * weight) ** 0.5)
        now += max(gap, 0.2)
        times.append(int(now / grid_ms) * grid_ms * MS)
    return Opportunities(tuple(t for t in times if t < TRACE_S * SECOND), TRACE_S * SECOND)


def recorded(path: Path) -> Opportunities:
    times = [int(line) * MS for line in path.read_text().split()]
    return Opportunities(tuple(t for t in times if t < times[-1]), times[-1])


def made(seed: int = 1) -> list[Net]:
    """The generated set: what a user's clone has. Seed 1 goes by the plain names."""
    c = Conditions
    links = 100 * (seed - 1)
    detours = tuple((s * SECOND, (s // 8 % 2) * 60 * MS) for s in range(8, HOUR_S, 8))
    silences = tuple((s * SECOND, (s + 2) * SECOND) for s in range(10, HOUR_S, 20))
    nets = [
        Net("lan", c(jitter_us=2 * MS), "a wire: 2 ms of jitter"),
        Net("gauss-10", c(delay_us=40 * MS, gauss_us=10 * MS), "normal jitter of 10 ms, packets overtake"),
        Net("gauss-20-loss-3", c(delay_us=80 * MS, gauss_us=20 * MS, loss=0.03), "normal jitter of 20 ms, 3 % lost"),
        Net("pareto", c(pareto_us=12 * MS, pareto_shape=3, in_order=True), "heavy-tailed queueing, order kept"),
        Net("wifi", c(jitter_us=6 * MS, pareto_us=2 * MS, pareto_shape=1.7, in_order=True), "few, long spikes"),
        Net("burst-loss", c(jitter_us=10 * MS, burst_enter=0.012, burst_leave=0.25), "Gilbert-Elliott, 5 % in bursts of 4"),
        Net("reorder", c(jitter_us=5 * MS, reorder=0.05, reorder_us=45 * MS, duplicate=0.02), "5 % 45 ms late, 2 % twice"),
        Net("steps", c(gauss_us=3 * MS, steps=detours), "routes 60 ms apart, every 8 s"),
        Net("outage", c(jitter_us=15 * MS, outages=silences), "2 s of nothing every 20 s"),
        Net("drift+", c(jitter_us=15 * MS), "sender's clock 500 ppm slow", drift_ppm=500),
        Net("drift-", c(jitter_us=15 * MS), "sender's clock 500 ppm fast", drift_ppm=-500),
        Net("lte", c(link=cellular(links + 1, 4, 0.9, 12, 120)), "made radio link, 12 s between handovers"),
        Net("lte-poor", c(link=cellular(links + 2, 9, 1.0, 8, 250)), "the same at the cell's edge"),
        Net("umts", c(link=cellular(links + 3, 12, 0.6, 15, 300, grid_ms=10)), "made radio link with a 10 ms grid"),
    ]
    return nets if seed == 1 else [replace(net, name=f"{net.name}#{seed}", seed=seed) for net in nets]


def recordings() -> list[Net]:
    """ValueError: the folder is named and has none."""
    if not os.environ.get(TRACES):
        return []
    folder = Path(os.environ[TRACES])
    paths = sorted(path for path in folder.glob("*") if path.suffix in {".up", ".down"})
    if not paths:
        raise ValueError(f"{TRACES} = {folder}: no mahimahi traces (*.up, *.down) there; name their folder or unset it")
    found = []
    for path in paths:
        link = recorded(path)
        for name, start in ((path.name, 0), (f"{path.name}@half", link.period_us // 2)):
            found.append(Net(name, Conditions(link=link, link_start_us=start), "recorded cellular link"))
    return found


@cache
def all_networks() -> dict[str, Net]:
    return {net.name: net for net in [*made(), *recordings()]}


def network(name: str) -> Net:
    """ValueError: no such network, with the names there are."""
    plain, _, seed = name.partition("#")
    if plain in all_networks():
        if not seed:
            return all_networks()[plain]
        for net in made(int(seed)) if seed.isdigit() and int(seed) > 0 else []:
            if net.name.partition("#")[0] == plain:
                return net
    raise ValueError(f"no network {name!r}; there are {', '.join(all_networks())} (and NAME#SEED of the made ones)")
