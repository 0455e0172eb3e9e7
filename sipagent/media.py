# SPDX-License-Identifier: GPL-3.0-or-later
"""The media leg as the dialogue engine needs it. `mediacore.Leg` is the real one; `sipagent.testing.FakeLeg` is for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

# on_audio(pcm, arrival_us, sample_index, lost): one packet's worth of s16le mono at leg.rate, in order, from the machine ear.
AudioHandler = Callable[[bytes, int, int, bool], object]
# on_event(kind, a, b, t_us): see mediacore.EV_*.
EventHandler = Callable[[int, int, int, int], object]


class MediaLeg(Protocol):
    """Main thread only."""

    on_audio: AudioHandler | None
    on_event: EventHandler | None

    @property
    def rate(self) -> int: ...

    @property
    def written(self) -> int:
        """Samples ever written."""
        ...

    @property
    def played(self) -> int:
        """Samples that have left in packets, or were dropped by a flush: the read index of the output ring."""
        ...

    @property
    def pending(self) -> int:
        """Samples queued and not yet sent."""
        ...

    def write(self, pcm: bytes) -> int:
        """Queues s16le mono at `rate`; returns samples taken, fewer when the ring is full."""
        ...

    def flush(self) -> int:
        """Drops what is queued, with a 5 ms fade; returns the index that playing goes on from. EV_FLUSHED follows."""
        ...

    def pause(self, ms: int) -> None:
        """What is queued waits for at most `ms`, then goes on at the next sample; 0 = go on now. A flush ends it too."""
        ...

    @property
    def takes_events(self) -> bool:
        """The peer takes telephone-events (RFC 4733)."""
        ...

    def send_dtmf(self, digits: str, ms: int = 100) -> None: ...

    def describe(self) -> str: ...

    def stats(self) -> Mapping[str, Any]: ...

    def close(self) -> None: ...
