# SPDX-License-Identifier: GPL-3.0-or-later
"""The callers of `turn`: over line noise each says its next sentence when the bot has been silent for a moment, listens to the
answer to its end, and goes on.

    python -m tests.bench.turn_caller CALLS TURNS SEED sip SIP_PORT
    python -m tests.bench.turn_caller CALLS TURNS SEED rtp          prints its ports, reads the bot's, one for each call

The result by call: [first, last, over] of each turn, when the packets with its first and its last voiced sample went to the
socket and when the caller stopped waiting; the times of every packet of the bot with sound in it; nanoseconds since the epoch;
and how many holes there were between its packets.
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
from tests.bench.human import NOISE, RATE, Pcm, listening, prompts, sentence, stamped
from tests.bench.sip_calls import SipCalls
from tests.bench.systems import LOOPBACK, say
from tests.bench.turn_script import FRAME, FRAME_NS, SOUND, WAIT_NS, Said, turn
from tests.lab.relay import first_in_line
from tests.media.rtp import Rtp

SHORTEST_S, LONGEST_S = 1.2, 5.0
QUIET_NS = 600_000_000  # no sound for so long: the bot has finished
BREATH_S = (0.2, 1.0)  # before the caller's next turn
HOLE_NS = 60_000_000
HELLO_NS = 5_000_000_000  # a bot that says nothing is spoken to after so long
LIMIT_S = 25.0  # for a turn with its answer


@dataclass(eq=False)
class Caller:
    """One call. `tick` every 20 ms, `hear` for each packet."""

    socket: socket.socket
    port: int
    rng: random.Random
    sentences: list[Pcm]
    turns: int
    done: list[tuple[int, int, int]] = field(default_factory=list)
    sounding: list[int] = field(default_factory=list)
    holes: int = 0  # between two packets of the bot, which sends always, silence too

    def __post_init__(self) -> None:
        self._noise = np.random.default_rng(self.rng.randrange(2**32))
        self._law = Codec("PCMU", RATE)
        self._n = 0
        self._heard_ns = 0
        self._said: Said | None = None  # being said, or waiting for its answer
        self._at = 0  # its next packet
        self._first_ns = self._last_ns = 0
        self._since_ns = 0  # when the line was opened, or the last answer was over
        self._ready_ns = 0  # when the next turn begins; 0 = the bot has not finished

    @property
    def over(self) -> bool:
        return len(self.done) >= self.turns

    def hear(self) -> None:
        data, at = stamped(self.socket)
        payload = data[12:]
        self.holes += self._heard_ns > 0 and at - self._heard_ns > HOLE_NS
        self._heard_ns = at
        if len(payload) == FRAME and np.abs(np.frombuffer(self._law.decode(payload), np.int16)).max() > SOUND:
            self.sounding.append(at)

    def tick(self, now: int) -> None:
        self._since_ns = self._since_ns or now
        frame = self._noise.normal(0, NOISE, FRAME)
        if self._said is None:
            self._wait(now)
        elif self._at * FRAME < len(self._said.pcm):
            frame += self._said.pcm[self._at * FRAME :][:FRAME]
            if self._at == self._said.first:
                self._first_ns = now
            if self._at == self._said.last:
                self._last_ns = now
            self._at += 1
        else:
            self._listen(now)
        pcm = np.clip(frame, -32768, 32767).astype(np.int16).tobytes()
        self.socket.sendto(Rtp(self._n, self._n * FRAME, self._law.encode(pcm)).pack(), (LOOPBACK, self.port))
        self._n += 1

    def _wait(self, now: int) -> None:
        """Until the bot has greeted and finished."""
        if self.over:
            return
        spoke = bool(self.sounding) and self.sounding[-1] >= self._since_ns
        quiet = now - self.sounding[-1] > QUIET_NS if spoke else now - self._since_ns > (0 if self.done else HELLO_NS)
        if not quiet:
            self._ready_ns = 0
        elif self._ready_ns == 0:
            self._ready_ns = now + int(self.rng.uniform(*BREATH_S) * 1e9)
        elif now >= self._ready_ns:
            self._said, self._at, self._ready_ns = turn(self.rng.choice(self.sentences), self.rng), 0, 0

    def _listen(self, now: int) -> None:
        answered = bool(self.sounding) and self.sounding[-1] > self._first_ns
        last = self.sounding[-1] if answered else self._last_ns
        if now - max(last, self._last_ns) > (QUIET_NS if answered and last > self._last_ns else WAIT_NS):
            self.done.append((self._first_ns, self._last_ns, now))
            self._said, self._since_ns = None, now


def run(n_calls: int, turns: int, seed: int, kind: str, sip_port: int) -> dict[str, Any]:
    sentences = [pcm for pcm in prompts(SHORTEST_S, wanted=sentence) if len(pcm) <= LONGEST_S * RATE]
    sockets = [listening() for _ in range(n_calls)]
    sips = []
    if kind == "sip":
        sips = [SipCalls(sip_port, mine.getsockname()[1], "bot") for mine in sockets]
        far = [sip.call() for sip in sips]
    else:
        say(" ".join(str(mine.getsockname()[1]) for mine in sockets))
        far = [int(word) for word in sys.stdin.readline().split()]
    callers = {
        mine: Caller(mine, port, random.Random(f"{seed} {i}"), sentences, turns)
        for i, (mine, port) in enumerate(zip(sockets, far, strict=True))
    }
    first_in_line()
    began = time.time_ns()
    rng = random.Random(seed)
    due = {one: began + rng.randrange(FRAME_NS) for one in callers.values()}
    end = began + round(turns * LIMIT_S * 1e9)
    while not all(one.over for one in due) and time.time_ns() < end:
        now = time.time_ns()
        for one, at in due.items():
            if at <= now:
                one.tick(time.time_ns())
                due[one] = at + FRAME_NS
        wait = max(0, min(due.values()) - time.time_ns()) / 1e9
        for ready in select.select(list(callers), [], [], wait)[0]:
            callers[ready].hear()
    for sip in sips:
        sip.hang_up()
    return {"calls": [{"turns": one.done, "sounding": one.sounding, "holes": one.holes} for one in due]}


if __name__ == "__main__":
    port = int(sys.argv[5]) if sys.argv[4] == "sip" else 0
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], port)), flush=True)
