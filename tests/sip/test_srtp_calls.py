# SPDX-License-Identifier: GPL-3.0-or-later
"""Real calls with SRTP, seen from the wire: what may be heard, what may be sent, with which keys."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from sipagent.call import Call
from tests.sip.rig import Rig, config, user_agent
from tests.sip.srtp_lines import CM, GCM, SUITES, rtp
from tests.sip.srtp_peer import TONE, SecurePeer, inline

SPEECH = b"\x11" * 160
LOUD = b"\x00" * 160  # full scale in mu-law
BATCH = 48  # so many hostile packets at once, about 10,000 a second: a socket holds 78
N_BAD = BATCH * round(float(os.environ.get("SIPAGENT_FLOOD_S", "2")) * 10_000 / BATCH)  # the long run: 30


@asynccontextmanager
async def call_of(rig: Rig, peer: SecurePeer, offer: str) -> AsyncIterator[tuple[Call, bytearray]]:
    """The peer's call, answered, and what is heard of it; hung up afterwards."""
    invited = asyncio.create_task(peer.invite(offer))
    call = await rig.taken()
    heard = bytearray()
    call.leg.on_audio = lambda pcm, arrival_us, index, lost: b"" if lost else heard.extend(pcm)
    await call.control.answer()
    assert await invited == 200
    await asyncio.wait_for(call.media_ready.wait(), 5)
    yield call, heard
    await call.hangup()
    await rig.over(call)
    peer.close()


def cfg(srtp: str = "required", **sip: object) -> object:
    return config(sip={"srtp": srtp, **sip}, media={"codecs": ["PCMU/8000", "PCMA/8000"], "rate": 8000})


async def said(call: Call, packets: int) -> None:
    call.leg.write(secrets.token_bytes(320 * packets))
    await asyncio.sleep(0.02 * packets + 0.05)


def all_sealed(peer: SecurePeer) -> bool:
    """Every packet that came from the switch was sealed with the keys of its time."""
    return bool(peer.opened) and all(peer.opened) and len(peer.opened) == len(peer.received)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("mux", [False, True], ids=["", "mux"])
async def test_suites(suite: str, mux: bool) -> None:
    async with user_agent(cfg()) as rig:
        peer = await SecurePeer.open(rig.port)
        async with call_of(rig, peer, peer.offer("a=rtcp-mux\r\n" if mux else "", suite=suite)) as (call, heard):
            assert peer.answer is not None
            assert peer.answer.suite == suite
            assert ("a=rtcp-mux" in peer.answer.body) is mux
            await peer.speak(20)
            await rig.until(lambda: len(heard) >= 20 * 320)
            await said(call, 10)
            stats = call.leg.stats()
            assert (stats["rx_packets"], stats["rx_forged"], stats["rx_replayed"]) == (20, 0, 0)
        assert all_sealed(peer)
        kinds = [packet[1] for packet in peer.opened]
        assert kinds.count(0) + kinds.count(0x80) > 10
        assert any(200 <= kind <= 207 for kind in kinds) is mux  # the BYE's report


async def test_bad_packets_at_a_high_rate_and_replays_harm_nothing() -> None:
    """Forged, replayed and plain packets from the peer's own address while it speaks: its own are heard, and nothing else."""
    async with user_agent(cfg()) as rig:
        peer = await SecurePeer.open(rig.port)
        async with call_of(rig, peer, peer.offer()) as (call, heard):
            await peer.speak(5)
            old = [peer.packet(TONE) for _ in range(5)]
            for packet in old:
                peer.send(packet)
            forged = [rtp(peer.seq + 1, LOUD, peer.ssrc), rtp(peer.seq + 1, LOUD + bytes(10), peer.ssrc)]

            def refused() -> int:
                stats = call.leg.stats()
                return stats["rx_forged"] + stats["rx_replayed"]

            began, n_good = time.monotonic(), 10
            for sent in range(0, N_BAD, BATCH):
                if (time.monotonic() - began) / 0.02 > n_good - 10:
                    peer.send(peer.packet(TONE))
                    n_good += 1
                for bad in range(sent, sent + BATCH):
                    peer.send((old[bad % 5], *forged, rtp(bad, LOUD + bytes(10), bad))[bad % 4])
                await rig.until(lambda n=sent + BATCH: refused() >= n)  # type: ignore[misc]  # no more under way than a socket holds
            await rig.until(lambda: len(heard) >= n_good * 320)
            stats = call.leg.stats()
            assert (stats["rx_packets"], refused()) == (n_good, N_BAD)
            assert bytes(heard) == bytes(heard[:320]) * n_good  # the same sound again and again: nothing loud, nothing missing
            await said(call, 5)
        assert all_sealed(peer)


async def test_hold_resume_new_keys_and_another_codec() -> None:
    """Over re-INVITEs with the same keys, with new ones, on hold and back: sound goes on, nothing is heard twice, and no key
    stream is used twice."""
    async with user_agent(cfg()) as rig:
        peer = await SecurePeer.open(rig.port)
        async with call_of(rig, peer, peer.offer()) as (call, heard):
            replayable: list[bytes] = []
            offers = [
                lambda: peer.offer("a=sendonly\r\n"),
                lambda: peer.offer("a=inactive\r\n"),
                lambda: peer.offer("a=sendrecv\r\n"),
                lambda: peer.offer(suite=CM),
                lambda: peer.offer(media="RTP/SAVP 8"),
                lambda: peer.offer(suite=GCM),
                lambda: peer.offer(suite=CM, media="RTP/SAVP 0"),
            ]
            for n, offer in enumerate(offers):
                before = len(heard)
                if n != 2:  # on hold nobody listens: what is sent then comes for the first time afterwards
                    await peer.speak(3)
                    replayable += peer.sent[-3:]
                    await rig.until(lambda: len(heard) >= before + 3 * 320)  # noqa: B023
                await said(call, 5)
                assert await peer.invite(offer()) == 200, n
                before = len(heard)
                for packet in replayable:
                    peer.send(packet)
                await asyncio.sleep(0.05)
                assert len(heard) == before, f"a replay was heard after re-INVITE {n}"
            await peer.speak(5)
            await rig.until(lambda: len(heard) > before)
            await said(call, 5)
        packets = [packet for packet in peer.received if packet[1] & 0x7F in (0, 8)]
        assert len(packets) > 30
        assert len({packet[8:12] for packet in packets}) == 1, "one SSRC: else indices prove nothing"
        used = [(packet[2:4], packet[12:]) for packet in packets]
        assert len({seq for seq, _ in used}) == len(used), "a sequence number was sealed twice"


@pytest.mark.parametrize("fresh", [False, True], ids=["the key stays", "a new key"])
async def test_the_sequence_number_comes_round_during_hold(fresh: bool) -> None:
    """RFC 3711 section 3.3.1: the peer's rollover counter goes on with its key, and begins anew with another."""
    async with user_agent(cfg()) as rig:
        peer = await SecurePeer.open(rig.port)
        peer.seq = 0xFFFF - 60
        async with call_of(rig, peer, peer.offer()) as (call, heard):
            await peer.speak(20)
            await rig.until(lambda: len(heard) >= 15 * 320)
            for lines in ("a=sendonly\r\n", "a=inactive\r\n"):
                assert await peer.invite(peer.offer(lines)) == 200
            peer.seq += 100  # a clock that goes on while nothing is sent
            assert await peer.invite(peer.offer("a=sendrecv\r\n", suite=CM if fresh else None)) == 200
            before = len(heard)
            await peer.speak(20)
            await rig.until(lambda: len(heard) >= before + 15 * 320)
            await said(call, 5)
            stats = call.leg.stats()
            assert (stats["rx_forged"], stats["rx_replayed"]) == (0, 0)
        assert peer.opened
        assert all(peer.opened)


async def test_another_source_in_mid_call() -> None:
    async with user_agent(cfg()) as rig:
        peer = await SecurePeer.open(rig.port)
        async with call_of(rig, peer, peer.offer()) as (call, heard):
            for n in range(3):
                before = len(heard)
                peer.ssrc, peer.seq = 0x1000 + n, 0xFFF0
                await peer.speak(25)  # round the corner each time
                await rig.until(lambda before=before: len(heard) >= before + 18 * 320)  # type: ignore[misc]
            assert call.leg.stats()["rx_forged"] == 0


async def test_our_key_changes_when_the_peers_does() -> None:
    """And only then; also more often than keys are remembered."""
    async with user_agent(cfg()) as rig:
        peer = await SecurePeer.open(rig.port)
        async with call_of(rig, peer, peer.offer()) as (call, heard):
            assert peer.answer is not None
            seen = [peer.answer.key]
            for n in range(24):
                assert await peer.invite(peer.offer(suite=None if n % 2 else CM)) == 200
                seen.append(peer.answer.key)
            assert [a == b for a, b in pairwise(seen)] == [bool(n % 2) for n in range(24)]
            assert len(set(seen)) == 13
            await asyncio.sleep(0.1)  # what went under the last key but one has come
            peer.received.clear()
            peer.opened.clear()
            await peer.speak(5)
            await said(call, 5)
            await rig.until(lambda: len(heard) >= 3 * 320)
        assert peer.opened
        assert all(peer.opened)


async def test_we_hold_and_resume_with_the_same_key() -> None:
    """Our own re-INVITE offers the suite and the key that are in use; an answer without keys then ends the call."""
    async with user_agent(cfg()) as rig:
        peer = await SecurePeer.open(rig.port)
        async with call_of(rig, peer, peer.offer()) as (call, heard):
            assert peer.answer is not None
            for on in (True, False):
                asked = asyncio.create_task(call.control.hold(on))
                offer = await peer.dialog.peer.request("INVITE")
                found = re.findall(r"a=crypto:(\d+) (\S+) inline:(\S+)\r\n", offer.body)
                assert found == [("1", CM, inline(peer.answer.key))]
                direction = "recvonly" if on else "sendrecv"
                body = peer.offer(f"a={direction}\r\n")
                peer.dialog.peer.respond(offer, "200 OK", rig.port, body=body)
                await asked
            await peer.speak(5)
            await rig.until(lambda: len(heard) >= 3 * 320)
        assert all(peer.opened)


async def test_a_secure_call_does_not_become_plain() -> None:
    async with user_agent(cfg("optional")) as rig:
        peer = await SecurePeer.open(rig.port)
        async with call_of(rig, peer, peer.offer()) as (call, heard):
            await peer.speak(3)
            assert await peer.invite(peer.offer(media="RTP/AVP 0", keys=0)) == 488
            await said(call, 5)
            await peer.speak(3)
            await rig.until(lambda: len(heard) >= 6 * 320)
        assert all_sealed(peer)


@pytest.mark.parametrize(("policy", "status"), [("required", 488), ("optional", 488)])
async def test_keys_only_over_tls(policy: str, status: int) -> None:
    async with user_agent(cfg(policy, sdes_over="tls")) as rig:
        peer = await SecurePeer.open(rig.port)
        assert await peer.invite(peer.offer()) == status
        peer.close()


async def test_plain_calls_where_keys_would_travel_in_the_clear() -> None:
    async with user_agent(cfg("optional", sdes_over="tls")) as rig:
        peer = await SecurePeer.open(rig.port)
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.dialog.peer.port}")
        invite = await peer.dialog.peer.request("INVITE")
        assert "RTP/AVP" in invite.body
        assert "crypto" not in invite.body
        peer.dialog.peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)
        peer.close()


async def test_no_key_is_told(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Neither ours nor the peer's, in no spelling, in logs of any level, in what the leg and the call say of themselves."""
    caplog.set_level(0)
    with capture_logs() as logs:
        async with user_agent(config(sip={"srtp": "required"}, media={"rate": 8000}, log={"level": "debug"})) as rig:
            peer = await SecurePeer.open(rig.port)
            async with call_of(rig, peer, peer.offer()) as (call, _):
                await peer.speak(3)
                peer.send(rtp(1, LOUD))
                told = f"{call.leg.describe()} {call.leg.stats()} {call.to_dict()}"
                assert peer.answer is not None
                keys = [peer.own, peer.answer.key]
                assert await peer.invite(peer.offer(suite=GCM)) == 200
                keys += [peer.own, peer.answer.key]
            stack_log = rig.ua._log.path
    captured = capfd.readouterr()
    text = told + repr(logs) + caplog.text + captured.out + captured.err
    assert "srtp" in told
    for data in keys:
        for spelling in (inline(data), data.hex(), repr(data)[2:-1], inline(data[:16]).rstrip("=")[:20]):
            assert spelling.lower() not in text.lower()
    assert stack_log
