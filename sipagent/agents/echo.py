# SPDX-License-Identifier: GPL-3.0-or-later
"""The echo agent: every frame of the caller's goes up into Python and back.

20 ms of silence go in front, so that arrival jitter of less than a packet does not run the output dry. When it did run dry,
they are put there again.
"""

from __future__ import annotations

from mediacore import EV_PLAY_END
from sipagent.call import Call

LEAD_MS = 20


class EchoAgent:
    """Sends back what it gets, gaps included as silence."""

    name = "echo"

    async def on_call(self, call: Call) -> None:
        """Until the call ends."""
        leg = call.leg
        lead = bytes(2 * leg.rate * LEAD_MS // 1000)
        dry = True
        end: int | None = None  # sample index one past what came last

        def on_audio(pcm: bytes, arrival_us: int, index: int, lost: bool) -> None:
            nonlocal dry, end
            if dry:
                dry = False
                leg.write(lead)
            elif end is not None and end < index <= end + leg.rate:
                leg.write(bytes(2 * (index - end)))
            end = index + len(pcm) // 2
            leg.write(pcm)

        def on_event(kind: int, a: int, b: int, t_us: int) -> None:
            nonlocal dry
            if kind == EV_PLAY_END and a >= leg.written:  # else the next packet came before this report
                dry = True

        leg.on_audio, call.on_event = on_audio, on_event
        try:
            await call.ended.wait()
        finally:
            leg.on_audio = call.on_event = None
