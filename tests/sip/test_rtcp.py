# SPDX-License-Identifier: GPL-3.0-or-later
"""RTCP of real calls: where it goes, that it is protected like the RTP, and the BYE at the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from sipagent.call import Call
from tests.media.rtcp import BYE, SDES, SR, Compound, receiver_report
from tests.media.rtcp import bye as rtcp_bye
from tests.media.rtp import Rtp
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Dialog, Message, Peer, sdp

MEDIA = {"codecs": ["PCMU/8000"]}
MUX = "a=rtcp-mux\r\n"
WAIT_S = 10.0


class Socket(asyncio.DatagramProtocol):
    """RTP and RTCP that came to one port, sorted by RFC 5761 section 4."""

    def __init__(self) -> None:
        self.rtp: asyncio.Queue[Rtp] = asyncio.Queue()
        self.rtcp: asyncio.Queue[Compound] = asyncio.Queue()

    @classmethod
    async def open(cls, port: int) -> Socket:
        loop = asyncio.get_running_loop()
        wire, protocol = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", port))
        protocol.wire, protocol.port = wire, port
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        self.port = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if 192 <= data[1] <= 223:
            self.rtcp.put_nowait(Compound.unpack(data))
        else:
            self.rtp.put_nowait(Rtp.unpack(data))

    async def last_report(self) -> Compound:
        return await asyncio.wait_for(self.rtcp.get(), WAIT_S)


class Ends:
    """The peer's RTP port, the one above it, and one far off."""

    def __init__(self, rtp: Socket, above: Socket, other: Socket) -> None:
        self.rtp, self.above, self.other = rtp, above, other

    def close(self) -> None:
        for sock in (self.rtp, self.above, self.other):
            sock.wire.close()

    def heard_rtcp(self) -> list[str]:
        return [name for name, sock in vars(self).items() if not sock.rtcp.empty()]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    for port in range(39000, 39900, 10):
        with contextlib.suppress(OSError):
            made = Ends(await Socket.open(port), await Socket.open(port + 1), await Socket.open(port + 5))
            break
    yield made
    made.close()


async def called(rig: Rig, peer: Peer, offer: str) -> tuple[Dialog, Call, Message]:
    dialog = Dialog(peer, rig.port)
    dialog.invite(offer)
    call = await rig.taken()
    await call.control.answer()
    answer = await dialog.final()
    await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
    return dialog, call, answer


@pytest.mark.parametrize(
    ("lines", "where"),
    [("", "above"), (MUX, "rtp"), ("a=rtcp:{other}\r\n", "other"), ("a=rtcp:{rtp}\r\n" + MUX, "rtp")],
    ids=["port above", "mux", "rtcp attribute", "both"],
)
async def test_an_offer_says_where(rig: Rig, peer: Peer, ends: Ends, lines: str, where: str) -> None:
    """RFC 3550 section 11, RFC 3605, RFC 5761 section 5.1.1. The peer hangs up; the last report still goes there."""
    offer = sdp(lines=lines.format(other=ends.other.port, rtp=ends.rtp.port), port=ends.rtp.port)
    dialog, call, answer = await called(rig, peer, offer)
    assert ("a=rtcp-mux" in answer.body) is ("a=rtcp-mux" in lines)
    rtp = await asyncio.wait_for(ends.rtp.rtp.get(), WAIT_S)
    dialog.within("BYE")
    sock: Socket = getattr(ends, where)
    report = await sock.last_report()
    assert (report.types, report.ssrc, report.bye) == ([SR, SDES, BYE], rtp.ssrc, True)
    assert report.n_packets > 0
    await rig.over(call)
    assert ends.heard_rtcp() == []


@pytest.mark.parametrize(("lines", "where"), [("", "above"), (MUX, "rtp")], ids=["refused", "taken"])
async def test_we_offer_to_share_the_port(rig: Rig, peer: Peer, ends: Ends, lines: str, where: str) -> None:
    call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
    invite = await peer.request("INVITE")
    assert MUX in invite.body
    peer.respond(invite, "200 OK", rig.port, body=sdp(lines=lines, port=ends.rtp.port))
    await peer.request("ACK")
    await asyncio.wait_for(ends.rtp.rtp.get(), WAIT_S)
    await call.hangup()
    assert (await getattr(ends, where).last_report()).bye
    await rig.over(call)
    assert ends.heard_rtcp() == []


async def test_no_bye_in_mid_call(rig: Rig, peer: Peer, ends: Ends) -> None:
    """A re-INVITE that moves the media takes no leave: the stream goes on."""
    dialog, call, _ = await called(rig, peer, sdp(lines=MUX, port=ends.rtp.port))
    first = await asyncio.wait_for(ends.rtp.rtp.get(), WAIT_S)
    moved = sdp(lines="a=rtcp:" + str(ends.other.port + 1) + "\r\n", port=ends.other.port).replace("tester 1 1", "tester 1 2")
    dialog.branch = dialog.branch + "2"
    dialog.peer.send(dialog.text("INVITE", body=moved).replace("CSeq: 1 ", "CSeq: 2 "), dialog.port)
    assert (await peer.response("INVITE")).status == 200
    dialog.peer.send(dialog.text("ACK", branch=dialog.branch + "ack").replace("CSeq: 1 ", "CSeq: 2 "), dialog.port)
    second = await asyncio.wait_for(ends.other.rtp.get(), WAIT_S)
    assert second.ssrc == first.ssrc
    assert ends.heard_rtcp() == []
    await call.hangup()
    await rig.over(call)


async def test_reports_of_the_peer_are_taken_and_strangers_are_not(rig: Rig, peer: Peer, ends: Ends) -> None:
    _, call, answer = await called(rig, peer, sdp(lines=MUX, port=ends.rtp.port))
    await asyncio.wait_for(ends.rtp.rtp.get(), WAIT_S)
    to_us = ("127.0.0.1", int(answer.body.split("m=audio ")[1].split(" ")[0]))
    ends.rtp.wire.sendto(receiver_report(7), to_us)
    await rig.until(lambda: call.leg.stats()["rtcp_received"] == 1)
    loop = asyncio.get_running_loop()
    stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.9", 0))
    for port in (0, 1):  # RTP and RTCP
        stranger.sendto(rtcp_bye(7), (to_us[0], to_us[1] + port))
    ends.rtp.wire.sendto(receiver_report(7), to_us)
    await rig.until(lambda: call.leg.stats()["rtcp_received"] == 2)
    assert call.leg.stats()["rtcp_bye"] is False
    stranger.close()
    await call.hangup()
    await rig.over(call)


@pytest.mark.parametrize("policy", ["off", "required"])
async def test_reports_cross_with_and_without_srtp(policy: str) -> None:
    """Both ends are ours. The first report comes within 3 s (RFC 3550 section 6.2: half an interval, by chance)."""
    async with user_agent(config(sip={"srtp": policy}, media=MEDIA)) as rig:
        calls = await rig.pair()
        for call in calls:
            await asyncio.wait_for(rig.until(lambda call=call: call.leg.stats()["rtcp_received"] > 0), WAIT_S)
            stats = call.leg.stats()
            assert stats["secure"] is (policy == "required")
            assert (stats["rtcp_malformed"], stats["rtcp_errors"], stats["remote_lost"]) == (0, 0, 0)
        await calls[0].hangup()
        await rig.over(*calls)
