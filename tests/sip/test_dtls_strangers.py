# SPDX-License-Identifier: GPL-3.0-or-later
"""Others who speak DTLS to the port of a call: they take nothing, keep nobody out and cost next to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from pathlib import Path

from tests.sip.dtls_calls import WAIT_S, call_of, cfg, dtls_peer, talk
from tests.sip.dtls_peer import Certificate, Handshake
from tests.sip.rig import Rig, user_agent


class Stranger:
    """Somebody else's handshake, as a client, from an address of its own."""

    def __init__(self, certificate: Certificate, profiles: str, to: int) -> None:
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.wire.bind(("127.0.0.1", 0))
        self.wire.connect(("127.0.0.1", to))
        self.wire.setblocking(False)
        self.handshake = Handshake(certificate, True, profiles)

    def step(self) -> bool:
        """True: it has got to its end."""
        self.handshake.feed()
        self.handshake.again()
        while data := self.handshake.out():
            self.wire.send(data)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.handshake.feed(self.wire.recv(4096))
        return self.handshake.done

    def close(self) -> None:
        self.wire.close()
        self.handshake.close()


async def test_a_stranger_who_is_first_takes_nothing(certificate: Certificate) -> None:
    """Refused by the fingerprint of its certificate; the peer is heard."""
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, setup="active", lose=1_000_000)
        async with call_of(rig, peer) as (call, heard):
            assert peer.answer is not None
            other = Certificate.make(certificate.path.with_name("stranger.pem"))
            stranger = Stranger(other, peer.profiles, peer.answer.port)
            await asyncio.wait_for(rig.until(stranger.step), WAIT_S)
            assert not call.media_ready.is_set()
            peer.lose = 0
            await talk(rig, peer, call, heard)
        stranger.close()


async def test_strangers_who_say_hello_all_the_time_do_not_keep_out_a_peer_behind_nat(certificate: Certificate) -> None:
    """They are first, and never silent; the peer comes from elsewhere than its SDP says."""
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, setup="active", lose=1_000_000)
        offer = re.sub(r"m=audio \d+", "m=audio 9", peer.dtls_offer())
        invited = asyncio.create_task(peer.invite(offer))
        call = await rig.taken()
        heard = bytearray()
        call.leg.on_audio = lambda pcm, arrival_us, index, lost: b"" if lost else heard.extend(pcm)
        await call.control.answer()
        assert await invited == 200
        assert peer.answer is not None
        strangers = [Stranger(certificate, peer.profiles, peer.answer.port) for _ in range(3)]
        for stranger in strangers:
            stranger.handshake.feed()
        hellos = [stranger.handshake.out() for stranger in strangers]

        async def disturb() -> None:
            while True:
                for stranger, hello in zip(strangers, hellos, strict=True):
                    stranger.wire.send(hello)
                await asyncio.sleep(0.05)

        disturbing = asyncio.create_task(disturb())
        await asyncio.sleep(0.3)
        peer.lose = 0
        await talk(rig, peer, call, heard)
        disturbing.cancel()
        await call.hangup()
        await rig.over(call)
        for stranger in strangers:
            stranger.close()
        peer.close()


def waits(rig: Rig) -> int:
    """How often the sip thread has gone to sleep."""
    thread = rig.ua._thread._thread
    assert thread is not None
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    return int(status.partition("voluntary_ctxt_switches:")[2].split()[0])


async def woken(rig: Rig, wire: socket.socket, port: int, most: int) -> int:
    """How often, by at most so many packets that look like a handshake's; 100 are enough."""
    before = waits(rig)
    for _ in range(most):
        wire.sendto(bytes([23, 254, 253]) + bytes(40), ("127.0.0.1", port))
        await asyncio.sleep(0.002)
        if waits(rig) >= before + 100:
            break
    return waits(rig) - before


async def test_strangers_do_not_wake_signalling_after_the_handshake(certificate: Certificate) -> None:
    """With packets that look like a handshake's. Those of the peer do: its last flight may come again."""
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate)
        async with call_of(rig, peer) as (call, heard):
            await talk(rig, peer, call, heard)
            assert peer.answer is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                assert await woken(rig, stranger, peer.answer.port, 200) < 50
            assert await woken(rig, peer.rtp, peer.answer.port, 2000) >= 100
