# SPDX-License-Identifier: GPL-3.0-or-later
"""A system under test and the generator that talks to it, each on its core: started, connected call by call, and ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.bench import harness
from tests.bench.peers import asterisk, pipecat, pjsua2
from tests.bench.sip_calls import SipCalls

NULL, UNCHANGED = "leg-null", "unchanged"
KERNEL = "udp-bare"  # udpfloor.c
ASTERISK, PJSUA2 = "asterisk-audiosocket", "pjsua2-python"
PLAYBACK = "asterisk-playback"  # plays a file and echoes nothing: of `pacing`
PIPECAT = "pipecat"
PEERS = {PIPECAT: pipecat, ASTERISK: asterisk, PJSUA2: pjsua2, PLAYBACK: asterisk}


@dataclass(frozen=True)
class Run:
    generator: harness.Child
    system: harness.Child


def command(system: str, calls: int, port: int) -> list[str]:
    """How to start `system`, to send to `port`."""
    if system == KERNEL:
        return [str(harness.compiled("udpfloor", [harness.HERE / "udpfloor.c"], [])), str(calls), str(port)]
    if system in PEERS:
        return [sys.executable, "-m", f"{PEERS[system].__name__}_echo", str(calls)]
    return [sys.executable, "-m", "tests.bench.echo_systems", system, str(calls), str(port)]


def available(
    systems: Sequence[str], peers: Mapping[str, ModuleType], fetch: bool
) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Those of `systems` that can run on this machine, why the others can't, and the peers' versions. `fetch`: peers that are
    missing are made now if they can be, which takes minutes and happens once."""
    wanted = {name: peers[name] for name in systems if name in peers}
    for name, peer in wanted.items():
        if fetch and peer.missing():
            print(f"    {name} is not here yet: making it", file=sys.stderr, flush=True)
            subprocess.run(peer.MAKE, stdout=subprocess.DEVNULL, check=False)
    absent = {name: why for name, peer in wanted.items() if (why := peer.missing())}
    present = [name for name in systems if name not in absent]
    return present, absent, {name: peer.version() for name, peer in wanted.items() if name not in absent}


def here(systems: Sequence[str], fetch: bool) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """available() of this module's peers."""
    return available(systems, PEERS, fetch)


def connected(system: harness.Child, calls: int, port: int) -> list[int]:
    """Where the system listens for the calls' RTP: it says so itself, or names the SIP user and port that is called here."""
    words = system.line().split()
    if words[0] != "sip":
        return [int(word) for word in words]
    sip = SipCalls(int(words[2]), port, words[1])
    return [sip.call() for _ in range(calls)]


def check(system: str, counts: dict[str, int]) -> None:
    """RuntimeError unless every frame that came back was changed by Python, or by nobody where there is no Python."""
    want = UNCHANGED if system in (NULL, KERNEL) else "quartered" if system == PJSUA2 else "swapped"
    others = sum(counts[key] for key in (UNCHANGED, "swapped", "quartered") if key != want)
    if counts["back"] == 0 or others or counts[want] != counts["back"] + counts["dup"]:
        raise RuntimeError(f"{system}: frames did not come back as this system must send them: {counts}")


@contextmanager
def echo(name: str, calls: int, mode: str, seconds: float, raw: Path) -> Iterator[Run]:
    """`calls` calls to a system that sends back what it hears. The generator runs for `seconds` from the start of the body and
    writes what it saw to `raw`; the body ends both with finish(). mode: rtpgen's, "steady" or "aim"."""
    with harness.children() as start:
        generator = start(harness.GENERATOR_CPU, [harness.rtpgen(), "echo", f"{seconds}", raw, mode, str(calls)])
        port = int(generator.line().removeprefix("port "))
        system = start(harness.SYSTEM_CPU, command(name, calls, port))
        for far_port in connected(system, calls, port):
            generator.tell(str(far_port))
        yield Run(generator, system)
