# SPDX-License-Identifier: GPL-3.0-or-later
"""`codec`: CPU of one 20 ms packet in each codec of the core, coded and decoded, on speech-like sound; and G.711 in each kind
of vector that this processor has, beside the plain loop. Then a packet of an announcement from a leg's tick to its wire, coded
by the leg itself and ready beforehand (mediacore.Prompt); and what the state of many legs costs, packet to ear, tick to wire.
Last a packet sealed and opened by libsrtp as it is, with our HMAC, and with our AES beside it, among many calls and alone.
One thread, CPU time (of SRTP the median packet's), rounds of all systems interleaved."""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

from tests.bench import harness, srtp

CORE = ["codec.c", "codec_g711.c", "codec_g722.c", "codec_l16.c", "codec_opus.c", "err.c", "fmtp.c", "g711_simd.c"]
# Time of the fastest kind against the plain loop's, encoding and decoding together.
# A ready packet against one that the leg codes: instructions in user space (CPU time where the kernel counts none).
# Of SRTP what our own AES has to gain above OpenSSL's to be worth having (docs/decisions.md).
GOAL = {
    "PCMU best / scalar": 0.25,
    "PCMA best / scalar": 0.25,
    "opus prompt ready / own": 0.05,
    **{f"{suite}, cold, own AES / OpenSSL's": 0.90 for suite in (srtp.CM, srtp.GCM)},
}
FRAME_US = 20_000
TURNS = 5
LEGS = (100, 1000, 2000)
SPOIL_KB = 4096  # a kernel and an interpreter leave a core's own caches about as empty
SRTP_TURNS = 12
SRTP_SPOIL_KB = 1024  # between two packets of one batch


def program() -> Path:
    """The compiled measure; every header of the core is part of its key."""
    csrc = harness.TREE / "csrc"
    sources = [harness.HERE / "codecbench.c", *(csrc / name for name in CORE), *sorted(csrc.glob("*.h"))]
    return harness.compiled("codecbench", sources, [f"-I{csrc}", "-lopus", "-lm"])


def measure(_: str) -> dict[str, dict[str, float]]:
    """Median CPU us of one packet, by codec and by "encode", "decode", "both"."""
    command = harness.pinned(harness.SYSTEM_CPU, [program(), str(TURNS)])
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    us = {
        name: {way: statistics.median(times[f"{way}_ns"]) / 1000 for way in ("encode", "decode")}
        for name, times in found.items()
    }
    return {name: {**ways, "both": sum(ways.values())} for name, ways in us.items()}


def prompts() -> dict[str, dict[str, float]]:
    """Median of one packet by codec: "own_ns", "ready_ns", "own_instructions", "ready_instructions"."""
    csrc = harness.TREE / "csrc"
    sources = [harness.HERE / "promptbench.c", *sorted(csrc.glob("*.c")), *sorted(csrc.glob("*.h"))]
    program = harness.compiled("promptbench", sources, [f"-I{csrc}", "-lopus", "-logg", "-lm", "-lpthread"])
    command = harness.pinned(harness.SYSTEM_CPU, [program, str(TURNS)])
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {name: {key: statistics.median(values) for key, values in row.items()} for name, row in found.items()}


def legs() -> dict[str, dict[str, float]]:
    """Median of a G.711 leg's packet and tick by the number of legs: "packet_ns", "tick_ns"."""
    csrc = harness.TREE / "csrc"
    sources = [harness.HERE / "legbench.c", *sorted(csrc.glob("*.c")), *sorted(csrc.glob("*.h"))]
    program = harness.compiled("legbench", sources, [f"-I{csrc}", "-lopus", "-logg", "-lm", "-lpthread"])
    found: dict[str, dict[str, float]] = {}
    for n in LEGS:
        command = harness.pinned(harness.SYSTEM_CPU, [program, str(n), str(TURNS), str(SPOIL_KB)])
        row = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        found[str(n)] = {key: statistics.median(values) for key, values in row.items()}
    return found


def srtp_pairs() -> dict[str, dict[str, list[float]]]:
    """Nanoseconds of a packet sealed and opened, one a round, by "SUITE, warm" or "SUITE, cold", then by "libsrtp", "hmac",
    "hmac aes"."""
    csrc = harness.TREE / "csrc"
    own = [csrc / "pjsip" / f"srtp_{name}.{kind}" for name in ("aes", "hmac") for kind in ("c", "h")]
    sources = [*(harness.HERE / name for name in ("srtpbench.c", "rtpgen_srtp.c", "rtpgen_srtp.h")), csrc / "bytes.h", *own]
    program = harness.compiled("srtpbench", sources, [f"-I{csrc}", *srtp.libsrtp()])
    command = harness.pinned(harness.SYSTEM_CPU, [program, str(SRTP_TURNS), str(SRTP_SPOIL_KB)])
    found: dict[str, dict[str, list[float]]] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    return found


def run(quick: bool) -> tuple[str, dict[str, Any]]:
    """The table for people and the report for machines."""
    rounds = harness.run_rounds(["core"], measure, 1 if quick else 5, "codec")
    found: list[dict[str, dict[str, float]]] = rounds.results["core"]
    systems = {
        name: {f"{way}_us": harness.spread([r[name][way] for r in found]) for way in ("encode", "decode", "both")}
        for name in found[0]
    }
    rows = []
    for name, entry in systems.items():
        both = entry["both_us"]
        rows.append([name, *(f"{entry[f'{way}_us']['median']:.3f}" for way in ("encode", "decode", "both"))])
        rows[-1] += [f"{both['min']:.3f}-{both['max']:.3f}", f"{FRAME_US / both['median']:,.0f}"]
    ratios = {}
    for law in ("PCMU", "PCMA"):
        best = next(name for name in systems if name.startswith(f"{law}, "))  # fastest first
        ratios[f"{law} best / scalar"] = statistics.median(r[best]["both"] / r[f"{law}, scalar"]["both"] for r in found)
    text = harness.table(
        f"codec: CPU us of a 20 ms packet; {rounds.remark}",
        ["codec", "encode us", "decode us", "both us", "range", "calls a core, codec alone"],
        rows,
    )
    announced = prompts()
    rows = []
    for name, row in announced.items():
        unit = "instructions" if row["own_instructions"] > 0 else "ns"
        ratio = ratios[f"{name.split('/')[0]} prompt ready / own"] = row[f"ready_{unit}"] / row[f"own_{unit}"]
        times = [f"{row[f'{way}_ns'] / 1000:.2f}" for way in ("own", "ready")]
        rows.append([name, *times, *(f"{row[f'{way}_instructions']:,.0f}" for way in ("own", "ready")), f"{ratio:.4f}"])
    text += "\n" + harness.table(
        "a 20 ms packet of an announcement, from the leg's tick to its wire (instructions: 0 = this kernel counts none)",
        ["codec", "coded by the leg us", "ready us", "instructions", "ready", "ratio"],
        rows,
    )
    crowd = legs()
    text += "\n" + harness.table(
        "a G.711 leg without its socket, on caches that others have used since; CPU ns",
        ["legs", "packet to ear", "tick to wire"],
        [[n, f"{row['packet_ns']:.0f}", f"{row['tick_ns']:.0f}"] for n, row in crowd.items()],
    )
    sealed = srtp_pairs()
    rows = []
    for name, spent in sealed.items():
        hmac, aes = (
            harness.spread([a / b for a, b in zip(spent[own], spent[other], strict=True)])
            for own, other in (("hmac", "libsrtp"), ("hmac aes", "hmac"))
        )
        ratios[f"{name}, own HMAC / OpenSSL's"] = hmac["median"]
        ratios[f"{name}, own AES / OpenSSL's"] = aes["median"]
        rows.append([name, *(f"{r['median']:.2f} ({r['min']:.2f}-{r['max']:.2f})" for r in (hmac, aes))])
    text += "\n" + harness.table(
        "srtp pair: 172 bytes of RTP sealed and opened; cold: 600 calls in turn, other work's memory between two packets",
        ["suite", "own HMAC / libsrtp on OpenSSL", "and own AES / own HMAC"],
        rows,
    )
    met = {key: ratios[key] <= bound for key, bound in GOAL.items()}
    return text, {
        "systems": systems,
        "prompts": announced,
        "legs": crowd,
        "srtp_pairs": sealed,
        "ratios": ratios,
        "goal": GOAL,
        "met": met,
        **harness.rounds_report(rounds),
    }
