# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard at the end of a line: our leg, PJSIP's buffer with its concealment, a fixed delay, NetEq's capture."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediacore import Recording, VirtualLeg
from mediacore.dsp import Codec, Resampler
from tests.lab import policies
from tests.lab.line import PACKET_US, Line
from tests.lab.neteq import Heard
from tests.lab.speech import FRAME, RATE, Pcm, Talk
from tests.media.rtp import Rtp
from tests.netsim import MS

PHASE_US = policies.PHASES_US[1]
TAIL_US = 1_000 * MS
START_US = 1_000 * MS  # of a recording, on the leg's clock: the line's 0
PT_PCMU = 0


@dataclass(frozen=True)
class Audio:
    """8 kHz; microseconds on the line's clock when its first sample was played."""

    pcm: Pcm
    start_us: int

    def at(self, us: float, n: int) -> Pcm:
        """n samples from a moment on; silence where there are none."""
        first = round((us - self.start_us) * RATE / 1e6)
        out = np.zeros(n, np.int16)
        low, high = max(0, first), min(len(self.pcm), first + n)
        if high > low:
            out[low - first : high - first] = self.pcm[low:high]
        return out


def decoded(talk: Talk) -> Pcm:
    """The talk after G.711 and nothing else."""
    law = Codec("PCMU", RATE)
    return np.frombuffer(b"".join(law.decode(payload) for payload in talk.payloads), np.int16)


def blocks(line: Line, talk: Talk) -> Iterator[tuple[Pcm, int, int]]:
    """The whole leg in virtual time: jitter buffer, decoder, concealment, as its recording tap hears it: 20 ms, when their
    first sample was played, how long before that it had come (microseconds)."""
    payloads = talk.payloads
    end = int(line.arrivals["us"][-1]) + TAIL_US
    with closing(VirtualLeg(codec="PCMU", clock=RATE, pt=PT_PCMU, rate=RATE)) as leg:
        leg.tap(True)
        coming = iter(line.arrivals)
        arrival = next(coming, None)
        for tick in range(PHASE_US, end, PACKET_US):
            while arrival is not None and arrival["us"] <= tick:
                n = int(arrival["n"])
                leg.on_packet(Rtp(n, n * FRAME, payloads[n], PT_PCMU).pack(), int(arrival["us"]))
                arrival = next(coming, None)
            leg.on_tick(tick)
            for pcm, at, age in leg.taps():
                yield np.frombuffer(pcm, np.int16)[0::2], at, age
            leg.frames()
            leg.events()


def ours(line: Line, talk: Talk) -> Audio:
    heard = list(blocks(line, talk))
    return Audio(np.concatenate([pcm for pcm, _, _ in heard]), heard[0][1])


def ages(line: Line, talk: Talk) -> list[tuple[int, int]]:
    """When each block of 20 ms was played, and how long before that its first sample had come."""
    return [(at, age) for _, at, age in blocks(line, talk)]


def recorded(line: Line, talk: Talk) -> Audio:
    """The caller's side of a recording of our leg, which stands at its time on the wire."""
    with tempfile.TemporaryDirectory() as room, closing(VirtualLeg(codec="PCMU", clock=RATE, pt=PT_PCMU, rate=RATE)) as leg:
        path = Path(room) / "call.wav"
        recording = Recording(None, leg, path, start_us=START_US)
        payloads, coming = talk.payloads, iter(line.arrivals)
        arrival = next(coming, None)
        for tick in range(PHASE_US, int(line.arrivals["us"][-1]) + TAIL_US, PACKET_US):
            while arrival is not None and arrival["us"] <= tick:
                n = int(arrival["n"])
                leg.on_packet(Rtp(n, n * FRAME, payloads[n], PT_PCMU).pack(), START_US + int(arrival["us"]))
                arrival = next(coming, None)
            leg.on_tick(START_US + tick)
            recording.turn(START_US + tick)
            leg.frames()
            leg.events()
        recording.stop()
        recording.turn(START_US + tick + PACKET_US)
        with wave.open(str(path)) as wav:
            pcm = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    return Audio(pcm[0::2], 0)


def pjsip(line: Line, talk: Talk) -> Audio:
    played = policies.ticks(policies.play(policies.pjsip(), line, PHASE_US), PHASE_US)
    return Audio(policies.render(policies.pjsip(), decoded(talk), played), PHASE_US)


def fixed(line: Line, talk: Talk, delay_ms: float) -> Audio:
    played = policies.ticks(policies.play_fixed(line, delay_ms, PHASE_US), PHASE_US)
    return Audio(policies.render(policies.ours(), decoded(talk), played), PHASE_US)


def neteq(heard: Heard) -> Audio:
    """At the sampling rate of the others."""
    if heard.capture is None:
        raise ValueError("this run captured no audio")
    file, start_us, rate = heard.capture
    down = Resampler(rate, RATE)  # of equal rates: a copy
    pcm = np.frombuffer(down.run(file.read_bytes()), np.int16)
    return Audio(pcm, start_us - heard.start_us - down.delay_us)
