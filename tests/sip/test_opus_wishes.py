# SPDX-License-Identifier: GPL-3.0-or-later
"""What the configuration asks peers' Opus encoders for, RFC 7587 section 6.1: in offers and answers, and obeyed."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.sip.rig import config, tone, user_agent
from tests.sip.wire import Dialog, Peer, sdp

OURS = "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1"
CODECS = ["opus/48000", "PCMU/8000", "G722/8000"]

WISHES = [
    ({}, OURS),
    ({"opus_max_bitrate": 510_000}, OURS),
    ({"opus_max_bitrate": 12000}, f"{OURS};maxaveragebitrate=12000"),
    ({"opus_cbr": True}, f"{OURS};cbr=1"),
    ({"opus_max_bitrate": 64000, "opus_cbr": True, "suppress_silence": True}, f"{OURS};maxaveragebitrate=64000;cbr=1;usedtx=1"),
]


def fmtp(body: str) -> list[str]:
    """Of all codecs; telephone-events' left out."""
    return [line for line in re.findall(r"^a=fmtp:\d+ (.*?)\r?$", body, re.MULTILINE) if not line.startswith("0-")]


@pytest.mark.parametrize(("media", "want"), WISHES)
async def test_offer_and_answer(peer: Peer, media: dict[str, Any], want: str) -> None:
    async with user_agent(config(media={"codecs": CODECS, **media})) as rig:
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        assert fmtp(invite.body) == [want]
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)

        dialog = Dialog(peer, rig.port)
        dialog.invite(sdp("RTP/AVP 97", "a=rtpmap:97 opus/48000/2\r\n"))
        call = await rig.taken()
        await call.control.answer()
        answer = await dialog.final()
        assert fmtp(answer.body) == [want]
        await asyncio.wait_for(call.media_ready.wait(), 5)
        dialog.within("BYE")
        await rig.over(call)


async def test_two_of_us_obey() -> None:
    async with user_agent(config(media={"codecs": ["opus/48000"], "opus_max_bitrate": 12000, "opus_cbr": True})) as rig:
        out, incoming = await rig.pair()
        out.leg.write(tone(440, 0.5, out.leg.rate))
        await rig.until(lambda: incoming.leg.stats()["rx_packets"] >= 25)
        stats = incoming.leg.stats()
        assert stats["rx_bytes"] == stats["rx_packets"] * (12000 // 8 // 50)
        await out.hangup()
        await rig.over(out, incoming)
