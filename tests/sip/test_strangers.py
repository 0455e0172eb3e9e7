# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever is not the peer: nothing of his is heard, nothing is sent to him, on the RTCP port
neither; and the counters know him."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

import mediacore
from sipagent.call import Call
from tests.media.rtcp import receiver_report
from tests.sip.rig import config, user_agent
from tests.sip.test_rtcp import Ends, called, ends
from tests.sip.test_seam_latch import LOUD, rtp
from tests.sip.wire import Peer, sdp

__all__ = ["ends"]  # a fixture

PCMU = {"codecs": ["PCMU/8000"]}
QUIET = b"\xff" * 160
REPORTS_S = 3.2  # the first report comes within 2.5 s * 1.5 / 1.218 (RFC 3550 section 6.3.1)


class Stranger(asyncio.DatagramProtocol):
    """On the peer's own host; remembers what was sent to him."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    @classmethod
    async def open(cls, host: str = "127.0.0.1") -> Stranger:
        loop = asyncio.get_running_loop()
        _, stranger = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        return stranger

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.append(data)


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    stranger = await Stranger.open()
    yield stranger
    stranger.wire.close()


def listen(call: Call) -> bytearray:
    heard = bytearray()
    call.leg.on_audio = lambda pcm, arrival_us, index, lost: heard.extend(pcm)
    return heard


async def test_after_lock(peer: Peer, ends: Ends, stranger: Stranger, tmp_path: Path) -> None:
    """From another port of the peer's host: RTP, RTP with a type that nobody agreed on, RTCP on both ports."""
    async with user_agent(config(media=PCMU)) as rig:
        _, call, answer = await called(rig, peer, sdp(port=ends.rtp.port))
        heard = listen(call)
        to = ("127.0.0.1", int(answer.body.split("m=audio ")[1].split(" ")[0]))
        recorder = mediacore.Recorder()
        recording = mediacore.Recording(recorder, cast(mediacore.Leg, call.leg), tmp_path / "call.wav")
        for seq in range(10):
            ends.rtp.wire.sendto(rtp(seq, 7, QUIET), to)
        await rig.until(lambda: call.leg.stats()["rx_packets"] == 10)
        before = call.leg.stats()
        for seq in range(20):
            stranger.wire.sendto(rtp(seq, 0xDEADBEEF, LOUD), to)
        stranger.wire.sendto(b"\x80\x63" + rtp(20, 0xDEADBEEF, LOUD)[2:], to)
        stranger.wire.sendto(receiver_report(0xDEADBEEF), to)
        stranger.wire.sendto(receiver_report(0xDEADBEEF), (to[0], to[1] + 1))
        for seq in range(10, 40):
            ends.rtp.wire.sendto(rtp(seq, 7, QUIET), to)
        await rig.until(lambda: call.leg.stats()["rx_packets"] == 40)
        await asyncio.wait_for(
            ends.above.rtcp.get(), REPORTS_S
        )  # the report that a stranger on the RTCP port would like to have
        await rig.until(lambda: recording.stats()["samples"] >= call.leg.rate)
        recorder.close()
        with wave.open(str(tmp_path / "call.wav")) as wav:
            recorded = wav.readframes(wav.getnframes())
        after = call.leg.stats()
        assert (
            after["rx_strangers"] - before["rx_strangers"] == 22
        )  # the report on the RTCP port was refused for its source's SSRC
        assert (after["rx_candidates"], after["rx_moves"]) == (0, 0)
        assert stranger.got == []
        assert len(heard) > 0
        assert not any(heard)
        assert not any(recorded[0::4])  # left, the caller: low bytes
        assert not any(recorded[1::4])
        await call.hangup()
        await rig.over(call)


async def test_rtcp_keeps_to_one_address(peer: Peer, ends: Ends, stranger: Stranger) -> None:
    """Reports from the port that the peer really sends them from are believed, and from no other port after that."""
    async with user_agent(config(media=PCMU)) as rig:
        _, call, answer = await called(rig, peer, sdp(port=ends.rtp.port))
        rtcp_port = int(answer.body.split("m=audio ")[1].split(" ")[0]) + 1
        ends.other.wire.sendto(receiver_report(7), ("127.0.0.1", rtcp_port))
        await rig.until(lambda: call.leg.stats()["rtcp_received"] == 1)
        stranger.wire.sendto(receiver_report(7), ("127.0.0.1", rtcp_port))
        await rig.until(lambda: call.leg.stats()["rx_strangers"] == 1)
        await asyncio.wait_for(ends.other.rtcp.get(), REPORTS_S)
        assert (call.leg.stats()["rtcp_received"], stranger.got) == (1, [])
        await call.hangup()
        await rig.over(call)


async def test_garbage_shows_rtcp_no_way(peer: Peer, ends: Ends, stranger: Stranger) -> None:
    async with user_agent(config(media=PCMU)) as rig:
        _, call, answer = await called(rig, peer, sdp(port=ends.rtp.port))
        rtcp_port = int(answer.body.split("m=audio ")[1].split(" ")[0]) + 1
        stranger.wire.sendto(b"\x80\xc9\x00\x09garbage.", ("127.0.0.1", rtcp_port))
        await rig.until(lambda: call.leg.stats()["rtcp_malformed"] == 1)
        await asyncio.wait_for(ends.above.rtcp.get(), REPORTS_S)
        assert stranger.got == []
        await call.hangup()
        await rig.over(call)


async def test_srtp_authenticates_then_learns(stranger: Stranger) -> None:
    """Plain RTP and RTCP to every port of two secured calls: no way is changed by it, and no packet goes to the stranger."""
    first = 62010
    media = {**PCMU, "ports": (first, first + 3)}
    async with user_agent(config(sip={"srtp": "required"}, media=media)) as rig:
        calls = await rig.pair()
        heard = [listen(call) for call in calls]
        await rig.until(lambda: all(call.leg.stats()["rx_packets"] > 5 for call in calls))
        for seq in range(30):
            for port in range(first, first + 4):
                stranger.wire.sendto(rtp(seq, 0xDEADBEEF, LOUD), ("127.0.0.1", port))
                stranger.wire.sendto(receiver_report(0xDEADBEEF) + bytes(14), ("127.0.0.1", port))
        for call in calls:
            await asyncio.wait_for(rig.until(lambda call=call: call.leg.stats()["rtcp_received"] > 0), REPORTS_S)
            stats = call.leg.stats()
            assert (stats["rx_moves"], stats["rx_lost"], stats["rtcp_malformed"]) == (0, 0, 0)
        assert stranger.got == []
        assert all(pcm and not any(pcm) for pcm in heard)
        await calls[0].hangup()
        await rig.over(*calls)
