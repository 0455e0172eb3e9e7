# SPDX-License-Identifier: GPL-3.0-or-later
"""`jitter`: what a jitter buffer's delay costs and what it saves, over made and recorded networks.

Our policy, PJSIP's and fixed delays run in virtual time; NetEq runs inside real libwebrtc, its calls in real time through the
relay, on the same packets at the same times. Delay is how long a packet of speech was held from its arrival until it was
played (WebRTC's jitterBufferDelay); concealed is the share of speech for which sound had to be made up, and for the policies in
virtual time also what came in time and was cut out. NetEq shortens and stretches instead of cutting, which is not counted here;
the column "scaled" says how much. Details: tests/lab/line.py, tests/lab/neteq.py.

Two buffers are compared at equal concealment, or the one that conceals more would always win:
* against NetEq our least delay (min_ms) is raised until we conceal no more than NetEq does on that network,
* against the offline optimum (tests/lab/optimum.c: knows every packet beforehand, changes its delay only in pauses) its curve
  is read at our concealment.
A network that holds more than 2 % of its packets up for more than a second does not jitter, it is out of order: its row is
shown and not judged.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from tests.bench import harness
from tests.lab import line as lines
from tests.lab import neteq, policies, speech
from tests.lab.line import Line
from tests.lab.networks import all_networks

QUICK = ["lan", "gauss-10", "burst-loss", "reorder", "lte", "umts"]
FIXED_MS = (40, 60, 100)
HOPELESS_US, HOPELESS = 1_000_000, 0.02
SAME = 0.001  # concealment that counts as equal: less than two packets in a minute of talk
RELAY_LATE_US = 1000.0  # a round whose relay was later (p99) says nothing
REFERENCES = ("optimum", "optimum on our 20 ms grid", "optimum with time scaling", "constant delay with hindsight")
GOAL = {"ours / NetEq": 0.85, "ours / optimum": 1.2, "worst network, ours / NetEq": 1.05}


def in_virtual_time(line: Line) -> dict[str, Any]:
    """Everything that needs no real time; the speeds are of the computation, in times real time."""
    seconds = line.n * lines.PACKET_US / 1e6
    started = time.perf_counter()
    ours = policies.judge(policies.ours(), line)
    played = time.perf_counter()
    optimum = policies.optimum(line)
    solved = time.perf_counter()
    grid = [policies.optimum(line, grid_phase_us=phase).at(ours.concealed) for phase in policies.PHASES_US]
    return {
        "ours": ours,
        "ours_floors": policies.floors(policies.ours(), line),
        "pjsip": policies.judge(policies.pjsip(), line),
        **{f"fixed {ms}": policies.fixed(line, ms) for ms in FIXED_MS},
        "optimum": optimum.at(ours.concealed),
        "optimum on our 20 ms grid": statistics.fmean(grid),
        "optimum with time scaling": policies.optimum(line, scaling=True).at(ours.concealed),
        "constant delay with hindsight": policies.hindsight(line).at(ours.concealed),
        "speed_policy": seconds * len(policies.PHASES_US) / (played - started),
        "speed_optimum": seconds * len(policies.PRICES_MS) / (solved - played),
    }


Heards = list[list[neteq.Heard]]  # by round, by network


def neteq_rounds(judged: list[Line], talk: speech.Talk, seconds: float, want: int) -> tuple[harness.Rounds, Heards]:
    """`want` rounds whose relay kept its schedule; after twice as many it gives up."""
    rounds = harness.Rounds()
    good: Heards = []
    bad: Heards = []
    while rounds.kept < want and rounds.kept + rounds.discarded < 2 * want:
        heard = neteq.run(judged, talk, seconds)
        late = max(h.relay_late_us for h in heard)
        quiet = late <= RELAY_LATE_US and not any(h.overdue for h in heard)
        rounds.noise_p99_us.append(round(late, 1))
        rounds.kept += quiet
        rounds.discarded += not quiet
        (good if quiet else bad).append(heard)
        told = f"round {rounds.kept}/{want}, {rounds.discarded} discarded, relay p99 {late:.0f} us late"
        print(f"    NetEq: {told}", file=sys.stderr, flush=True)
    return rounds, good or bad


def hopeless(line: Line) -> bool:
    late = line.transit_us[line.speech & (line.first_us >= 0)] - line.base_us
    return bool((late > HOPELESS_US).mean() > HOPELESS)


def compare(line: Line, virtual: dict[str, Any], heard: list[neteq.Heard]) -> dict[str, Any]:
    """One network's entry in the report. Lists have one value a round; null: our policy never conceals so little."""
    equal = [virtual["ours_floors"].at(max(h.concealed, line.lost) + SAME) for h in heard]
    keys = ("held_ms", "added_ms", "target_ms", "concealed", "concealed_anywhere", "scaled")
    return {
        "about": line.net.about,
        "lost": line.lost,
        "judged": not hopeless(line),
        "ours": asdict(virtual["ours"]),
        "neteq": {key: harness.spread([getattr(h, key) for h in heard]) for key in keys},
        **{key: asdict(virtual[key]) for key in ("pjsip", *(f"fixed {ms}" for ms in FIXED_MS))},
        "least_held_ms_at_our_concealment": {key: virtual[key] for key in REFERENCES},
        "neteq_held_ms": [h.held_ms for h in heard],
        "ours_held_ms_at_neteqs_concealment": [ms if np.isfinite(ms) else None for ms in equal],
    }


def against_neteq(entries: list[dict[str, Any]]) -> dict[str, float] | None:
    """Our delay / NetEq's at equal concealment, summed over the networks; None when one of ours never gets there."""
    ours = [e["ours_held_ms_at_neteqs_concealment"] for e in entries]
    if any(ms is None for one in ours for ms in one):
        return None
    theirs = [e["neteq_held_ms"] for e in entries]
    return harness.spread([sum(a) / sum(b) for a, b in zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True)])


def cells(name: str, entry: dict[str, Any]) -> list[str]:
    def two(score: dict[str, float]) -> list[str]:
        return [f"{score['held_ms']:.0f}", f"{100 * score['concealed']:.2f}"]

    theirs, ratio = entry["neteq"], against_neteq([entry])
    equal = entry["ours_held_ms_at_neteqs_concealment"]
    return [
        name if entry["judged"] else f"({name})",
        f"{100 * entry['lost']:.1f}",
        *two(entry["ours"]),
        f"{entry['least_held_ms_at_our_concealment']['optimum']:.0f}",
        *two({key: theirs[key]["median"] for key in ("held_ms", "concealed")}),
        f"{100 * theirs['scaled']['median']:.1f}",
        f"{statistics.median(equal):.0f}" if ratio else "never",
        f"{ratio['median']:.2f}" if ratio else "-",
        f"{ratio['min']:.2f}-{ratio['max']:.2f}" if ratio else "-",
        *two(entry["pjsip"]),
        *(cell for ms in FIXED_MS for cell in two(entry[f"fixed {ms}"])),
    ]


def versions() -> dict[str, str]:
    return {
        "@roamhq/wrtc": f"{neteq.VERSION} (libwebrtc M106)",
        "node": neteq.node_version(),
        "pjsip": policies.pjsip_manifest()["version"],
    }


def summary(entries: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bool]]:
    """Ratios over the networks that are judged, and which goals they meet."""
    judged = {name: e for name, e in entries.items() if e["judged"]}
    ours = sum(e["ours"]["held_ms"] for e in judged.values())
    ratios: dict[str, Any] = {
        f"ours / {key}": ours / sum(e["least_held_ms_at_our_concealment"][key] for e in judged.values()) for key in REFERENCES
    }
    each = {name: against_neteq([e]) for name, e in judged.items()}
    ratios["ours / NetEq"] = against_neteq(list(judged.values()))
    ratios["ours / NetEq, each network"] = each
    worst = [ratio["median"] if ratio else float("inf") for ratio in each.values()]
    met = {
        "ours / NetEq": ratios["ours / NetEq"] is not None and ratios["ours / NetEq"]["median"] <= GOAL["ours / NetEq"],
        "ours / optimum": ratios["ours / optimum"] <= GOAL["ours / optimum"],
        "worst network, ours / NetEq": max(worst) <= GOAL["worst network, ours / NetEq"],
    }
    return ratios, met


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (20.0, 1) if quick else (60.0, 5)
    talk = speech.talk(seconds)
    quiet = talk.quiet
    nets = [net for net in all_networks().values() if not quick or net.name in QUICK]
    judged = [lines.make(net, quiet) for net in nets]
    rounds, heard = neteq_rounds(judged, talk, seconds, want)
    virtual = [in_virtual_time(line) for line in judged]
    entries = {
        line.net.name: compare(line, found, [one[i] for one in heard])
        for i, (line, found) in enumerate(zip(judged, virtual, strict=True))
    }
    ratios, met = summary(entries)
    speeds = {key: statistics.median(found[key] for found in virtual) for key in ("speed_policy", "speed_optimum")}
    title = (
        f"jitter: ms that speech was held / % of speech concealed; {seconds:g} s each, NetEq: {rounds.remark}\n"
        f"    in virtual time: our policy {speeds['speed_policy']:.0f} times faster than real time, the optimum "
        f"{speeds['speed_optimum']:.0f} times (one point of its curve)"
    )
    head = ["network", "lost %", "ours", "%", "optimum", "NetEq", "%", "scaled %", "ours at NetEq's %", "ratio", "range"]
    head += ["PJSIP", "%", *(cell for ms in FIXED_MS for cell in (f"{ms} ms", "%"))]
    text = harness.table(title, head, [cells(name, entry) for name, entry in entries.items()])
    text += "\n" + "\n".join(f"{key}: {ratios[key]:.2f}" for key in (f"ours / {name}" for name in REFERENCES))
    if ratios["ours / NetEq"]:
        text += "\nours / NetEq: {median:.2f} ({min:.2f}-{max:.2f})".format(**ratios["ours / NetEq"])
    return text, {
        "networks": entries,
        "ratios": ratios,
        "goal": GOAL,
        "met": met,
        "speech": {"seconds": seconds, "digest": talk.digest, "share": float(1 - quiet.mean())},
        "times_real_time": speeds,
        "peers": versions(),
        **harness.rounds_report(rounds),
    }
