# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls whose keys come from a DTLS handshake with a peer that is written by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sipagent.call import Call
from tests.sip.dtls_peer import Certificate, DtlsPeer
from tests.sip.rig import Rig, config

WAIT_S = 15.0
PORTS = (51000, 51899)  # nobody else's packets: here each one that was not sealed for us counts


def cfg(srtp: str = "required", keying: str = "any", **sip: object) -> object:
    sip = {"srtp": srtp, "srtp_keying": keying, **sip}
    return config(sip=sip, media={"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000, "ports": PORTS})


@asynccontextmanager
async def call_of(rig: Rig, peer: DtlsPeer) -> AsyncIterator[tuple[Call, bytearray]]:
    """The peer's call, answered; hung up afterwards."""
    invited = asyncio.create_task(peer.invite(peer.dtls_offer()))
    call = await rig.taken()
    heard = bytearray()
    call.leg.on_audio = lambda pcm, arrival_us, index, lost: b"" if lost else heard.extend(pcm)
    await call.control.answer()
    assert await invited == 200
    yield call, heard
    await call.hangup()
    await rig.over(call)
    peer.close()


async def dtls_peer(rig: Rig, certificate: Certificate, **more: object) -> DtlsPeer:
    peer = await DtlsPeer.open(rig.port)
    assert isinstance(peer, DtlsPeer)
    peer.certificate = certificate
    for name, value in more.items():
        setattr(peer, name, value)
    return peer


async def talk(rig: Rig, peer: DtlsPeer, call: Call, heard: bytearray) -> None:
    """Both sides hear the other."""
    await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
    await asyncio.wait_for(rig.until(lambda: peer.line is not None), WAIT_S)
    before, n = len(heard), len(peer.opened)
    await peer.speak(10)
    call.leg.write(b"\x10\x20" * 1600)
    await asyncio.wait_for(rig.until(lambda: len(heard) >= before + 5 * 320 and len(peer.opened) >= n + 5), WAIT_S)
    assert all(peer.opened[n:])
