# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems under test of `srtp` that are called over SIP: each says "sip USER PORT" once it can be called, and sends back what
it hears.

    python -m tests.bench.srtp_systems leg|asterisk off|sdes CALLS

leg       the switch's own signalling and media core; each frame comes to Python as PCM and is written back changed
asterisk  Asterisk 22 with its application Echo, a child of this process
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import mediacore
from sipagent.call import Call
from sipagent.config import Config
from sipagent.signalling.agent import UserAgent
from tests.bench.echo_systems import plainly_swapping
from tests.bench.peers.asterisk import Asterisk
from tests.bench.systems import LOOPBACK, input_ends, run, say
from tests.interop import ports


def config(calls: int, sdes: bool) -> Config:
    rtp = ports.block(2 * calls)
    return Config.model_validate(
        {
            "sip": {
                "listen": [{"transport": "udp", "port": 0}],
                "srtp": "required" if sdes else "off",
                "max_calls": calls,
            },
            "media": {"host": LOOPBACK, "ports": (rtp, rtp + 2 * calls - 1), "codecs": ["PCMU/8000"], "rate": 8000},
        }
    )


async def leg(calls: int, sdes: bool) -> dict[str, Any]:
    taken: list[Call] = []
    answers: list[asyncio.Task[None]] = []

    def on_incoming(call: Call) -> None:
        assert isinstance(call.leg, mediacore.Leg)
        call.leg.on_audio = plainly_swapping(call.leg)
        taken.append(call)
        answers.append(asyncio.create_task(call.control.answer()))

    worker = mediacore.Worker()
    worker.start()
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.fileno(), worker.drain)
    agent = UserAgent(config(calls, sdes), worker, on_incoming)
    await agent.start()
    say(f"sip echo {agent.listening()[0].rsplit(':', 1)[1]}")
    await input_ends()
    await asyncio.gather(*answers)
    secure = [bool(call.leg.stats()["secure"]) for call in taken]
    await agent.stop()
    loop.remove_reader(worker.fileno())
    for call in taken:
        call.leg.close()
    worker.stop()
    return {"secure": sum(secure), "calls": len(secure)}


async def asterisk(calls: int, sdes: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as room:
        peer = Asterisk(Path(room), calls=calls, encryption="sdes" if sdes else "no")
        try:
            peer.start()
            say(f"sip echo {peer.sip_port}")
            await input_ends()
        finally:
            peer.stop()
    return {}


async def main() -> dict[str, Any]:
    system, sdes, calls = sys.argv[1], sys.argv[2] == "sdes", int(sys.argv[3])
    return await (asterisk(calls, sdes) if system == "asterisk" else leg(calls, sdes))


if __name__ == "__main__":
    run(main)
