# SPDX-License-Identifier: GPL-3.0-or-later
"""`srtp`: the share of its capacity that a system loses when its calls are encrypted (RFC 3711, keys by SDES, RFC 4568).

Each system runs the same legs plain and with each suite in the same round; capacity is CPU time as in `g711`, so the share
lost is 1 - plain / secured. `leg` is the switch as a user has it: its own signalling, each frame changed in Python. `null` is
its core alone with libsrtp on OpenSSL around the native echo, and says what libsrtp costs; `asterisk` its application Echo."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from tests.bench import harness, load, verdict
from tests.bench.peers import asterisk
from tests.bench.sip_calls import SipCalls

PLAIN = "plain"
KEY_BYTES = {"AES_CM_128_HMAC_SHA1_80": 30, "AEAD_AES_128_GCM": 28}  # master key and salt: RFC 4568 6.2, RFC 7714 12
CM, GCM = KEY_BYTES
RUNS = [
    *((system, profile) for system in ("leg", "null") for profile in (PLAIN, CM, GCM)),
    ("asterisk", PLAIN),
    ("asterisk", CM),
]
CALLS = {"leg": 600, "null": 800, "asterisk": 200}  # what keeps a core busy by a third to two thirds
IDLE = 0.2  # of its core: a system that is less busy than this mostly pays for its wake-ups, and tells nothing of packets
GOAL = {f"share lost by leg, {CM}": 0.12, f"share lost by leg, {GCM}": 0.10}


class SrtpCalls(SipCalls):
    """call() leaves the key that the far end seals with in `far_key`."""

    PROFILE = "RTP/SAVP"

    def __init__(self, sip_port: int, rtp_port: int, suite: str, key: bytes) -> None:
        super().__init__(sip_port, rtp_port)
        self._line = f"a=crypto:1 {suite} inline:{b64encode(key).decode()}\r\n"
        self.far_key = b""

    def _media_lines(self) -> str:
        return self._line

    def _answered(self, body: str) -> None:
        found = re.search(r"a=crypto:1 \S+ inline:([A-Za-z0-9+/=]+)", body)
        if found is None:
            raise RuntimeError("the far end answered without a key")
        self.far_key = b64decode(found[1])


def libsrtp() -> list[str]:
    """What a C program needs to be linked to the libsrtp that is in the product."""
    told = subprocess.run(
        [sys.executable, "scripts/pjsip", "--print"], cwd=harness.TREE, capture_output=True, text=True, check=True
    )
    manifest = json.loads((Path(told.stdout.strip()) / "manifest.json").read_text())
    [library] = [name for name in manifest["libs"] if name.endswith("libsrtp2.a")]
    return [*(f"-I{path}" for path in manifest["include_dirs"]), library, "-lcrypto"]


def generator() -> Path:
    names = ("rtpgen.c", "rtpgen.h", "aim.h", "sockets.h", "rtpgen_srtp.c", "rtpgen_srtp.h")
    sources = [harness.HERE / name for name in names]
    return harness.compiled("rtpgen-srtp", sources, ["-DRTPGEN_SRTP", *libsrtp(), "-lm"])


def null_engine() -> Path:
    core = harness.TREE / "mediacore" / "libmediacore.so"
    sources = [harness.HERE / name for name in ("srtp_null.c", "rtpgen_srtp.c", "rtpgen.h", "rtpgen_srtp.h")]
    headers = sorted((harness.TREE / "csrc").glob("*.h"))
    where = [f"-I{harness.TREE / 'csrc'}", f"-Wl,-rpath,{core.parent}"]
    return harness.compiled("srtp-null", [*sources, *headers], [*where, str(core), *libsrtp()])


def command(system: str, suite: str, calls: int, port: str, keys: tuple[bytes, bytes]) -> list[str]:
    """How to start it. keys: the generator's and, of the null engine, its own."""
    if system == "null":
        secured = [] if suite == PLAIN else [suite, *(key.hex() for key in keys)]
        return [str(null_engine()), str(calls), port, *secured]
    return [sys.executable, "-m", "tests.bench.srtp_systems", system, "off" if suite == PLAIN else "sdes", str(calls)]


def far_ends(system: harness.Child, suite: str, calls: int, port: str, keys: tuple[bytes, bytes]) -> list[str]:
    """A line for each call: the far end's port and, of SRTP, its key."""
    words = system.line().split()
    if words[0] != "sip":
        return words if suite == PLAIN else [f"{word} {keys[1].hex()}" for word in words]
    if suite == PLAIN:
        sip = SipCalls(int(words[2]), int(port))
        return [str(sip.call()) for _ in range(calls)]
    secured = SrtpCalls(int(words[2]), int(port), suite, keys[0])
    return [f"{secured.call()} {secured.far_key.hex()}" for _ in range(calls)]


def measure(system: str, suite: str, calls: int, seconds: float) -> load.Load:
    """RuntimeError: it did not send back what it must."""
    n_bytes = KEY_BYTES.get(suite, 0)
    keys = secrets.token_bytes(n_bytes), secrets.token_bytes(n_bytes)
    with tempfile.TemporaryDirectory() as room, harness.children() as start:
        whole_s = load.WARM_UP_S + seconds + 0.5
        secured = [] if suite == PLAIN else [suite, keys[0].hex()]
        gen = start(
            harness.GENERATOR_CPU,
            [generator(), "echo", f"{whole_s}", Path(room) / "frames", "steady", str(calls), *secured],
        )
        port = gen.line().removeprefix("port ")
        far_end = start(harness.SYSTEM_CPU, command(system, suite, calls, port, keys))
        for line in far_ends(far_end, suite, calls, port, keys):
            gen.tell(line)
        time.sleep(load.WARM_UP_S)
        began, before = time.monotonic(), load.cpu_ns(far_end.process.pid)
        time.sleep(seconds)
        ended, after = time.monotonic(), load.cpu_ns(far_end.process.pid)
        counts = gen.finish(whole_s)
        result = far_end.finish()
    whole = "swapped" if system == "leg" else "unchanged"
    if counts["back"] == 0 or counts[whole] != counts["back"] + counts["dup"] or counts["refused"]:
        raise RuntimeError(f"{system}, {suite}: frames did not come back as this system must send them: {counts}")
    if system == "leg" and result["secure"] != (0 if suite == PLAIN else calls):
        raise RuntimeError(f"leg, {suite}: {result['secure']} of {calls} calls were secure")
    threads = {k: v for k, v in load.between(before, after, calls, ended - began).items() if v >= 0.1}
    total = sum(threads.values())
    lost, late = counts["lost"] / counts["sent"], counts["late"] / counts["sent"]
    return load.Load(calls, total, threads, total * calls / 1e6, lost, late=late)


def name_of(run: tuple[str, str]) -> str:
    return f"{run[0]}, {run[1]}"


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    seconds, want = (2.0, 1) if quick else (3.0, 5)
    absent = asterisk.missing()
    runs = {name_of(r): r for r in RUNS if not (absent and r[0] == "asterisk")}

    def measure_run(name: str) -> load.Load:
        system, suite = runs[name]
        return measure(system, suite, CALLS[system], seconds)

    rounds = harness.run_rounds(list(runs), measure_run, want, "srtp")
    rows, systems, ratios = [], {}, {}
    measured: dict[str, float | None] = {}
    for name, (system, suite) in runs.items():
        entry = systems[name] = load.summary(rounds.results[name])
        entry["valid"] = entry["valid"] and all(found.busy >= IDLE for found in rounds.results[name])
        lost = ["", ""]
        if suite != PLAIN:
            plain = name_of((system, PLAIN))
            pairs = zip(rounds.results[plain], rounds.results[name], strict=True)
            share = harness.spread([1 - bare.us_per_call_s / secured.us_per_call_s for bare, secured in pairs])
            ratios[f"share lost by {name}"] = share
            if entry["valid"] and systems[plain]["valid"]:
                measured[f"share lost by {name}"] = share["median"]
            lost = [f"{share['median']:.1%}", f"{share['min']:.1%} to {share['max']:.1%}"]
        rows.append([name, *harness.cells(entry["us_per_call_s"]), *lost, f"{entry['busy']:.2f}", f"{entry['lost']:.4%}"])
        rows[-1].append("" if entry["valid"] else "NOT VALID")
    text = harness.table(
        f"srtp: share of capacity lost to encryption, {seconds:g} s each\n    {rounds.remark}",
        ["system", "us/call-s", "range", "share lost", "range", "busy", "frames lost", ""],
        rows,
    )
    return text, {
        "systems": systems,
        "calls": CALLS,
        "ratios": ratios,
        "goal": GOAL,
        "measured": measured,
        "met": verdict.judged(GOAL, measured),
        "peers": {} if absent else {"asterisk": asterisk.version()},
        "missing_peers": {"asterisk": absent} if absent else {},
        **harness.rounds_report(rounds),
    }
