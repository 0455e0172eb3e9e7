# SPDX-License-Identifier: GPL-3.0-or-later
"""`jitter`: what a jitter buffer's delay costs and what it saves, over made and recorded networks.

Our policy, PJSIP's and fixed delays run in virtual time; NetEq runs inside real libwebrtc, its calls in real time through the
relay, on the same packets at the same times. Delay is how long a packet of speech was held from its arrival until it was
played (WebRTC's jitterBufferDelay); concealed is the share of speech for which sound had to be made up, and for the policies in
virtual time also what came in time and was cut out. NetEq and we shorten and stretch instead of cutting, which is not counted
here; the columns "scaled" say how much. Details: tests/lab/line.py, tests/lab/neteq.py.

Two buffers are compared at equal concealment, or the one that conceals more would always win:
* against NetEq our settings (media.jitter_price_ms, media.jitter_max_ms) are chosen so that we conceal no more than NetEq does
  on that network,
* against the offline optimum (tests/lab/optimum.c: knows every packet beforehand, changes its delay only in pauses) its curve
  is read at our concealment.
Every round has the networks and the talk of another seed; none of them was used to choose the policy's constants (docs/lab.md).
A network that holds more than 2 % of its packets up for more than a second does not jitter, it is out of order: its row is
shown and not judged.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tests.bench import harness, verdict
from tests.lab import audio, neteq, policies, speech
from tests.lab import line as lines
from tests.lab.line import Line
from tests.lab.networks import made, recordings

QUICK = ["lan", "gauss-10", "burst-loss", "reorder", "lte", "umts"]
FIXED_MS = (40, 60, 100)
HOPELESS_US, HOPELESS = 1_000_000, 0.02
SAME = 0.001  # concealment that counts as equal: less than two packets in a minute of talk
RELAY_LATE_US = 1000.0  # a round whose relay was later (p99) says nothing
SEEDS = (1, 4, 5, 6, 7)  # of the rounds: 2 and 3 served to choose constants
FINE_US = 10_000  # the tick of NetEq's player, and of a leg whose packets are 10 ms long
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
        "pjsip": policies.judge(policies.pjsip(), line),
        **{f"fixed {ms}": policies.fixed(line, ms) for ms in FIXED_MS},
        "optimum": optimum.at(ours.concealed),
        "optimum on our 20 ms grid": statistics.fmean(grid),
        "optimum with time scaling": policies.optimum(line, scaling=True).at(ours.concealed),
        "constant delay with hindsight": policies.hindsight(line).at(ours.concealed),
        "ours_fine": policies.judge(policies.ours(), line, tick_us=FINE_US),
        "speed_policy": seconds * len(policies.PHASES_US) / (played - started),
        "speed_optimum": seconds * len(policies.PRICES_MS) / (solved - played),
    }


@dataclass(frozen=True)
class Round:
    """One seed's networks, and what NetEq did with them."""

    talk: speech.Talk
    lines: list[Line]
    heard: list[neteq.Heard]


def lines_of(seed: int, talk: speech.Talk, names: Sequence[str] | None) -> list[Line]:
    """Of the made networks, or of those of them that are named by their plain names, and of the recorded ones."""
    nets = [net for net in [*made(seed), *recordings()] if names is None or plain(net.name) in names]
    quiet, pcm = talk.quiet, audio.decoded(talk)
    return [lines.make(net, quiet, pcm) for net in nets]


def plain(name: str) -> str:
    return name.partition("#")[0]


def neteq_rounds(seconds: float, want: int, names: Sequence[str] | None) -> tuple[harness.Rounds, list[Round]]:
    """`want` rounds whose relay kept its schedule; after twice as many it gives up."""
    rounds = harness.Rounds()
    good: list[Round] = []
    bad: list[Round] = []
    while rounds.kept < want and rounds.kept + rounds.discarded < 2 * want:
        seed = SEEDS[rounds.kept % len(SEEDS)]
        talk = speech.talk(seconds, seed)
        judged = lines_of(seed, talk, names)
        heard = neteq.run(judged, talk, seconds)
        late = max(h.relay_late_us for h in heard)
        quiet = late <= RELAY_LATE_US and not any(h.overdue for h in heard)
        rounds.noise_p99_us.append(round(late, 1))
        rounds.kept += quiet
        rounds.discarded += not quiet
        (good if quiet else bad).append(Round(talk, judged, heard))
        told = f"round {rounds.kept}/{want}, {rounds.discarded} discarded, relay p99 {late:.0f} us late"
        print(f"    NetEq: {told}", file=sys.stderr, flush=True)
    return rounds, good or bad


def hopeless(line: Line) -> bool:
    late = line.transit_us[line.speech & (line.first_us >= 0)] - line.base_us
    return bool((late > HOPELESS_US).mean() > HOPELESS)


def compare(virtual: dict[str, Any], rounds: list[tuple[Line, neteq.Heard]]) -> dict[str, Any]:
    """One network's entry in the report. Equal concealment is that of all rounds together, each of another seed; null: ours
    never conceals so little. The other policies and the references are of the first round."""
    line = rounds[0][0]
    scores = [policies.over_knobs(policies.ours(), one) for one, _ in rounds]
    enough = [max(h.concealed, one.lost) + SAME for one, h in rounds]
    each = [policies.curve(of_one).at(most) for of_one, most in zip(scores, enough, strict=True)]
    pooled = policies.curve([(float(c), float(h)) for c, h in np.mean(scores, axis=0)]).at(statistics.fmean(enough))
    keys = ("held_ms", "added_ms", "target_ms", "concealed", "concealed_anywhere", "scaled")
    return {
        "about": line.net.about,
        "lost": line.lost,
        "judged": not any(hopeless(one) for one, _ in rounds),
        "ours": asdict(virtual["ours"]),
        "ours_every_10_ms": asdict(virtual["ours_fine"]),
        "neteq": {key: harness.spread([getattr(h, key) for _, h in rounds]) for key in keys},
        **{key: asdict(virtual[key]) for key in ("pjsip", *(f"fixed {ms}" for ms in FIXED_MS))},
        "least_held_ms_at_our_concealment": {key: virtual[key] for key in REFERENCES},
        "neteq_held_ms": statistics.fmean(h.held_ms for _, h in rounds),
        "ours_held_ms_at_neteqs_concealment": pooled if np.isfinite(pooled) else None,
        "ratio_each_round": [ms / h.held_ms if np.isfinite(ms) else None for ms, (_, h) in zip(each, rounds, strict=True)],
    }


def against_neteq(entries: list[dict[str, Any]]) -> float | None:
    """Our delay / NetEq's at equal concealment, summed over the networks; None when one of ours never gets there."""
    ours = [e["ours_held_ms_at_neteqs_concealment"] for e in entries]
    return None if None in ours else float(sum(ours) / sum(e["neteq_held_ms"] for e in entries))


def among_rounds(entry: dict[str, Any]) -> str:
    """Least and greatest ratio of single rounds; one that never gets there is the greatest."""
    found = [r for r in entry["ratio_each_round"] if r is not None]
    most = "never" if len(found) < len(entry["ratio_each_round"]) else f"{max(found):.2f}"
    return f"{min(found):.2f}-{most}" if found else "never"


def cells(name: str, entry: dict[str, Any]) -> list[str]:
    def two(score: dict[str, float]) -> list[str]:
        return [f"{score['held_ms']:.0f}", f"{100 * score['concealed']:.2f}"]

    theirs, ratio = entry["neteq"], against_neteq([entry])
    equal = entry["ours_held_ms_at_neteqs_concealment"]
    return [
        name if entry["judged"] else f"({name})",
        f"{100 * entry['lost']:.1f}",
        *two(entry["ours"]),
        f"{100 * entry['ours']['scaled']:.1f}",
        f"{entry['least_held_ms_at_our_concealment']['optimum']:.0f}",
        *two({key: theirs[key]["median"] for key in ("held_ms", "concealed")}),
        f"{100 * theirs['scaled']['median']:.1f}",
        f"{equal:.0f}" if ratio else "never",
        f"{ratio:.2f}" if ratio else "-",
        among_rounds(entry),
        *two(entry["pjsip"]),
        *(cell for ms in FIXED_MS for cell in two(entry[f"fixed {ms}"])),
    ]


def versions() -> dict[str, str]:
    return {
        "@roamhq/wrtc": f"{neteq.VERSION} (libwebrtc M106)",
        "node": neteq.node_version(),
        "pjsip": policies.pjsip_manifest()["version"],
    }


def summary(entries: dict[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
    """Ratios over the networks that are judged, and what is measured of the goals."""
    judged = {name: e for name, e in entries.items() if e["judged"]}
    ours = sum(e["ours"]["held_ms"] for e in judged.values())
    ratios: dict[str, Any] = {
        f"ours / {key}": ours / sum(e["least_held_ms_at_our_concealment"][key] for e in judged.values()) for key in REFERENCES
    }
    each = {name: against_neteq([e]) for name, e in judged.items()}
    fine = sum(e["ours_every_10_ms"]["held_ms"] for e in judged.values())
    ratios["ours asked every 10 ms / ours"] = fine / ours
    ratios["ours / NetEq"] = against_neteq(list(judged.values()))
    ratios["ours / NetEq, each network"] = each
    worst = [ratio or float("inf") for ratio in each.values()]
    against = ratios["ours / NetEq"]
    measured = {
        "ours / NetEq": against or float("inf"),
        "ours / optimum": ratios["ours / optimum"],
        "worst network, ours / NetEq": max(worst),
    }
    return ratios, measured


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (20.0, 1) if quick else (60.0, len(SEEDS))
    rounds, held = neteq_rounds(seconds, want, QUICK if quick else None)
    virtual = [in_virtual_time(line) for line in held[0].lines]
    entries = {
        plain(line.net.name): compare(virtual[i], [(one.lines[i], one.heard[i]) for one in held])
        for i, line in enumerate(held[0].lines)
    }
    ratios, measured = summary(entries)
    speeds = {key: statistics.median(found[key] for found in virtual) for key in ("speed_policy", "speed_optimum")}
    title = (
        f"jitter: ms that speech was held / % of speech concealed; {seconds:g} s each, NetEq: {rounds.remark}\n"
        f"    in virtual time: our policy {speeds['speed_policy']:.0f} times faster than real time, the optimum "
        f"{speeds['speed_optimum']:.0f} times (one point of its curve)"
    )
    head = [
        "network",
        "lost %",
        "ours",
        "%",
        "scaled %",
        "optimum",
        "NetEq",
        "%",
        "scaled %",
        "ours at NetEq's %",
        "ratio",
        "range",
    ]
    head += ["PJSIP", "%", *(cell for ms in FIXED_MS for cell in (f"{ms} ms", "%"))]
    text = harness.table(title, head, [cells(name, entry) for name, entry in entries.items()])
    text += "\n" + "\n".join(f"{key}: {ratios[key]:.2f}" for key in (f"ours / {name}" for name in REFERENCES))
    text += "\nours asked every 10 ms / ours: {:.2f}".format(ratios["ours asked every 10 ms / ours"])
    if ratios["ours / NetEq"]:
        text += "\nours / NetEq: {:.2f}".format(ratios["ours / NetEq"])
    return text, {
        "networks": entries,
        "ratios": ratios,
        "goal": GOAL,
        "measured": measured,
        "met": verdict.judged(GOAL, measured),
        "speech": {"seconds": seconds, "digests": [one.talk.digest for one in held], "seeds": SEEDS[: len(held)]},
        "times_real_time": speeds,
        "peers": versions(),
        **harness.rounds_report(rounds),
    }
