# SPDX-License-Identifier: GPL-3.0-or-later
"""Our user agent with Asterisk as its trunk: tests.sip.rig at one of the addresses that Asterisk knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sipagent.call import Call
from sipagent.config import Config
from tests.interop import ports
from tests.interop.asterisk import Asterisk
from tests.interop.asterisk_trunks import PEERS
from tests.sip.rig import WAIT_S, Rig, config, hear, purity, tone, user_agent

RATE = 8000
MEDIA = {"codecs": ["PCMU/8000"], "rate": RATE}
NAME = "provider"
HERTZ = 440.0
LISTEN_S = 1.5


def settings(asterisk: Asterisk, peer: str = "plain", transport: str = "udp", **sections: Any) -> Config:
    """A configuration with the trunk, as the peer of Asterisk's that has this name."""
    [known] = [row for row in PEERS if row.name == peer]
    secret = {"user": known.name, "password": known.password, "realm": "asterisk"} if known.password else {}
    row = {"name": NAME, "hosts": [f"{ports.HOST}:{asterisk.sip_port}"], "transport": transport, "options_s": 0, **secret}
    row.update(sections.pop("trunk", {}))
    listen = [{"transport": transport, "host": known.host, "port": asterisk.trunk_port}]
    sip = {"listen": listen, "trunks": [row], **sections.pop("sip", {})}
    return config(sip=sip, media={**MEDIA, **sections.pop("media", {})}, **sections)


@asynccontextmanager
async def trunk(asterisk: Asterisk, peer: str = "plain", **sections: Any) -> AsyncIterator[Rig]:
    async with user_agent(settings(asterisk, peer, **sections)) as rig:
        await asyncio.wait_for(rig.until(lambda: all(host.target for host in rig.ua.trunks()[0].hosts)), WAIT_S)
        try:
            yield rig
        except Exception as error:
            error.add_note(asterisk.log(25))
            raise


async def calls(rig: Rig, asterisk: Asterisk, number: str, **more: Any) -> Call:
    """A call of ours over the trunk, on its way."""
    call = await rig.ua.invite(f"sip:{number}@{ports.HOST}:{asterisk.sip_port}", NAME, **more)
    rig.legs.append(call.leg)
    return call


async def talks(rig: Rig, asterisk: Asterisk, number: str, **more: Any) -> Call:
    """A call of ours that Asterisk took, with sound."""
    call = await calls(rig, asterisk, number, **more)
    await asyncio.wait_for(call.answered.wait(), WAIT_S)
    await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
    return call


async def called(rig: Rig, asterisk: Asterisk, number: str, context: str) -> Call:
    """Asterisk's call to us, not answered yet."""
    await asyncio.to_thread(asterisk.calls_us, number, context)
    return await rig.taken()


def says(call: Call, hz: float = HERTZ, seconds: float = 30.0) -> None:
    call.leg.write(tone(hz, seconds, call.leg.rate))


async def hears(call: Call, hz: float = HERTZ) -> None:
    """Most of what comes is this tone; a machine that stalls makes gaps, which is why it need not be all."""
    for _ in range(4):  # what was under way before is heard first
        share = purity(await hear(call, LISTEN_S), hz, call.leg.rate)
        if share > 0.7:
            return
    raise AssertionError(f"{share:.2f} of what was heard is {hz} Hz")


async def over(rig: Rig, *calls: Call) -> None:
    for call in calls:
        await call.hangup()
    await rig.over(*calls)
