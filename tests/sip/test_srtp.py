# SPDX-License-Identifier: GPL-3.0-or-later
"""SDES SRTP (RFC 4568): what each policy makes of each offer, and what it offers itself."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from tests.sip.rig import config, user_agent
from tests.sip.srtp_lines import SUITES, key
from tests.sip.srtp_peer import inline
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


def lines(body: str) -> list[tuple[int, str, bytes]]:
    """Tag, suite and key of each a=crypto line, in order; one that is not exactly of RFC 4568 section 9.1's form fails."""
    found = [line for line in body.split("\r\n") if line.startswith("a=crypto:")]
    parsed = [re.fullmatch(r"a=crypto:([1-9]\d?) ([A-Z0-9_]+) inline:([A-Za-z0-9+/]+={0,2})", line) for line in found]
    assert all(parsed), found
    return [(int(row[1]), row[2], b64decode(row[3], validate=True)) for row in parsed if row]


def crypto(*rows: str) -> str:
    return sdp("RTP/SAVP 0 101", "".join(f"a=crypto:{row}\r\n" for row in rows))


def row(tag: int, suite: str, more: str = "") -> str:
    return f"{tag} {suite} inline:{inline(key(suite))}{more}"


async def test_what_an_offer_names() -> None:
    """The first four of the list in its order, a fresh key of the right length for each."""
    seen: set[bytes] = set()
    names = [
        "AES_CM_128_HMAC_SHA1_32",
        "AES_256_CM_HMAC_SHA1_80",
        "AEAD_AES_256_GCM",
        "AES_256_CM_HMAC_SHA1_32",
        "AEAD_AES_128_GCM",
    ]
    for suites in (names, list(reversed(names)), names[:2]):
        async with user_agent(config(sip={"srtp": "required", "srtp_suites": suites})) as rig:
            peer = await Peer.open()
            call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
            invite = await peer.request("INVITE")
            offered = lines(invite.body)
            assert [(tag, suite) for tag, suite, _ in offered] == list(enumerate(suites[:4], 1))
            assert all(len(data) == SUITES[suite][0] for _, suite, data in offered)
            assert len(invite.body) < 1100
            keys = {data for _, _, data in offered}
            assert len(keys) == len(offered)
            assert not keys & seen
            seen |= keys
            peer.respond(invite, "486 Busy Here", rig.port)
            await rig.over(call)
            peer.close()


@pytest.mark.parametrize("suite", SUITES)
async def test_each_suite_is_answered(suite: str) -> None:
    answer = await offered("required", crypto(row(7, suite)))
    assert answer.status == 200
    [(tag, name, data)] = lines(answer.body)
    assert (tag, name, len(data)) == (7, suite, SUITES[suite][0])


CM, CM_256, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80", "AEAD_AES_256_GCM"


@pytest.mark.parametrize(
    ("rows", "tag"),
    [
        ((row(1, CM), row(2, GCM)), 1),  # the offerer's order counts
        ((row(9, GCM), row(4, CM)), 9),
        (("1 F8_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", row(2, CM_256)), 2),
        (("1 AES_CM_128_HMAC_SHA1_80 inline:short", row(2, CM)), 2),
        ((row(1, CM, "|2^20"), row(2, CM)), 1),
        ((row(1, CM, "|2^20|1:4"), row(2, CM)), 2),  # a key identifier in every packet
        ((row(1, CM, ";inline:" + inline(key(CM))), row(2, CM)), 2),
        ((row(1, CM, " WSH=128"), row(2, CM)), 1),
        ((row(1, CM, " -X-NEW=3"), row(2, CM)), 1),
        ((row(1, CM, " UNENCRYPTED_SRTP"), row(2, CM)), 2),
        ((row(1, CM, " UNAUTHENTICATED_SRTP"), row(2, CM)), 2),
        ((row(1, CM, " KDR=5"), row(2, CM)), 2),
        ((row(1, CM, " FEC_ORDER=FEC_SRTP"), row(2, CM)), 2),
        (("1 AES_CM_128_HMAC_SHA1_80 outline:" + inline(key(CM)), row(2, CM)), 2),
        ((row(1, CM).rstrip("="), row(2, CM)), 1),
        ((row(1, GCM).rstrip("="), row(2, CM)), 1),  # padding left out
        (("01 " + row(1, CM)[2:], row(2, CM)), 2),
        ((row(1, CM, " UNENCRYPTED_SRTP"),), 0),
        ((row(1, CM, "|1:4"),), 0),
        ((row(3, CM), row(3, CM)), 0),
        (
            (
                "1",
                "2 ",
                "3 AES_CM_128_HMAC_SHA1_80",
                "4 AES_CM_128_HMAC_SHA1_80 inline:",
                "5 AES_CM_128_HMAC_SHA1_80 inline:||",
            ),
            0,
        ),
        (("1 AES_CM_128_HMAC_SHA1_80 inline:" + "*" * 40,), 0),
        (("1 AES_CM_128_HMAC_SHA1_80 inline:" + inline(key(GCM)),), 0),
    ],
)
async def test_which_line_is_taken(rows: tuple[str, ...], tag: int) -> None:
    """The first that can be served; 0: none, and then the offer gets 488, never plain RTP."""
    answer = await offered("optional", crypto(*rows))
    assert answer.status == (200 if tag else 488)
    assert [found for found, _, _ in lines(answer.body)] == ([tag] if tag else [])


async def test_only_suites_of_the_list_are_taken() -> None:
    async with user_agent(config(sip={"srtp": "optional", "srtp_suites": [GCM]}, media={"codecs": ["PCMU/8000"]})) as rig:
        peer = await Peer.open()
        dialog = Dialog(peer, rig.port)
        dialog.invite(crypto(row(1, CM), row(2, CM_256)))
        assert (await dialog.final()).status == 488
        peer.close()


@pytest.mark.parametrize(
    "answer",
    ["", "a=crypto:9 {suite} inline:{key}", "a=crypto:1 {other} inline:{key}", "a=crypto:1 {suite} inline:short", "{two}"],
    ids=["none", "unknown tag", "another suite", "no key", "two lines"],
)
async def test_an_answer_without_the_right_key_ends_the_call(answer: str) -> None:
    async with user_agent(config(sip={"srtp": "required"}, media={"codecs": ["PCMU/8000"]})) as rig:
        peer = await Peer.open()
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        tag, suite, _ = lines(invite.body)[0]
        assert tag == 1
        good = f"a=crypto:{row(1, suite)}"
        text = answer.format(suite=suite, other=CM, key=inline(key(suite)), two=f"{good}\r\n{good}")
        peer.respond(invite, "200 OK", rig.port, body=sdp("RTP/SAVP 0 101", text + "\r\n" if text else ""))
        peer.respond(await peer.request("BYE"), "200 OK", rig.port)
        await rig.over(call)
        assert (call.end_code, call.end_reason[:18]) == (488, "session not usable")
        assert call.leg.stats()["tx_packets"] == 0
        peer.close()
