# SPDX-License-Identifier: GPL-3.0-or-later
"""`turn`: how long a caller waits for an answer, by the kernel's stamps of the bot's packets at the caller's socket and not by
any ledger; how often he is cut off; what a call costs.

Callers say recorded sentences of a human voice, most with a pause for thought inside (tests/bench/turn_script.py), and the bot
answers each by the same few words. The product over SIP with its own conversation, voice detector (Silero), recogniser
(moonshine) and voice (espeak-ng): with the rules of an agent file that knows these sentences, alone and with eight callers at
once, and with an agent that knows nothing of what will be said. Beside that last one pipecat's own pipeline with the same
three, its default turn strategies and its own transport. What stands between that and the telephone is a media server of ours
without network, faults or jitter buffer, which favours it. CPU is the system's own and that of its children; those that
have ended (pipecat's espeak-ng, one for each answer) and the media server don't count, which favours it too.

A packet sounds when one of its samples is louder than -50 dBFS, whoever made it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench import far_end, harness, load, verdict
from tests.bench.peers import pipecat
from tests.bench.talking_bot import ANSWER
from tests.bench.turn_caller import LIMIT_S
from tests.bench.turn_script import Outcome, judge, summary

ONE, EIGHT, OPEN = "ours, rules", "ours, rules, 8 calls", "ours, any answer"
CALLS = {ONE: 1, EIGHT: 8, OPEN: 1, far_end.PIPECAT: 1}
TURNS = {ONE: 24, EIGHT: 8, OPEN: 24, far_end.PIPECAT: 24}  # of each caller, in a round
QUICK = {ONE: 4, EIGHT: 2, OPEN: 4, far_end.PIPECAT: 4}
AGENT = {ONE: "rules", EIGHT: "rules", OPEN: "answer"}
SYSTEMS = [ONE, EIGHT, OPEN, far_end.PIPECAT]
GOAL = {
    "1 call, p50 ms": 400.0,
    "1 call, p95 ms": 700.0,
    "1 call, share cut off": 0.03,
    "8 calls, p95 / 1 call's": 1.5,
    "8 calls, holes in the sound": 0.0,
    "p50 / pipecat's": 1.0,
    "p95 / pipecat's": 1.0,
    "CPU of a call / pipecat's": 1.0,
}


@dataclass(frozen=True)
class Result:
    """Of one system in one round. `cpu`: core-seconds that a call took for each second. `stages`: ms of each turn by our
    ledger; of a peer, none."""

    outcomes: list[Outcome]
    cpu: float
    holes: int
    stages: list[dict[str, float]]


def used(bot: harness.Child) -> tuple[float, float]:
    """The time, and the core-seconds that it and its children have taken."""
    return time.monotonic(), sum(load.cpu_ns(bot.process.pid).values()) / 1e9


def measure(name: str, turns: int, seed: int) -> Result:
    """`turns` of each caller."""
    n, seconds = CALLS[name], turns * LIMIT_S
    with harness.children() as start:

        def caller(*words: str) -> harness.Child:
            command = [sys.executable, "-m", "tests.bench.turn_caller", str(n), str(turns), str(seed), *words]
            return start(harness.GENERATOR_CPU, command)

        if name == far_end.PIPECAT:
            bot = start(harness.ALL_CPUS, pipecat.command("turn", str(n), ANSWER))
            up, callers = bot.line().split(), caller("rtp")
            pairs = [":".join(pair) for pair in zip(up, callers.line().split(), strict=True)]
            media = start(harness.GENERATOR_CPU, pipecat.command("media", *pairs))
            before = used(bot)
            callers.tell(media.line())
        else:
            bot = start(harness.ALL_CPUS, [sys.executable, "-m", "tests.bench.talking_bot", AGENT[name]])
            port = bot.line().removeprefix("ready ")
            before = used(bot)
            callers = caller("sip", port)
        found = callers.finish(seconds)["calls"]
        after = used(bot)
        ledger = bot.finish().get("stages", [])
    outcomes = [
        judge(first, last, over, np.array(call["sounding"], np.int64)) for call in found for first, last, over in call["turns"]
    ]
    if len(outcomes) < n * turns:
        raise RuntimeError(f"{name}: {n * turns - len(outcomes)} turns did not end")
    return Result(outcomes, (after[1] - before[1]) / (after[0] - before[0]) / n, sum(call["holes"] for call in found), ledger)


def whole(results: Sequence[Result]) -> dict[str, Any]:
    """Of one system over all rounds."""
    ledger = [stages for one in results for stages in one.stages]
    names = dict.fromkeys(name for stages in ledger for name in stages)
    return {
        **summary([turn for one in results for turn in one.outcomes]),
        "cpu": harness.spread([one.cpu for one in results]),
        "holes": sum(one.holes for one in results),
        "stages": {name: statistics.median(stages.get(name, 0.0) for stages in ledger) for name in names},
    }


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    turns, want = (QUICK, 1) if quick else (TURNS, 2)
    present, absent, versions = far_end.here(SYSTEMS, not quick)
    seeds = {name: iter(range(1, 1000)) for name in present}  # each system hears the same
    rounds = harness.run_rounds(present, lambda name: measure(name, turns[name], next(seeds[name])), want, "turn")
    systems = {name: whole(rounds.results[name]) for name in present}
    ours, same, peer = systems[ONE], systems[OPEN], systems.get(far_end.PIPECAT)
    measured: dict[str, float | None] = {
        "1 call, p50 ms": ours["p50_ms"],
        "1 call, p95 ms": ours["p95_ms"],
        "1 call, share cut off": ours["cut_off"],
        "8 calls, p95 / 1 call's": systems[EIGHT]["p95_ms"] / ours["p95_ms"],
        "8 calls, holes in the sound": float(systems[EIGHT]["holes"]),
        "p50 / pipecat's": same["p50_ms"] / peer["p50_ms"] if peer else None,
        "p95 / pipecat's": same["p95_ms"] / peer["p95_ms"] if peer else None,
        "CPU of a call / pipecat's": same["cpu"]["median"] / peer["cpu"]["median"] if peer else None,
    }
    text = harness.table(
        f"turn: ms from the caller's last word to the bot's first sound, on the wire; {rounds.remark}",
        ["system", "p50", "p95", "worst", "turns", "cut off", "missed", "CPU of a call", "holes"],
        [
            [
                name,
                *(f"{found[key]:.0f}" for key in ("p50_ms", "p95_ms", "worst_ms", "turns")),
                *(f"{share:.1%}" for share in (found["cut_off"], found["missed"], found["cpu"]["median"])),
                str(found["holes"]),
            ]
            for name, found in systems.items()
        ],
    )
    profile = [
        f"{name}: " + ", ".join(f"{stage.removesuffix('_ms')} {ms:.0f}" for stage, ms in found["stages"].items())
        for name, found in systems.items()
        if found["stages"]
    ]
    text = "\n".join([text, "where the time goes, by the ledger, median ms of each stage:", *profile])
    return text, {
        "systems": systems,
        "ratios": {key: value for key, value in measured.items() if "/" in key},
        "goal": GOAL,
        "measured": measured,
        "met": verdict.judged(GOAL, measured),
        "peers": versions,
        "missing_peers": absent,
        **harness.rounds_report(rounds),
    }
