# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk's AudioSocket, the bot's side: Asterisk's dialplan connects by TCP, one connection a call.

A message is a kind (1 byte), a length (2 bytes, big-endian) and a payload. What comes is a call's identifier, then 20 ms of
16-bit PCM at 8 kHz at a time; what may go back is audio and the end of the call. Asterisk sends each audio message it gets
straight to the caller: there is no queue to flush, so who has more than one frame must keep the time.
"""

from __future__ import annotations

import asyncio
from typing import cast

KIND_HANG_UP = 0x00
KIND_UUID = 0x01
KIND_AUDIO = 0x10  # at 8 kHz
HEADER = 3
FRAME_BYTES = 320
AUDIO_HEADER = bytes([KIND_AUDIO]) + FRAME_BYTES.to_bytes(2, "big")


class AudioSocket(asyncio.Protocol):
    """One call. Subclasses say what audio_received() does."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= HEADER:
            after = at + HEADER + (data[at + 1] << 8 | data[at + 2])
            if after > end:
                break
            if data[at] == KIND_AUDIO:
                self.audio_received(data[at + HEADER : after])
            at = after
        self._rest = data[at:]

    def audio_received(self, pcm: bytes) -> None:
        """20 ms from the caller."""
        raise NotImplementedError

    def send_audio(self, pcm: bytes) -> None:
        """20 ms to the caller: s16le at 8 kHz, 320 bytes."""
        self.transport.write(AUDIO_HEADER + pcm)

    def hang_up(self) -> None:
        self.transport.write(bytes([KIND_HANG_UP, 0, 0]))
