# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS-SRTP (RFC 5763, RFC 5764): what is answered and offered, and calls whose keys come from a handshake."""

from __future__ import annotations

import asyncio
import re

import pytest

import mediacore
from tests.sip.dtls_calls import WAIT_S, call_of, cfg, dtls_peer, talk
from tests.sip.dtls_peer import PROFILES, Certificate
from tests.sip.rig import user_agent
from tests.sip.srtp_lines import rtp
from tests.sip.wire import Dialog, Message, Peer, sdp

FINGERPRINT = re.compile(r"a=fingerprint:sha-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}\r\n")
LOUD = b"\x00" * 160


async def offered(offer: str, srtp: str, keying: str) -> Message:
    """The final answer to an INVITE with this offer."""
    async with user_agent(cfg(srtp, keying)) as rig:
        dialog = Dialog(await Peer.open(), rig.port)
        dialog.invite(offer)
        answer = await dialog.peer.response("INVITE", 180)
        if answer.status == 180:
            call = await rig.taken()
            await call.control.answer()
            answer = await dialog.final()
            await call.hangup()
            await rig.over(call)
        dialog.peer.close()
        return answer


GOOD = "sha-256 " + ":".join(["AB"] * 32)
ACTPASS = "a=setup:actpass\r\n"
PRINT = f"a=fingerprint:{GOOD}\r\n"


@pytest.mark.parametrize(
    ("profile", "lines", "srtp", "keying", "setup"),
    [
        ("UDP/TLS/RTP/SAVP", ACTPASS + PRINT, "required", "any", "active"),
        ("UDP/TLS/RTP/SAVPF", ACTPASS + PRINT, "required", "dtls", "active"),
        ("UDP/TLS/RTP/SAVP", "a=setup:active\r\n" + PRINT, "optional", "any", "passive"),
        ("UDP/TLS/RTP/SAVP", "a=setup:passive\r\n" + PRINT, "optional", "any", "active"),
        ("UDP/TLS/RTP/SAVP", PRINT, "optional", "any", "passive"),  # RFC 4145 section 4: active unless said
        ("UDP/TLS/RTP/SAVP", ACTPASS + PRINT.lower(), "required", "any", "active"),
        ("UDP/TLS/RTP/SAVP", f"{ACTPASS}a=fingerprint:sha-1 {':'.join(['AB'] * 20)}\r\n{PRINT}", "required", "any", "active"),
        ("RTP/AVP", ACTPASS + PRINT, "optional", "any", "active"),  # RFC 8643
        ("RTP/AVP", ACTPASS + PRINT, "required", "dtls", ""),
        ("UDP/TLS/RTP/SAVP", "a=setup:holdconn\r\n" + PRINT, "optional", "any", ""),
        ("UDP/TLS/RTP/SAVP", ACTPASS, "optional", "any", ""),
        ("UDP/TLS/RTP/SAVP", f"{ACTPASS}a=fingerprint:sha-1 {':'.join(['AB'] * 20)}\r\n", "optional", "any", ""),
        ("UDP/TLS/RTP/SAVP", f"{ACTPASS}a=fingerprint:{GOOD[:-1]}\r\n", "optional", "any", ""),
        ("UDP/TLS/RTP/SAVP", f"{ACTPASS}a=fingerprint:{GOOD}:AB\r\n", "optional", "any", ""),
        ("UDP/TLS/RTP/SAVP", f"{ACTPASS}a=fingerprint:sha-256 {'XY:' * 31}XY\r\n", "optional", "any", ""),
        ("UDP/TLS/RTP/SAVP", ACTPASS + PRINT, "off", "any", ""),
        ("UDP/TLS/RTP/SAVP", ACTPASS + PRINT, "required", "sdes", ""),
        ("RTP/SAVP", ACTPASS + PRINT, "required", "any", ""),
        ("RTP/AVP", "", "required", "dtls", ""),
        ("TCP/TLS/RTP/SAVP", ACTPASS + PRINT, "optional", "any", ""),
    ],
)
async def test_answers(profile: str, lines: str, srtp: str, keying: str, setup: str) -> None:
    """`setup`: ours in the answer; "" = refused with 488."""
    answer = await offered(sdp(f"{profile} 0", lines), srtp, keying)
    assert answer.status == (200 if setup else 488)
    if setup:
        assert f"m=audio {answer.body.split('m=audio ')[1].split(' ')[0]} {profile} " in answer.body
        assert f"a=setup:{setup}\r\n" in answer.body
        assert len(FINGERPRINT.findall(answer.body)) == 1
        assert "a=crypto" not in answer.body


async def test_keys_in_lines_come_first_and_plain_stays_plain() -> None:
    crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
    answer = await offered(sdp("RTP/AVP 0", crypto + ACTPASS + PRINT), "optional", "any")
    assert "a=crypto:1" in answer.body
    assert "a=fingerprint" not in answer.body
    for lines, keying in (("", "dtls"), (ACTPASS + PRINT, "sdes")):
        answer = await offered(sdp("RTP/AVP 0", lines), "optional", keying)
        assert answer.status == 200
        assert "a=fingerprint" not in answer.body


@pytest.mark.parametrize(("srtp", "profile"), [("required", "UDP/TLS/RTP/SAVP"), ("optional", "RTP/AVP")])
async def test_offers(srtp: str, profile: str) -> None:
    prints = set()
    async with user_agent(cfg(srtp, "dtls")) as rig:
        for _ in range(2):
            peer = await Peer.open()
            call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
            invite = await peer.request("INVITE")
            assert f" {profile} " in invite.body
            assert "a=setup:actpass\r\n" in invite.body
            assert "a=rtcp-mux\r\n" in invite.body
            assert "a=crypto" not in invite.body
            prints |= set(FINGERPRINT.findall(invite.body))
            peer.respond(invite, "486 Busy Here", rig.port)
            await rig.over(call)
            peer.close()
    assert len(prints) == 1  # one certificate for the life of the process


async def test_sdes_only_over_tls_leaves_dtls() -> None:
    async with user_agent(cfg("required", "any", sdes_over="tls")) as rig:
        peer = await Peer.open()
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        assert "UDP/TLS/RTP/SAVP" in invite.body
        assert "a=crypto" not in invite.body
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)
        peer.close()


@pytest.mark.parametrize("setup", ["active", "passive", "actpass"])
@pytest.mark.parametrize("profile", PROFILES)
async def test_keys_from_a_handshake(certificate: Certificate, setup: str, profile: str) -> None:
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, setup=setup, profiles=profile)
        async with call_of(rig, peer) as (call, heard):
            await talk(rig, peer, call, heard)
            assert peer.suite == PROFILES[profile][1]
            stats = call.leg.stats()
            assert stats["secure"] is True
            assert (stats["rx_forged"], stats["rx_replayed"]) == (0, 0)


async def test_nothing_is_heard_or_said_before_there_are_keys(certificate: Certificate) -> None:
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, lose=1_000_000)
        async with call_of(rig, peer) as (call, heard):
            call.leg.write(b"\x10\x20" * 800)
            for seq in range(10):
                peer.send(rtp(seq, LOUD))
            await asyncio.sleep(0.3)
            assert peer.received == []
            assert len(heard) == 0
            assert not call.media_ready.is_set()
            peer.lose = 0
            await talk(rig, peer, call, heard)
            assert LOUD not in b"".join(peer.received)


async def test_a_leg_that_waits_for_keys_stays_until_the_stack_lets_it_go(certificate: Certificate) -> None:
    """Packets come for it meanwhile; whoever had it before may be gone."""
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, lose=1_000_000)
        async with call_of(rig, peer) as (call, _):
            before = mediacore.live()["legs"]
            await rig.ua._thread.run(call.leg.unbind_call)
            call.leg.close()
            for seq in range(10):
                peer.send(rtp(seq, LOUD))
            assert mediacore.live()["legs"] == before
        assert mediacore.live()["legs"] == before - 1


@pytest.mark.parametrize("setup", ["active", "passive"])
@pytest.mark.parametrize("lose", [1, 3])
async def test_lost_flights_are_sent_again(certificate: Certificate, setup: str, lose: int) -> None:
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, setup=setup, lose=lose)
        async with call_of(rig, peer) as (call, heard):
            await talk(rig, peer, call, heard)


@pytest.mark.parametrize("setup", ["active", "passive"])
async def test_a_wrong_fingerprint_ends_the_call(certificate: Certificate, setup: str) -> None:
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, setup=setup, told=GOOD)
        async with call_of(rig, peer) as (call, _):
            bye = await peer.dialog.peer.request("BYE", WAIT_S)
            assert "certificate is not the one" in bye.get("reason")
            peer.dialog.peer.respond(bye, "200 OK", rig.port)
            await rig.over(call)
            assert call.end_code == 488
            assert "the peer's certificate is not the one that its SDP says" in call.end_reason
            assert peer.received == []
            assert not call.media_ready.is_set()


@pytest.mark.parametrize("setup", ["passive", "active"])
async def test_what_is_said_right_behind_the_handshake_is_heard(certificate: Certificate, setup: str) -> None:
    """The peer has its keys a moment before us."""
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, setup=setup, hasty=4)
        async with call_of(rig, peer) as (call, heard):
            await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
            await asyncio.wait_for(rig.until(lambda: call.leg.stats()["rx_packets"] >= 4), WAIT_S)
            stats = call.leg.stats()
            assert (stats["rx_forged"], stats["rx_replayed"], stats["rx_lost"]) == (0, 0, 0)
            await talk(rig, peer, call, heard)


async def test_a_peer_may_ring_for_long_and_begin_when_it_answers(certificate: Certificate) -> None:
    """OpenSSL alone gives up after 22 s, and the call that is answered then would be lost."""
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate, setup="passive")
        peer.dialog.invite(peer.dtls_offer())
        call = await rig.taken()
        heard = bytearray()
        call.leg.on_audio = lambda pcm, arrival_us, index, lost: b"" if lost else heard.extend(pcm)
        await call.control.answer(183)
        await asyncio.sleep(23)
        await call.control.answer()
        peer.take((await peer.dialog.final()).body)
        await talk(rig, peer, call, heard)
        await call.hangup()
        await rig.over(call)
        peer.close()


async def test_the_association_goes_on_through_hold(certificate: Certificate) -> None:
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate)
        async with call_of(rig, peer) as (call, heard):
            await talk(rig, peer, call, heard)
            for lines in ("a=sendonly\r\n", "a=inactive\r\n", "a=sendrecv\r\n"):
                assert await peer.invite(peer.dtls_offer(lines)) == 200
            await talk(rig, peer, call, heard)
            assert peer.handshakes == 1
            assert call.leg.stats()["rx_replayed"] == 0


async def test_another_certificate_makes_another_association(
    certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with user_agent(cfg()) as rig:
        peer = await dtls_peer(rig, certificate)
        async with call_of(rig, peer) as (call, heard):
            await talk(rig, peer, call, heard)
            peer.certificate = Certificate.make(tmp_path_factory.mktemp("other") / "peer.pem")
            peer.handshake = None
            assert await peer.invite(peer.dtls_offer()) == 200
            await talk(rig, peer, call, heard)
            assert peer.handshakes == 2


async def test_encryption_is_not_taken_away(certificate: Certificate) -> None:
    async with user_agent(cfg("optional")) as rig:
        peer = await dtls_peer(rig, certificate)
        async with call_of(rig, peer) as (call, heard):
            await talk(rig, peer, call, heard)
            assert await peer.invite(peer.offer(media="RTP/AVP 0", keys=0)) == 488
            await talk(rig, peer, call, heard)
            assert peer.handshakes == 1
