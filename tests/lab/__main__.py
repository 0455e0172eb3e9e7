# SPDX-License-Identifier: GPL-3.0-or-later
"""The impairment laboratory: every network, ours beside the peers, from delay to the words that are still understood.

One row for each network and system: delay and concealment as `scripts/bench jitter` counts them, then what the sound itself
says: mouth to ear (less the line's fastest transit), its swing, PESQ, ViSQOL, word errors. "codec" is G.711 over no network.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench import harness
from tests.bench.jitter import QUICK, RELAY_LATE_US, versions
from tests.lab import audio, neteq, plot, policies, quality, speech
from tests.lab import line as lines
from tests.lab.audio import Audio
from tests.lab.line import Line
from tests.lab.networks import TRACES, all_networks, made, network
from tests.lab.speech import Talk

FIXED_MS = 60
PLOT = harness.TREE / "out" / "lab.svg"
Heard = dict[str, Audio]


def say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)


def scores(line: Line, theirs: neteq.Heard) -> dict[str, dict[str, float | None]]:
    """Delay and concealment of each system."""
    found = {
        "ours": policies.judge(policies.ours(), line),
        "PJSIP": policies.judge(policies.pjsip(), line),
        f"fixed {FIXED_MS}": policies.fixed(line, FIXED_MS),
    }
    out: dict[str, dict[str, float | None]] = {name: asdict(score) for name, score in found.items()}
    shared = ("held_ms", "added_ms", "concealed", "concealed_anywhere", "scaled", "target_ms")
    out["NetEq"] = {key: getattr(theirs, key) for key in shared}
    return out


def sounds(line: Line, talk: Talk, theirs: neteq.Heard) -> Heard:
    return {
        "codec": Audio(audio.decoded(talk), line.base_us),
        "ours": audio.ours(line, talk),
        "NetEq": audio.neteq(theirs),
        "PJSIP": audio.pjsip(line, talk),
        f"fixed {FIXED_MS}": audio.fixed(line, talk, FIXED_MS),
    }


def panel(line: Line, found: dict[str, dict[str, float | None]]) -> plot.Panel:
    best = policies.optimum(line)
    mine = policies.knobs(policies.ours(), line)
    curves = {
        name: [(float(h), 100 * float(c)) for c, h in zip(curve.concealed, curve.held_ms, strict=True)]
        for name, curve in (("optimum", best), ("ours, other settings", mine))
    }
    marks = {name: (float(s["held_ms"] or 0), 100 * float(s["concealed"] or 0)) for name, s in found.items()}
    return plot.Panel(line.net.name, curves, marks)


def heard_panels(results: dict[str, Any], key: str, factor: float = 1.0) -> list[plot.Panel]:
    """Mouth to ear against one measure of the sound; systems whose sound was not found are left out."""
    panels = []
    for name, entry in results.items():
        marks = {}
        for system, found in entry["systems"].items():
            sound = found["sound"]
            if sound[key] is not None and math.isfinite(sound["mouth_to_ear_ms"]):
                marks[system] = (sound["mouth_to_ear_ms"], factor * sound[key])
        if marks:
            panels.append(plot.Panel(name, {}, marks))
    return panels


def picture(title: str, results: dict[str, Any], panels: list[plot.Panel]) -> str:
    across = "mouth to ear, ms"
    sections = [
        plot.Section("delay of speech, ms", plot.CONCEALED, panels),
        plot.Section(across, plot.PESQ, heard_panels(results, "pesq")),
        plot.Section(across, plot.VISQOL, heard_panels(results, "visqol")),
        plot.Section(across, plot.WORD_ERRORS, heard_panels(results, "word_errors", 100.0)),
    ]
    return plot.draw(title, [section for section in sections if section.panels])


def measure(names: Sequence[str], seconds: float, n_visqol: int) -> tuple[dict[str, Any], list[plot.Panel]]:
    talk = speech.talk(seconds)
    quiet, pcm = talk.quiet, audio.decoded(talk)
    studied = [lines.make(network(name), quiet, pcm) for name in names]
    with tempfile.TemporaryDirectory() as room:
        say(f"NetEq, in real time: {len(studied)} calls of {seconds:g} s")
        theirs = neteq.run(studied, talk, seconds, Path(room))
        say("our leg, PJSIP's buffer and a fixed delay, in virtual time")
        heard = [sounds(line, talk, one) for line, one in zip(studied, theirs, strict=True)]
    placed = [{name: quality.place(line, talk, a) for name, a in h.items()} for line, h in zip(studied, heard, strict=True)]
    say("words")
    keys = [(i, name) for i, h in enumerate(heard) for name in h]
    wer = dict(zip(keys, quality.word_errors([(heard[i][name], placed[i][name]) for i, name in keys]), strict=True))
    results: dict[str, Any] = {}
    panels = []
    for i, (line, one) in enumerate(zip(studied, theirs, strict=True)):
        say(f"speech quality on {line.net.name}, {i + 1} of {len(studied)}")
        found = scores(line, one)
        entry: dict[str, dict[str, Any]] = {name: {"policy": found.get(name)} for name in heard[i]}
        for name, sound in heard[i].items():
            judged = quality.judge(line, talk, sound, placed[i][name], wer[i, name], n_visqol)
            entry[name]["sound"] = asdict(judged)
        misplaced = quality.misplaced_ms(line, talk, audio.recorded(line, talk))
        entry["ours"]["recording_misplaced_ms"] = misplaced
        results[line.net.name] = {"about": line.net.about, "lost": line.lost, "systems": entry}
        panels.append(panel(line, found))
    late = max(one.relay_late_us for one in theirs)
    say(
        f"the relay was {late:.0f} us late (p99)"
        + (": NetEq met a worse network than the others" if late > RELAY_LATE_US else "")
    )
    return results, panels


def table(results: dict[str, Any], title: str) -> str:
    def number(value: float | None, form: str) -> str:
        return "-" if value is None or math.isnan(value) else format(value, form)

    rows = []
    for name, entry in results.items():
        for system, found in entry["systems"].items():
            policy, sound = found["policy"] or {}, found["sound"]
            rows.append(
                [
                    f"{name}: {system}",
                    number(policy.get("held_ms"), ".0f"),
                    number(policy.get("added_ms"), ".0f"),
                    number(100 * policy["concealed"] if policy else None, ".2f"),
                    number(sound["mouth_to_ear_ms"], ".0f"),
                    number(sound["swing_ms"], ".0f"),
                    number(sound["pesq"], ".2f"),
                    number(sound["visqol"], ".2f"),
                    number(100 * sound["word_errors"], ".1f"),
                    number(found.get("recording_misplaced_ms"), ".1f"),
                ]
            )
    head = ["network: system", "held ms", "added ms", "concealed %", "mouth-ear ms", "swing ms", "PESQ", "ViSQOL", "word err %"]
    head.append("recording off ms")
    return harness.table(title, head, rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/lab", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="six networks, 20 s each, no ViSQOL")
    parser.add_argument("--networks", metavar="A,B,...", help=f"of: {', '.join(net.name for net in made())}, and NAME#SEED")
    parser.add_argument("--traces", type=Path, metavar="DIR", help="a folder of recorded links (mahimahi traces: *.up, *.down)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here")
    parser.add_argument("--plot", type=Path, metavar="FILE", default=PLOT, help="write the picture here")
    args = parser.parse_args()
    if args.traces:
        os.environ[TRACES] = str(args.traces)
    names = args.networks.split(",") if args.networks else QUICK if args.quick else list(all_networks())
    seconds, n_visqol = (20.0, 0) if args.quick else (60.0, 2)
    environment = harness.environment()
    try:
        results, panels = measure(names, seconds, n_visqol)
    except ValueError as error:
        parser.error(str(error))
    title = f"laboratory: {seconds:g} s of talk over each network"
    print(table(results, title))
    print(environment["machine"])
    args.plot.parent.mkdir(parents=True, exist_ok=True)
    args.plot.write_text(picture(title, results, panels))
    print(f"picture: {args.plot}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        report = {"networks": results, "seconds": seconds, "peers": versions(), **environment}
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
