# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutated requests by the hundred, with a seed; then everything is as before."""

from __future__ import annotations

import asyncio
import random

import pytest

from sipagent.call import Call, CallState
from tests.sip.rig import config, user_agent
from tests.sip.wire import CRYPTO, Dialog, Peer, sdp

N = 400
SPLICES = [b"%n%s", b"\0", b"9" * 20, b";" * 50, b"\r\n", b",,", b"<" * 9, b"\xff\xfe", b"\r\n\r\n"]


def mutate(message: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut, repeated or put in."""
    m = bytearray(message)
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        at = rng.randrange(len(m))
        match rng.randrange(4):
            case 0:
                m[at] = rng.randrange(256)
            case 1:
                del m[at : at + rng.randrange(1, 30)]
            case 2:
                m[at:at] = m[at : at + rng.randrange(1, 50)]
            case _:
                m[at:at] = rng.choice(SPLICES)
    return bytes(m[:7000])


@pytest.mark.parametrize("seed", range(3))
async def test_mutated_requests(seed: int) -> None:
    rng = random.Random(seed)
    tasks: list[asyncio.Task[None]] = []
    taken: list[Call] = []

    def on_incoming(call: Call) -> None:
        taken.append(call)
        tasks.append(asyncio.create_task(call.control.answer() if rng.random() < 0.5 else call.hangup(486)))

    async with user_agent(config(sip={"max_calls": 50}), on_incoming) as rig:
        peer = await Peer.open()
        for n in range(N):
            dialog = Dialog(peer, rig.port)
            method = "INVITE" if n % 8 else rng.choice(["MESSAGE", "OPTIONS", "SUBSCRIBE", "REGISTER", "BYE", "INFO", "CANCEL"])
            body = sdp(rng.choice(["RTP/AVP 0 101", "RTP/SAVP 0 8 101"]), CRYPTO)
            peer.send(mutate(dialog.text(method, body=body).encode(), rng), rig.port)
            if n % 20 == 0:
                assert await rig.ua.ping(5) < 5
        await rig.ua.ping(5)
        await asyncio.gather(*tasks)
        for call in taken:
            assert call.remote_uri.isprintable()
            await call.hangup()
        await rig.over(*taken)
        assert {call.state for call in taken} == {CallState.ENDED}
        rig.on_incoming, rig.incoming = None, asyncio.Queue()
        out, incoming = await rig.pair()
        await out.hangup()
        await rig.over(out, incoming)
        peer.close()
