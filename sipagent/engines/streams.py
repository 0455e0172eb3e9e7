# SPDX-License-Identifier: GPL-3.0-or-later
"""One interface for every speech-to-text engine: those that hear whole turns are given the turn so far at each `finish`."""

from __future__ import annotations

from sipagent.engines.base import PartialHandler, Stt, SttStream


def open_stream(stt: Stt, rate: int, on_partial: PartialHandler) -> SttStream:
    """A new turn of `stt`, streamed if it can."""
    stream = getattr(stt, "stream", None)
    opened: SttStream = WholeTurn(stt, rate) if stream is None else stream(rate, on_partial)
    return opened


class WholeTurn:
    """Keeps the turn's audio for an engine that only hears whole turns; there are no partial texts."""

    def __init__(self, stt: Stt, rate: int) -> None:
        self._stt = stt
        self._rate = rate
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> None:
        """Kept."""
        self._pcm += pcm

    async def finish(self) -> str:
        """The whole turn is decoded, again if it was decoded before."""
        return await self._stt.transcribe(bytes(self._pcm), self._rate)

    def cancel(self) -> None:
        """The work itself ends when the task that awaits `finish` is cancelled."""
        self._pcm.clear()
