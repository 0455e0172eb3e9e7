# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses we use and say: IPv6 for signalling and sound, names with addresses of both kinds, and behind NAT."""

from __future__ import annotations

import asyncio

from sipagent.call import Call
from tests.sip.dns_server import DnsServer
from tests.sip.rig import config, hear, purity, tone, user_agent
from tests.sip.ua import Rtp, Ua, offer
from tests.sip.wire import Message, Peer

MEDIA = {"codecs": ["PCMU/8000"], "rate": 8000}
UDP4, UDP6 = {"transport": "udp", "port": 0}, {"transport": "udp", "host": "::1", "port": 0}


async def test_signalling_and_sound_over_ipv6() -> None:
    async with user_agent(config(sip={"listen": [UDP6]}, media={**MEDIA, "host": "::1"})) as rig:
        call = await rig.invite(f"sip:600@[::1]:{rig.port}")
        incoming = await rig.taken()
        await incoming.control.answer()
        calls: tuple[Call, Call] = (call, incoming)
        for one in calls:
            await asyncio.wait_for(one.media_ready.wait(), 10)
            one.leg.write(tone(440, 4.0, 8000))
        for one in calls:
            assert purity(await hear(one, 1.0), 440, 8000) > 0.5
            assert one.leg.stats()["rx_strangers"] == 0
        await call.control.hold(True)
        await asyncio.wait_for(rig.until(lambda: incoming.held), 5)
        await call.hangup()
        await rig.over(*calls)


async def test_a_trunks_name_with_addresses_of_both_kinds() -> None:
    """What is silent over one is reached over the other, with our address of that kind in its requests."""
    v4 = await Peer.open()
    _, v6 = await asyncio.get_running_loop().create_datagram_endpoint(Peer, local_addr=("::1", v4.port))
    dns = await DnsServer.open("pbx.example 60 A 127.0.0.1", "pbx.example 60 AAAA ::1")
    trunk = {"name": "pbx", "hosts": [f"pbx.example:{v4.port}"], "options_s": 600}
    sip = {"listen": [UDP4, UDP6], "dns": dns.settings(), "try_s": 0.5, "trunks": [trunk]}

    def refuse(request: Message, port: int, status: str) -> None:
        rows = [f"SIP/2.0 {status}", *(f"Via: {v}" for v in request.all("via")), f"From: {request.get('from')}"]
        rows += [f"To: {request.get('to')};tag=6", f"Call-ID: {request.get('call-id')}", f"CSeq: {request.get('cseq')}"]
        v6.wire.sendto(("\r\n".join(rows) + "\r\nContent-Length: 0\r\n\r\n").encode(), ("::1", port))

    async with user_agent(config(sip=sip, media=MEDIA)) as rig:
        port = int(rig.ua.listening()[1].rsplit(":", 1)[1])
        refuse(await v6.request("OPTIONS"), port, "200 OK")
        assert v4.seen[0].method == "OPTIONS"
        await asyncio.wait_for(rig.until(lambda: rig.ua.trunks()[0].hosts[0].up is True), 5)
        assert rig.ua.trunks()[0].hosts[0].target == f"udp:[::1]:{v4.port}"
        call = await rig.invite("sip:1@pbx.example", account="pbx")
        invite = await v6.request("INVITE")
        assert f"@[::1]:{port}" in invite.get("contact")
        refuse(invite, port, "486 Busy Here")
        await rig.over(call)
        assert call.end_code == 486
    for one in (v4, v6, dns):
        one.close()


async def test_the_address_that_others_see_stands_in_contact_and_description(peer: Peer, rtp: Rtp) -> None:
    """sip.public_host: in INVITE, in the 200, and in the re-INVITE of the same call."""
    public = "203.0.113.7"
    async with user_agent(config(sip={"public_host": public}, media=MEDIA)) as rig:
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        invite = await peer.request("INVITE")
        ua = Ua(peer, rig.port)
        ua.send("INVITE", offer(rtp.port))
        incoming = await rig.taken()
        await incoming.control.answer()
        answer = await ua.final()
        rtp.aim(answer)
        await asyncio.wait_for(incoming.media_ready.wait(), 5)
        incoming.leg.write(tone(440, 30.0, 8000))
        await rtp.hears(rig, 5)  # RTP comes from where we are
        holding = asyncio.ensure_future(incoming.control.hold(True))
        again = await peer.request("INVITE")
        peer.respond(again, "200 OK", rig.port, body=offer(rtp.port, "a=recvonly", version=2))
        await holding
        for message in (invite, answer, again):
            assert f"@{public}:{rig.port}" in message.get("contact")
            assert f"c=IN IP4 {public}\r\n" in message.body
            assert "127.0.0.1" not in message.body
        await ua.hang_up()
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call, incoming)
