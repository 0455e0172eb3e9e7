# SPDX-License-Identifier: GPL-3.0-or-later
"""SDES SRTP (RFC 4568): what each policy makes of each offer, and what it offers itself."""

from __future__ import annotations

import pytest

from tests.sip.rig import config, user_agent
from tests.sip.wire import CRYPTO, Dialog, Message, Peer, sdp

PLAIN = sdp()
SECURE = sdp("RTP/SAVP 0 101", CRYPTO)
EITHER = sdp("RTP/AVP 0 101", CRYPTO)
BROKEN = sdp("RTP/SAVP 0 101", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n")
UNKNOWN = sdp("RTP/SAVP 0 101", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n")


async def offered(policy: str, offer: str) -> Message:
    """The final answer to an INVITE with this offer."""
    async with user_agent(config(sip={"srtp": policy}, media={"codecs": ["PCMU/8000"]})) as rig:
        peer = await Peer.open()
        dialog = Dialog(peer, rig.port)
        dialog.invite(offer)
        answer = await peer.response("INVITE", 180)
        if answer.status == 180:
            call = await rig.taken()
            await call.control.answer()
            answer = await dialog.final()
            secure = "RTP/SAVP" in answer.body or "a=crypto" in answer.body
            assert answer.status != 200 or call.leg.stats()["secure"] is secure
            await call.hangup()
            await rig.over(call)
        peer.close()
        return answer


@pytest.mark.parametrize(
    ("policy", "offer", "status", "profile", "keys"),
    [
        ("off", PLAIN, 200, "RTP/AVP", False),
        ("off", SECURE, 488, "", False),
        ("optional", PLAIN, 200, "RTP/AVP", False),
        ("optional", SECURE, 200, "RTP/SAVP", True),
        ("optional", EITHER, 200, "RTP/AVP", True),
        ("optional", BROKEN, 488, "", False),
        ("optional", UNKNOWN, 488, "", False),
        ("required", PLAIN, 488, "", False),
        ("required", SECURE, 200, "RTP/SAVP", True),
        ("required", BROKEN, 488, "", False),
        ("required", UNKNOWN, 488, "", False),
    ],
)
async def test_answers(policy: str, offer: str, status: int, profile: str, keys: bool) -> None:
    answer = await offered(policy, offer)
    assert answer.status == status
    if status == 200:
        assert f"m=audio {profile}"[:7] in answer.body
        assert answer.body.split("m=audio ")[1].split(" ")[1] == profile
        assert ("a=crypto:" in answer.body) is keys


@pytest.mark.parametrize(
    ("policy", "profile", "keys"), [("off", "RTP/AVP", False), ("optional", "RTP/AVP", True), ("required", "RTP/SAVP", True)]
)
async def test_offers(policy: str, profile: str, keys: bool) -> None:
    async with user_agent(config(sip={"srtp": policy})) as rig:
        peer = await Peer.open()
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        assert invite.body.split("m=audio ")[1].split(" ")[1] == profile
        assert ("a=crypto:" in invite.body) is keys
        assert len(invite.body) < 1100  # with the headers it must fit one datagram
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)
        peer.close()


async def test_required_never_falls_back_to_plain_rtp() -> None:
    """The callee answers our RTP/SAVP offer without a key."""
    async with user_agent(config(sip={"srtp": "required"}, media={"codecs": ["PCMU/8000"]})) as rig:
        peer = await Peer.open()
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        peer.respond(await peer.request("INVITE"), "200 OK", rig.port, body=sdp())
        peer.respond(await peer.request("BYE"), "200 OK", rig.port)
        await rig.over(call)
        assert (call.end_code, call.end_reason[:18]) == (488, "session not usable")
        assert not call.media_ready.is_set()
        assert call.leg.stats()["tx_packets"] == 0
        peer.close()
