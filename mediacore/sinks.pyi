# SPDX-License-Identifier: GPL-3.0-or-later
from typing import TypedDict

from typing_extensions import Buffer

from mediacore.leg import Leg
from mediacore.worker import Worker

class Way(TypedDict):
    relayed: int  # packets that went on as they were
    decoded: int  # ticks of sound that went through jitter buffer and decoder
    digits: int  # telephone-events made anew; relayed ones count as relayed
    dropped: int  # samples left out to keep the delay down
    queued_us: int  # sound that waits between the two legs' clocks
    relaying: bool

class BridgeStats(TypedDict):
    a_to_b: Way
    b_to_a: Way

class Prompt:
    """Sound that many legs hear: an announcement, music on hold (loop), a tone. Coded once for each way that legs code, then
    sent to any number of them as ready packets, without an encoder. Main thread, but for prepare()."""

    def __init__(self, pcm: Buffer, rate: int = 16000, *, loop: bool = False) -> None:
        """pcm: s16 mono, at most an hour. rate: that of the legs that will hear it. loop: 105 ms at least; goes round, its end
        blended into its beginning. Takes milliseconds a second of sound: load it before the calls come."""
    @property
    def rate(self) -> int: ...
    @property
    def seconds(self) -> float:
        """Length; of a loop, once round."""
    def prepare(self, leg: Leg) -> None:
        """Codes it the way that this leg codes: at once for G.711, L16 or when it is done already; for Opus some ms a second
        of sound, so in a thread (asyncio.to_thread). A leg that plays it unprepared uses its own encoder, as one of G.722
        does always. StateError: the leg never started."""
    def start(self, leg: Leg, *, ears: bool = False) -> None:
        """The leg hears the prompt, from its beginning, under what is written to it. ears: on_audio goes on meanwhile.
        ArgumentError: another rate. StateError: plays there already, or the leg is closed."""
    def left(self, leg: Leg) -> float:
        """Seconds still to be sent to this leg; inf for a loop, 0 when it is over or does not play there. It stands still
        while the leg is held."""
    def stop(self, leg: Leg) -> None:
        """Back to the engine, unless the leg was given to a bridge or mixer meanwhile. Fades. Nothing when it did not play."""
    def close(self) -> None:
        """Stops everywhere; where a bridge plays it, it goes on. Safe to call twice."""

class Bridge:
    """Two legs that hear each other, by the worker alone. Packets pass untouched (renumbered) where codec and packet time are
    the same, or from one G.711 law to the other; else, and while something is written to a leg, the sound is decoded and coded
    again. Digits pass as telephone-events. on_event and recordings of both legs go on."""

    a: Leg
    b: Leg
    def __init__(self, a: Leg, b: Leg, *, ears: bool = False, transcode: bool = False) -> None:
        """ears: on_audio of both goes on. transcode: packets never pass untouched (measurements). ArgumentError: the same leg
        twice, or two workers. StateError: a leg is closed."""
    def hold(self, leg: Leg, music: Prompt | None = None) -> None:
        """`leg` neither hears nor is heard; the other hears music (a Prompt of its own rate) or silence. The music is played
        as well when the peer of `leg` holds by itself (RFC 3264 section 8.4)."""
    def resume(self, leg: Leg) -> None: ...
    def stats(self) -> BridgeStats:
        """Of a closed bridge, the last ones."""
    def close(self) -> None:
        """Both legs go back to the engine. Safe to call twice, also after a leg was closed."""

def bridge(a: Leg, b: Leg, *, ears: bool = False, transcode: bool = False) -> Bridge:
    """Joins two legs; see Bridge."""

class Mixer:
    """A room: each leg hears the sum of the others, one packet time later. What is written to a leg comes on top, for it
    alone."""

    rate: int
    def __init__(self, worker: Worker, *, rate: int = 16000) -> None:
        """rate: of the sum; legs of other rates are resampled."""
    def add(
        self, leg: Leg, *, gain: float = 1.0, listen_only: bool = False, whisper_to: Leg | None = None, ears: bool = False
    ) -> None:
        """gain: of what it says, 0 (muted) ... 8. listen_only: hears all, says nothing. whisper_to: heard by that leg alone.
        ears: on_audio of this leg goes on. A leg comes from whatever bridge or music it was in."""
    def set(
        self, leg: Leg, *, gain: float = 1.0, listen_only: bool = False, whisper_to: Leg | None = None, ears: bool = False
    ) -> None:
        """As add(), for a leg that is in; gliding, without a click."""
    def remove(self, leg: Leg) -> None:
        """Back to the engine. Who whispered to it is heard by nobody until set anew. Nothing when it is not in."""
    @property
    def legs(self) -> list[Leg]: ...
    def close(self) -> None:
        """All leave. Safe to call twice."""

class ListenIn:
    """A third party at a leg: `listener` hears both directions of `target`'s call, whatever that is joined with, and may be
    heard. The target's call goes on as it was; while the listener is silent, its packets too."""

    listener: Leg
    target: Leg
    def __init__(self, listener: Leg, target: Leg, *, to_peer: bool = False, to_other: bool = False) -> None:
        """to_peer: the target's peer hears the listener. to_other: who the peer talks with does: the other leg of a bridge, the
        room, or on_audio of the target. ArgumentError: the same leg, or two workers. StateError: a leg is closed."""
    def set(self, *, to_peer: bool = False, to_other: bool = False) -> None:
        """As at first, without a click."""
    def close(self) -> None:
        """The listener's leg goes back to the engine. To be silent for a moment before spares the other side a click."""
