# SPDX-License-Identifier: GPL-3.0-or-later
"""One command runs one benchmark, prints its table and, with --json, writes its report; `all` runs each in turn, in a process
of its own, and ends with one table of all goals. Exit code 3: the machine was never quiet enough, and the table says so."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import (
    barge_in,
    call_setup,
    calls,
    codec,
    ear,
    echo_calls,
    flood,
    frame_latency,
    g711,
    growth,
    harness,
    hostile,
    jitter,
    memory,
    overload,
    pacing,
    srtp,
    turn,
    verdict,
)
from tests.lab.networks import TRACES

BENCHES = {
    "barge-in": barge_in,
    "calls": calls,
    "codec": codec,
    "ear": ear,
    "echo-calls": echo_calls,
    "flood": flood,
    "frame-latency": frame_latency,
    "g711": g711,
    "growth": growth,
    "hostile": hostile,
    "jitter": jitter,
    "memory": memory,
    "overload": overload,
    "pacing": pacing,
    "setup": call_setup,
    "srtp": srtp,
    "turn": turn,
}
NOISY = 3  # exit code


def one(name: str, quick: bool, target: Path | None) -> int:
    environment = harness.environment()
    began = time.monotonic()
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        harness.journal = target.with_suffix(".rounds")
        harness.journal.unlink(missing_ok=True)
    text, report = BENCHES[name].run(quick)
    seconds = round(time.monotonic() - began, 1)
    print("\n".join([text, *verdict.lines(report), f"{environment['machine']}; {seconds:.0f} s"]))
    if target:
        whole = {"benchmark": name, "quick": quick, "seconds": seconds, **report, **environment}
        target.write_text(json.dumps(harness.plain(whole), indent=1, allow_nan=False) + "\n")
    return 0 if report["valid"] else NOISY


def every(quick: bool, room: Path) -> int:
    """Runs all of them whatever becomes of one, and prints what became of each goal."""
    began, rows, remarks, codes = time.monotonic(), [], [], []
    for name in BENCHES:
        print(f"=== {name}", file=sys.stderr, flush=True)
        target = room / f"{name}.json"
        target.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.bench", name, "--json", str(target), *(["--quick"] if quick else [])]
        codes.append(subprocess.run(command, check=False).returncode)
        print(flush=True)
        if not target.exists():
            rows.append([name, "", "", "", f"FAILED (exit {codes[-1]})"])
            continue
        report: dict[str, Any] = json.loads(target.read_text())
        rows += [[name, *row] for row in verdict.rows(report)]
        remarks += [f"{name}: {line}" for line in verdict.missing(report)]
    title = f"all benchmarks, {time.monotonic() - began:.0f} s" + ("; --quick: this proves nothing" if quick else "")
    print(harness.table(title, ["benchmark", "goal", "bound", "value", "verdict"], rows))
    print("\n".join([*remarks, harness.environment()["machine"]]))
    return max((code if code in {0, NOISY} else 1 for code in codes), key=lambda code: {0: 0, NOISY: 1, 1: 2}[code])


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Benchmarks: all, " + ", ".join(BENCHES))
    parser.add_argument("name", choices=["all", *BENCHES])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: shows that it works, proves nothing")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="the report goes here, its rounds as they end beside it (.rounds); of `all`: a directory",
    )
    parser.add_argument(
        "--traces", type=Path, metavar="DIR", help="jitter: a folder of recorded links (mahimahi: *.up, *.down)"
    )
    args = parser.parse_args()
    if args.traces:
        os.environ[TRACES] = str(args.traces.resolve())
    if args.name != "all":
        return one(args.name, args.quick, args.json)
    if args.json:
        return every(args.quick, args.json)
    with tempfile.TemporaryDirectory() as room:
        return every(args.quick, Path(room))


if __name__ == "__main__":
    sys.exit(main())
