# SPDX-License-Identifier: GPL-3.0-or-later
"""The callers of `barge-in`, end to end: over line noise they listen until the bot has spoken for a moment, then interrupt it
with a recording of a human voice, and wait until it speaks again.

    python -m tests.bench.barge_in_caller SIP_PORT CALLS SECONDS SEED

The result by call: [voiced, over] of each interruption, when the packet with its first voiced sample and its last packet went
to the socket, and [at, silent] of every packet of the bot by the kernel's stamp; nanoseconds since the epoch. Where a recording
begins to be voiced is told by dialogue/levels.py. Interruptions begin anywhere in a packet.
"""

from __future__ import annotations

import json
import random
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mediacore.dsp import Codec
from sipagent.dialogue.levels import speech_start
from tests.bench.human import NOISE, RATE, Pcm, listening, prompts, stamped
from tests.bench.sip_calls import SipCalls
from tests.bench.systems import LOOPBACK
from tests.lab.relay import first_in_line
from tests.media.rtp import Rtp

FRAME, FRAME_NS = 160, 20_000_000
LONGEST_S, SHORTEST_S = 1.6, 0.8
LISTEN_S = (0.8, 1.8)  # to the bot, before it is interrupted
SPEAKING, OF_LAST = 15, 20  # packets


def silent(payload: bytes) -> bool:
    return payload.count(payload[0]) == len(payload)


@dataclass(eq=False)
class Caller:
    """One call. `tick` every 20 ms, `hear` for each packet."""

    socket: socket.socket
    port: int
    rng: random.Random
    sounds: list[Pcm]
    interruptions: list[tuple[int, int]] = field(default_factory=list)
    packets: list[tuple[int, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._noise = np.random.default_rng(self.rng.randrange(2**32))
        self._law = Codec("PCMU", RATE)
        self._n = 0
        self._saying: Pcm = np.zeros(0)
        self._left = 0  # packets until the first voiced one
        self._voiced_ns: int | None = None
        self._patience = 0  # packets of the bot to be heard before it is interrupted

    def hear(self) -> None:
        data, at = stamped(self.socket)
        if len(data) == 12 + FRAME:
            self.packets.append((at, silent(data[12:])))

    def tick(self) -> None:
        if not len(self._saying):
            self._decide()
        frame = self._noise.normal(0, NOISE, FRAME)
        now = time.time_ns()
        if len(self._saying):
            frame += self._saying[:FRAME]
            self._saying = self._saying[FRAME:]
            if self._left == 0:
                self._voiced_ns = now
            self._left -= 1
            if not len(self._saying) and self._voiced_ns is not None:
                self.interruptions.append((self._voiced_ns, now))
                self._patience = -1
        pcm = np.clip(frame, -32768, 32767).astype(np.int16).tobytes()
        self.socket.sendto(Rtp(self._n, self._n * FRAME, self._law.encode(pcm)).pack(), (LOOPBACK, self.port))
        self._n += 1

    def _decide(self) -> None:
        last = self.packets[-OF_LAST:]
        if self._patience < 0:  # until the bot has been silent
            self._patience = 0 if len(last) == OF_LAST and all(quiet for _, quiet in last) else -1
            return
        if sum(not quiet for _, quiet in last) < SPEAKING:
            return
        if self._patience == 0:
            self._patience = round(self.rng.uniform(*LISTEN_S) * RATE / FRAME)
        self._patience -= 1
        if self._patience == 0:
            pcm = self.rng.choice(self.sounds)
            lead = self.rng.randrange(FRAME)
            first = lead + speech_start(pcm.astype(np.int16).tobytes(), RATE)
            whole = -(-(lead + len(pcm)) // FRAME) * FRAME
            self._saying = np.zeros(whole)
            self._saying[lead : lead + len(pcm)] = pcm
            self._left, self._voiced_ns = first // FRAME, None


def run(sip_port: int, n_calls: int, seconds: float, seed: int) -> list[dict[str, Any]]:
    sounds = prompts(SHORTEST_S, LONGEST_S)
    callers: dict[socket.socket, Caller] = {}
    sips = []
    for i in range(n_calls):
        mine = listening()
        sips.append(SipCalls(sip_port, mine.getsockname()[1], "bot"))
        callers[mine] = Caller(mine, sips[-1].call(), random.Random(f"{seed} {i}"), sounds)
    first_in_line()
    start = time.time_ns()
    rng = random.Random(seed)
    due = {one: start + rng.randrange(FRAME_NS) for one in callers.values()}
    while (now := time.time_ns()) < start + seconds * 1e9:
        for one, at in due.items():
            if at <= now:
                one.tick()
                due[one] = at + FRAME_NS
        wait = max(0, min(due.values()) - time.time_ns()) / 1e9
        for ready in select.select(list(callers), [], [], wait)[0]:
            callers[ready].hear()
    for sip in sips:
        sip.hang_up()
    return [{"trials": one.interruptions, "packets": one.packets} for one in callers.values()]


if __name__ == "__main__":
    calls = run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps({"calls": calls}), flush=True)
