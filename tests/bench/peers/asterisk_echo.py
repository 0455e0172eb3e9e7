# SPDX-License-Identifier: GPL-3.0-or-later
"""System under test: Asterisk 22, AudioSocket and a uvloop server in Python that changes each frame and sends it back.

    python -m tests.bench.peers.asterisk_echo CALLS

Asterisk is a child of this process: both are the system, their CPU time counts together."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.peers.asterisk import Asterisk
from tests.bench.peers.audiosocket import FRAME_BYTES, AudioSocket
from tests.bench.systems import LOOPBACK, input_ends, run, say

HALF_BYTES = FRAME_BYTES // 2


class Swapping(AudioSocket):
    def audio_received(self, pcm: bytes) -> None:
        self.send_audio(pcm[HALF_BYTES:] + pcm[:HALF_BYTES])


async def main() -> dict[str, Any]:
    server = await asyncio.get_running_loop().create_server(Swapping, LOOPBACK, 0, backlog=1024)
    with tempfile.TemporaryDirectory() as room:
        asterisk = Asterisk(Path(room), server.sockets[0].getsockname()[1], calls=int(sys.argv[1]))
        try:
            asterisk.start()
            say(f"sip audiosocket {asterisk.sip_port}")
            await input_ends()
        finally:
            asterisk.stop()
            server.close()
    return {}


if __name__ == "__main__":
    run(main)
