# SPDX-License-Identifier: GPL-3.0-or-later
"""`barge-in`: how long a bot is heard after it should be silent, by the kernel's stamps of its packets at the receiver.

Decision: ten seconds of speech are queued, Python decides, and the time runs to the last packet with any sound in it. Our
leg fades out in 5 ms of its next packet, so it sounds for up to 20 ms more by design; a peer that breaks off needs no
packet more, and the time is 0 when none with sound came after the decision. `pipecat` is its own output transport behind a
web socket; what stands between that and the telephone is a media server of ours without network or faults, which favours
it. Asterisk's AudioSocket has no queue: there the bot itself keeps time, a frame each 20 ms, and stops.

End to end: callers interrupt the product's own conversation, with its voice detector, recogniser and voice, by recordings
of a human voice; the time runs from the sending of the packet with the first voiced sample to the last packet of the bot
with sound. What is not silent when the recording ends counts with all of it. Only where the bot was speaking at that moment
is there anything to interrupt.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench import false_alarms, far_end, harness, stats, verdict
from tests.bench.peers import pipecat
from tests.bench.sip_calls import SipCalls

LEG, CONVERSATION = "leg", "end to end"
SYSTEMS = [LEG, far_end.PIPECAT, far_end.ASTERISK]
CALLS = 10
CALLERS = 5
TRIAL_S = 0.9  # at most, see barge_in_systems.py
ATTACH_S = 8.0  # setting the calls up: Asterisk takes half a second for each
BEFORE_NS = 100_000_000  # sound within so long before a trial's moment: the bot was speaking
GOAL = {"decision p99 ms": 20.0, "end to end p95 ms": 80.0, "end to end p99 ms": 80.0}

Times = NDArray[np.int64]


def stopped_ms(sounding: Times, trials: Sequence[tuple[int, int]]) -> list[float]:
    """Of each trial (moment, over) in which the bot spoke at that moment: how long after it the last packet with sound came,
    0 = none came after it. `sounding`: times of the packets with sound, nanoseconds."""
    found = []
    for moment, over in trials:
        if ((sounding > moment - BEFORE_NS) & (sounding <= moment)).any():
            after = sounding[(sounding > moment) & (sounding <= over)]
            found.append(float(after[-1] - moment) / 1e6 if len(after) else 0.0)
    return found


def launch(name: str, trials: int, start: Any) -> harness.Child:
    if name == far_end.PIPECAT:
        return start(harness.SYSTEM_CPU, pipecat.command("bot", str(trials), str(CALLS)))  # type: ignore[no-any-return]
    which = "asterisk" if name == far_end.ASTERISK else name
    words = ["-m", "tests.bench.barge_in_systems", which, str(trials), str(CALLS)]
    return start(harness.SYSTEM_CPU, [sys.executable, *words])  # type: ignore[no-any-return]


def attach(name: str, system: harness.Child, up: str, ports: list[str], start: Any) -> None:
    """Sends the system's calls to `ports`; it begins when all of them are there. `up`: the line that it said when it was up."""
    if name == far_end.PIPECAT:
        pairs = [":".join(pair) for pair in zip(up.split(), ports, strict=True)]
        start(harness.GENERATOR_CPU, pipecat.command("media", *pairs))
    elif name == far_end.ASTERISK:
        _, user, sip_port = up.split()
        for port in ports:
            SipCalls(int(sip_port), int(port), user).call()
            system.line()  # it is there: the next one is the next call's
    else:
        system.tell(" ".join(ports))


def decision(name: str, trials: int) -> list[float]:
    """CALLS times `trials` decisions."""
    seconds = trials * TRIAL_S + ATTACH_S
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        system = launch(name, trials, start)
        up = system.line()
        raws = [Path(room) / str(i) for i in range(CALLS)]
        listeners = [start(harness.GENERATOR_CPU, [harness.rtpgen(), "listen", f"{seconds}", raw]) for raw in raws]
        attach(name, system, up, [one.line().removeprefix("port ") for one in listeners], start)
        found = system.finish(seconds)["trials"]
        for one in listeners:
            one.finish(seconds)
        packets = [stats.read(raw, stats.PACKET) for raw in raws]
    each = [stopped_ms(p["at_ns"][p["silent"] == 0], t) for p, t in zip(packets, found, strict=True)]
    if any(len(one) < len(t) for one, t in zip(each, found, strict=True)):
        raise RuntimeError(f"{name}: did not speak before every decision")
    return [ms for one in each for ms in one]


def end_to_end(seconds: float, seed: int) -> list[float]:
    """Every interruption of CALLERS callers."""
    with harness.children() as start:
        bot = start(harness.SYSTEM_CPU, [sys.executable, "-m", "tests.bench.talking_bot", "recital"])
        port = bot.line().removeprefix("ready ")
        words = ["-m", "tests.bench.barge_in_caller", port, str(CALLERS), f"{seconds}", str(seed)]
        calls = start(harness.GENERATOR_CPU, [sys.executable, *words]).finish(seconds)["calls"]
        bot.finish()
    found = []
    for call in calls:
        packets = np.array(call["packets"], np.int64).reshape(-1, 2)
        found += stopped_ms(packets[packets[:, 1] == 0, 0], call["trials"])
    if not found:
        raise RuntimeError("nobody interrupted the bot while it spoke")
    return found


def summary(rounds: list[list[float]]) -> dict[str, Any]:
    every = np.concatenate([np.array(one) for one in rounds])
    out: dict[str, Any] = {f"p{q}_ms": float(np.percentile(every, q)) for q in (50, 95, 99)}
    return out | {
        "max_ms": float(every.max()),
        "trials": len(every),
        "p95 by round": harness.spread([float(np.percentile(one, 95)) for one in rounds]),
    }


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    trials, seconds, want = (3, 12.0, 1) if quick else (8, 24.0, 3)
    present, absent, versions = far_end.here(SYSTEMS, not quick)
    names = [*present, CONVERSATION]
    seeds = iter(range(1, 1000))

    def one(name: str) -> list[float]:
        return end_to_end(seconds, next(seeds)) if name == CONVERSATION else decision(name, trials)

    rounds = harness.run_rounds(names, one, want, "barge-in")
    systems = {name: summary(rounds.results[name]) for name in names}
    measured: dict[str, float | None] = {
        "decision p99 ms": systems[LEG]["p99_ms"],
        "end to end p95 ms": systems[CONVERSATION]["p95_ms"],
        "end to end p99 ms": systems[CONVERSATION]["p99_ms"],
    }
    text = harness.table(
        f"barge-in: ms until the last packet with sound; {CALLS} calls, end to end {CALLERS} callers; {rounds.remark}",
        ["system", "p50", "p95", "p99", "worst", "trials"],
        [
            [name if name == CONVERSATION else f"decision, {name}"]
            + [f"{found[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms", "max_ms")]
            + [str(found["trials"])]
            for name, found in systems.items()
        ],
    )
    alarms, by_sound = false_alarms.run(10.0 if quick else 30.0)
    return f"{text}\n\n{alarms}", {
        "false_alarms": by_sound,
        "systems": systems,
        "ratios": {f"p99 ms less {peer}'s": systems[LEG]["p99_ms"] - systems[peer]["p99_ms"] for peer in present[1:]},
        "goal": GOAL,
        "measured": measured,
        "met": verdict.judged(GOAL, measured),
        "peers": versions,
        "missing_peers": absent,
        **harness.rounds_report(rounds),
    }
