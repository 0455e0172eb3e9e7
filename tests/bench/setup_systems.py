# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems under test of `setup`: each says "sip USER PORT" once it can be called.

    python -m tests.bench.setup_systems SYSTEM

switch      the whole switch, with an agent in Python that takes each call and speaks at once
echo        the same, with one that gives back what it hears
pjsip-perf  upstream's performance tool on the same build of PJSIP: no media
asterisk    Asterisk 22 that plays a file to each that calls
sipp        SIPp as it answers: no media, the generator's control

The last three are children of this process, which does nothing else.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sipagent import log
from sipagent.call import Call
from sipagent.config import Config
from sipagent.switch import Switch
from tests.bench.pacing_systems import speech
from tests.bench.peers.asterisk import Asterisk
from tests.bench.peers.pjsip_perf import USER, PjsipPerf
from tests.bench.systems import LOOPBACK, input_ends, run, say
from tests.interop import ports
from tests.interop.sipp import Echo

RTP_PORTS = 3000
REST_S = 0.5  # of an ended call's ports: with the default of 5 s they run out long before the core does, and calls get 503
MAX_CALLS = 2000
SPEECH_S = 2.0


class Greeter:
    """The agent: what it says is ready when the call comes."""

    name = "greeter"

    def __init__(self) -> None:
        self._greeting = speech(SPEECH_S)

    async def on_call(self, call: Call) -> None:
        call.leg.write(self._greeting)
        await call.ended.wait()


@asynccontextmanager
async def greeting(rtp_ports: int, echo: bool = False, **protection: Any) -> AsyncIterator[tuple[Switch, int]]:
    """The whole switch, up, with a Greeter, or the echo agent; and its SIP port."""
    port, rtp = ports.one(), ports.block(rtp_ports)
    cfg = Config.model_validate(
        {
            "sip": {"listen": [{"host": LOOPBACK, "port": port}], "max_calls": MAX_CALLS},
            "media": {"ports": (rtp, rtp + rtp_ports - 1), "port_rest_s": REST_S, "rate": 8000},
            "dialogue": {"agent": "echo"},
            "api": {"port": ports.one()},
            "protection": protection,
            "log": {"level": "error"},
        }
    )
    log.setup(cfg.log)
    whole = Switch(cfg) if echo else Switch(cfg, lambda _: Greeter())
    await whole.start()
    try:
        yield whole, port
    finally:
        await whole.stop()
        whole.worker.close()


async def switch(echo: bool) -> dict[str, Any]:
    async with greeting(RTP_PORTS, echo) as (_, port):
        say(f"sip echo {port}")
        await input_ends()
    return {}


async def peer(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        running: PjsipPerf | Asterisk | Echo
        if name == "pjsip-perf":
            running = PjsipPerf(room)
            place = f"{USER} {running.sip_port}"
        elif name == "asterisk":
            running = Asterisk(room, speech=speech(SPEECH_S))
            running.start()
            place = f"play {running.sip_port}"
        else:
            running = Echo(room, 0, "PCMU/8000")
            place = f"echo {running.port}"
        try:
            say(f"sip {place}")
            await input_ends()
        finally:
            running.stop()
    return {}


async def main() -> dict[str, Any]:
    return await (switch(sys.argv[1] == "echo") if sys.argv[1] in ("switch", "echo") else peer(sys.argv[1]))


if __name__ == "__main__":
    run(main)
