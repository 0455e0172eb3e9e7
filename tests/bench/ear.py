# SPDX-License-Identifier: GPL-3.0-or-later
"""`ear`: how old a frame is when Python gets it, through the machine ear and through a playout buffer.

Age runs from the packet's time on the wire, stamped by the sender just before it sends, to the call of Python's handler;
packets carry their number in every sample, so no counter of the system under test is asked. Both ears hear the very same
packets on one leg: `playout` is its jitter buffer, decoder and 20 ms clock as a recording hears them. Packets of talk that
both ears brought are compared; what an ear never brought stands beside it as missed.

The full run sets two others beside them on the same networks: a fixed delay of 60 ms (virtual time, without the way to Python)
and NetEq (its own jitterBufferDelay, which leaves out what it holds after decoding; tests/lab/neteq.py). Both have no Python in
them, which favours them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench import harness, verdict
from tests.lab import line as lines
from tests.lab import neteq, policies, speech
from tests.lab.networks import all_networks, network

QUICK = ["lan", "gauss-20-loss-3", "burst-loss", "reorder", "lte"]
FIXED_MS = 60
GRACE_S = 1.5  # for the last packets
GOAL = {"ear / playout": 0.1}

EARS = ("ear", "playout")

Ages = dict[str, NDArray[np.float64]]  # by ear
Missed = dict[str, float]


def ages(result: dict[str, Any], judged: lines.Line, i: int) -> tuple[Ages, Missed]:
    """Network i of a round: ms of each judged packet that both ears brought, and the shares that each missed."""
    sent = np.array(result["sent_us"][i])
    arrived = judged.speech & (sent >= 0)
    seen = {ear: np.array(result[f"{ear}_us"][i]) for ear in EARS}
    both = arrived & (seen["ear"] >= 0) & (seen["playout"] >= 0)
    if not both.any():
        raise RuntimeError(f"{judged.net.name}: no packet came through both ears")
    found = {ear: (at - sent)[both] / 1e3 for ear, at in seen.items()}
    if min(float(one.min()) for one in found.values()) < 0:
        raise RuntimeError(f"{judged.net.name}: a packet was seen before it was sent")
    return found, {ear: float((at < 0)[arrived].mean()) for ear, at in seen.items()}


def measure(names: list[str], quiet: NDArray[np.bool_], seconds: float) -> dict[str, Any]:
    """One round over all networks at once."""
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        np.save(Path(room) / "quiet.npy", quiet)
        ends = [sys.executable, "-m", "tests.bench.ear_ends"]
        sender = start(harness.GENERATOR_CPU, [*ends, "send", f"{seconds}", Path(room) / "quiet.npy", *names])
        port = sender.line().removeprefix("port ")
        hearer = start(harness.SYSTEM_CPU, [*ends, "hear", port, str(len(names)), str(len(quiet))])
        sender.tell(hearer.line())
        found = sender.finish(seconds + GRACE_S)
        return {**found, **hearer.finish(GRACE_S)}


def summary(rounds: list[dict[str, Any]], judged: list[lines.Line]) -> tuple[dict[str, Any], list[float]]:
    """Each network's figures over all rounds, and each round's ratio of the mean ages."""
    networks: dict[str, Any] = {}
    by_round = [[ages(one, line, i) for i, line in enumerate(judged)] for one in rounds]
    means = [{ear: float(np.concatenate([found[ear] for found, _ in one]).mean()) for ear in EARS} for one in by_round]
    for i, line in enumerate(judged):
        entry: dict[str, Any] = {"lost": line.lost}
        for ear in EARS:
            every = np.concatenate([one[i][0][ear] for one in by_round])
            entry[ear] = {"mean_ms": float(every.mean())}
            entry[ear] |= {f"p{q}_ms": float(np.percentile(every, q)) for q in (50, 95, 99)}
            entry[ear]["missed"] = float(np.mean([one[i][1][ear] for one in by_round]))
        entry["ratio"] = entry["ear"]["mean_ms"] / entry["playout"]["mean_ms"]
        networks[line.net.name] = entry
    return networks, [mean["ear"] / mean["playout"] for mean in means]


def cells(name: str, entry: dict[str, Any]) -> list[str]:
    row = [name, f"{100 * entry['lost']:.1f}"]
    for ear in EARS:
        row += [f"{entry[ear][key]:.1f}" for key in ("mean_ms", "p95_ms", "p99_ms")] + [f"{100 * entry[ear]['missed']:.1f}"]
    row.append(f"{entry['ratio']:.3f}")
    return row + [f"{entry[key]:.0f}" if key in entry else "-" for key in (f"fixed {FIXED_MS}", "NetEq")]


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (10.0, 1) if quick else (30.0, 5)
    talk = speech.talk(seconds)
    names = QUICK if quick else list(all_networks())
    judged = [lines.make(network(name), talk.quiet) for name in names]
    rounds = harness.run_rounds(["legs"], lambda _: measure(names, talk.quiet, seconds), want, "ear")
    networks, ratios = summary(rounds.results["legs"], judged)
    for line in judged:
        networks[line.net.name][f"fixed {FIXED_MS}"] = policies.fixed(line, FIXED_MS).held_ms
    if not quick:
        for line, heard in zip(judged, neteq.run(judged, talk, seconds), strict=True):
            networks[line.net.name]["NetEq"] = heard.held_ms
    ratio = harness.spread(ratios)
    text = harness.table(
        f"ear: age of a frame in Python, ms; {seconds:g} s over each network; {rounds.remark}",
        ["network", "lost %"]
        + [f"{ear} {key}" if key == "mean" else key for ear in EARS for key in ("mean", "p95", "p99", "missed %")]
        + ["ratio", f"fixed {FIXED_MS}", "NetEq"],
        [cells(name, entry) for name, entry in networks.items()],
    )
    text += "\near / playout, mean over all: {median:.3f} ({min:.3f}-{max:.3f})".format(**ratio)
    return text, {
        "networks": networks,
        "ratios": {"ear / playout": ratio},
        "goal": GOAL,
        "measured": {"ear / playout": ratio["median"]},
        "met": verdict.judged(GOAL, {"ear / playout": ratio["median"]}),
        "dropped": sum(one["dropped"] for one in rounds.results["legs"]),
        "sender_late_p99_us": [one["late_p99_us"] for one in rounds.results["legs"]],
        "peers": {} if quick else {"@roamhq/wrtc": neteq.VERSION, "node": neteq.node_version()},
        **harness.rounds_report(rounds),
    }
