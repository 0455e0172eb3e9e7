# SPDX-License-Identifier: GPL-3.0-or-later
"""One command runs one benchmark, prints its table and, with --json, writes its report. Exit code 3: the machine was never
quiet enough, and the table says so."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.bench import codec, ear, echo_calls, frame_latency, g711, growth, harness, jitter, memory, pacing

BENCHES = {
    "codec": codec,
    "ear": ear,
    "echo-calls": echo_calls,
    "frame-latency": frame_latency,
    "g711": g711,
    "growth": growth,
    "jitter": jitter,
    "memory": memory,
    "pacing": pacing,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Benchmarks: " + ", ".join(BENCHES))
    parser.add_argument("name", choices=list(BENCHES))
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: shows that it works, proves nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here")
    args = parser.parse_args()
    environment = harness.environment()
    text, report = BENCHES[args.name].run(args.quick)
    print(text)
    for key, bound in report["goal"].items():
        verdict = {True: "met", False: "NOT met", None: "not measured"}[report["met"].get(key)]
        print(f"goal {key} <= {bound:g}: {verdict if report['valid'] else 'not judged'}")
    print(environment["machine"])
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(
            json.dumps({"benchmark": args.name, "quick": args.quick, **report, **environment}, indent=1) + "\n"
        )
    return 0 if report["valid"] else 3


if __name__ == "__main__":
    sys.exit(main())
