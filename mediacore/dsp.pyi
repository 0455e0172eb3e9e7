# SPDX-License-Identifier: GPL-3.0-or-later
from typing import Literal, TypedDict

from typing_extensions import Buffer

class JitterStats(TypedDict):
    n_in: int
    n_played: int
    n_lost: int
    n_late: int
    n_dup: int
    n_dropped: int
    n_empty: int
    n_restart: int
    target_ms: int
    depth_ms: int

def codecs() -> list[tuple[str, int]]:
    """(SDP name, RTP clock) of every codec, in order of preference."""

def level_db(pcm: Buffer) -> float:
    """RMS level of s16 samples, dB relative to a full-scale square wave; -96 for silence."""

class Codec:
    """One encoder and one decoder. s16 mono at `rate`. ArgumentError: no such codec; FormatError: bad payload."""

    def __init__(self, name: str, clock: int, *, fmtp: str = "", ptime_ms: int = 20) -> None: ...
    @property
    def rate(self) -> int: ...
    @property
    def clock(self) -> int: ...
    @property
    def fmtp(self) -> str:
        """What we offer in SDP."""
    def encode(self, pcm: Buffer) -> bytes:
        """One packet's payload; empty when the codec's DTX has nothing to send."""
    def decode(self, payload: bytes) -> bytes: ...
    def conceal(self, n: int, next: bytes | None = None) -> bytes:
        """n samples in the place of a lost packet; `next`: the payload after it, for in-band FEC."""

class Resampler:
    """Streaming, between any two of 8000, 16000, 24000 and 48000 Hz: state carries over from call to call."""

    def __init__(self, rate_in: int, rate_out: int) -> None: ...
    @property
    def rate_in(self) -> int: ...
    @property
    def rate_out(self) -> int: ...
    @property
    def delay_us(self) -> int: ...
    def run(self, pcm: Buffer) -> bytes: ...

class Concealer:
    """Packet loss concealment of the codecs that have none of their own (G.711, G.722, L16). s16 mono, at most 16 kHz."""

    def __init__(self, rate: int) -> None: ...
    def good(self, pcm: Buffer) -> bytes:
        """A frame that came; after a loss its beginning is joined to what was made up."""
    def conceal(self, n: int, next: Buffer = b"") -> bytes:
        """n samples in the place of lost ones; `next`: the good frame behind them, if it is here already."""

def tones() -> list[str]:
    """Names of the tones of call progress: "dial-eu", "ringback-us", ..."""

def tone(name: str, rate: int, seconds: float) -> bytes:
    """A tone of call progress, at most `seconds` of it: s16le mono. rate: 8000, 16000, 24000 or 48000."""

def dtmf(digits: str, rate: int, ms: int = 100, gap_ms: int = 80) -> bytes:
    """Digits as sound, for peers that take no telephone-event: write it to the leg. s16le mono."""

class InbandDtmf:
    """Hears digits that were sent as sound. rate: 8000, 16000, 24000 or 48000."""

    def __init__(self, rate: int) -> None: ...
    def run(self, pcm: Buffer, lost: bool = False) -> list[tuple[str, int]]:
        """(digit, milliseconds) of each that ended in these samples; lost: they never came, their number counts."""

class JitterBuffer:
    """The human ear's jitter buffer: a pure function of packets and times."""

    def __init__(
        self,
        clock: int = 8000,
        *,
        min_ms: int = 5,
        max_ms: int = 400,
        capacity: int = 128,
        tick_ms: int = 20,
        price_ms: int = 20,
    ) -> None: ...
    def put(self, pkt: bytes, now_us: int) -> int:
        """A whole RTP packet. 0, or a negative MC_E_ value: late, duplicate, too long. FormatError: no RTP."""
    def get(self, now_us: int, ahead_us: int = 0) -> tuple[Literal["frame", "lost", "empty"], bytes | None, int, int]:
        """When playout needs more, ahead_us before what is given is played: (what, payload, RTP timestamp, arrival_us)."""
    def scale_us(self, quiet: bool) -> int:
        """By how much to shorten the frame given last (< 0: stretch it); `quiet`: it is near silence."""
    def stats(self) -> JitterStats: ...
