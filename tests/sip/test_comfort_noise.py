# SPDX-License-Identifier: GPL-3.0-or-later
"""Comfort noise (RFC 3389) and Opus DTX in offers and answers: only when asked for by the configuration, and only with both."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.sip.rig import config, tone, user_agent
from tests.sip.wire import Dialog, Peer, sdp

REST = {"suppress_silence": True}


def formats(body: str) -> list[str]:
    found = re.search(r"^m=audio \d+ \S+ (.*)$", body, re.MULTILINE)
    assert found is not None
    return found[1].split()


@pytest.mark.parametrize("rest", [False, True])
async def test_offer(peer: Peer, rest: bool) -> None:
    async with user_agent(config(media={"codecs": ["opus/48000", "PCMU/8000"], "suppress_silence": rest})) as rig:
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        assert ("13" in formats(invite.body)) is rest
        assert ("a=rtpmap:13 CN/8000" in invite.body) is rest
        assert ("usedtx=1" in invite.body) is rest
        assert formats(invite.body)[:2] == ["96", "0"]
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)


@pytest.mark.parametrize(
    ("media", "lines", "rest", "sent", "heard"),
    [
        ("RTP/AVP 0 13 101", "", True, 13, 13),
        ("RTP/AVP 13 0 101", "", True, 13, 13),  # listed first it is still no codec
        ("RTP/AVP 9 13 101", "", True, 13, 13),  # G.722's clock is 8000 too
        ("RTP/AVP 0 101", "", True, 0, 13),  # heard all the same: some send it unasked
        ("RTP/AVP 0 13 101", "", False, 0, 13),
        ("RTP/AVP 97 13 101", "a=rtpmap:97 L16/16000\r\n", True, 0, 0),  # another clock
    ],
)
async def test_answer(peer: Peer, media: str, lines: str, rest: bool, sent: int, heard: int) -> None:
    codecs = ["PCMU/8000", "G722/8000", "L16/16000"]
    async with user_agent(config(media={"codecs": codecs, "suppress_silence": rest})) as rig:
        dialog = Dialog(peer, rig.port)
        dialog.invite(sdp(media, lines))
        call = await rig.taken()
        await call.control.answer()
        answer = await dialog.final()
        assert answer.status == 200
        await asyncio.wait_for(call.media_ready.wait(), 5)
        params = call.leg.params
        assert params is not None
        assert (params["cn_tx_pt"], params["cn_rx_pt"]) == (sent, heard)
        assert formats(answer.body)[1:].count("13") == (sent != 0), answer.body
        dialog.within("BYE")
        await rig.over(call)


@pytest.mark.parametrize("codec", ["PCMU/8000", "G722/8000", "opus/48000"])
async def test_two_of_us_rest(codec: str) -> None:
    async with user_agent(config(media={"codecs": [codec], **REST})) as rig:
        out, incoming = await rig.pair()
        out.leg.write(tone(440, 0.3, out.leg.rate))
        await rig.until(lambda: incoming.leg.stats()["rx_packets"] >= 15)
        noise = codec != "opus/48000"
        for call in (out, incoming):
            params = call.leg.params
            assert params is not None
            assert (params["cn_tx_pt"], params["cn_rx_pt"]) == ((13, 13) if noise else (0, 0))
            assert ("usedtx=1" in params["fmtp"]) is not noise
        if noise:
            await rig.until(lambda: out.leg.stats()["tx_cn"] > 2 and incoming.leg.stats()["rx_cn"] > 2)
        assert incoming.leg.stats()["rx_ignored"] == 0
        await out.hangup()
        await rig.over(out, incoming)
