# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers, identity, privacy and redirection on the wire, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sipagent.signalling.errors import UriError
from sipagent.signalling.headers import HeaderError
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Dialog, Peer, sdp

CODECS = {"codecs": ["PCMU/8000"]}
ASSERTED = (
    "P-Asserted-Identity: <sip:+49301234@pbx.test>\r\nPrivacy: id\r\nX-Tenant: blue\r\n"
    "Diversion: <sip:7@pbx.test>;reason=no-answer\r\n"
)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with user_agent(config(media=CODECS)) as rig:
        yield rig


@pytest.mark.parametrize("trusted", [True, False])
async def test_what_an_invite_says(peer: Peer, trusted: bool) -> None:
    sip = {"trusted_peers": ["127.0.0.0/8"]} if trusted else {}
    async with user_agent(config(sip=sip, media=CODECS)) as rig:
        dialog = Dialog(peer, rig.port)
        dialog.invite(sdp(), ASSERTED)
        call = await rig.taken()
        assert call.identity == ("sip:+49301234@pbx.test" if trusted else "")
        assert (call.account, call.source) == ("", f"udp:127.0.0.1:{peer.port}")
        assert call.request_uri == f"sip:600@127.0.0.1:{rig.port}"
        assert (call.privacy, call.diversion) == ({"id"}, ("sip:7@pbx.test",))
        assert call.headers.get("X-Tenant") == "blue"
        await call.control.answer(headers=[("X-Answer", "1")])
        assert (await dialog.final()).get("x-answer") == "1"
        await call.control.hangup(headers=[("X-Bye", "2")])
        bye = await peer.request("BYE")
        assert bye.get("x-bye") == "2"
        peer.respond(bye, "200 OK", rig.port)
        await rig.over(call)


async def test_a_call_with_our_headers_and_our_number(rig: Rig, peer: Peer) -> None:
    call = await rig.ua.invite(
        f"sip:bob@127.0.0.1:{peer.port}", headers=[("X-Tenant", "blue")], caller='"Front Desk" <sip:77@pbx.test>'
    )
    rig.legs.append(call.leg)
    invite = await peer.request("INVITE")
    assert invite.get("x-tenant") == "blue"
    assert invite.get("from").startswith('"Front Desk" <sip:77@pbx.test>;tag=')
    assert not invite.get("p-asserted-identity")
    peer.respond(invite, "486 Busy Here", rig.port)
    await rig.over(call)


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_call_that_withholds_its_number(peer: Peer, trusted: bool) -> None:
    sip = {"trusted_peers": ["127.0.0.1"]} if trusted else {}
    async with user_agent(config(sip=sip, media=CODECS)) as rig:
        call = await rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}", caller="sip:77@pbx.test", privacy={"id"})
        rig.legs.append(call.leg)
        invite = await peer.request("INVITE")
        assert invite.get("from").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
        assert invite.get("privacy") == "id"
        assert invite.get("p-asserted-identity") == ("<sip:77@pbx.test>" if trusted else "")
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)


@pytest.mark.parametrize(("host", "followed"), [("127.0.0.1", True), ("localhost", False)])
async def test_a_withheld_number_is_not_taken_to_a_stranger_by_a_redirection(peer: Peer, host: str, followed: bool) -> None:
    sip = {"trusted_peers": ["127.0.0.1"], "calls": {"follow_redirects": 1}}
    async with user_agent(config(sip=sip, media=CODECS)) as rig:
        call = await rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}", caller="sip:77@pbx.test", privacy={"id"})
        rig.legs.append(call.leg)
        invite = await peer.request("INVITE")
        assert invite.get("p-asserted-identity") == "<sip:77@pbx.test>"
        peer.respond(invite, "302 Moved", rig.port, contact=f"<sip:carol@{host}:{peer.port}>")
        if followed:
            peer.respond(await peer.request("INVITE"), "486 Busy Here", rig.port)
        await rig.over(call)
        assert call.end_code == (486 if followed else 302)
        assert any("sip:carol@" in m.start for m in peer.seen) is followed


async def test_what_cant_be_sent_is_said_at_once(rig: Rig, peer: Peer) -> None:
    for wrong in ({"headers": [("Via", "x")]}, {"headers": [("X-A", "b\r\nc")]}, {"caller": "a b"}, {"privacy": {"secret"}}):
        with pytest.raises((HeaderError, UriError)):
            await rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}", **wrong)
    assert not rig.ua.calls


async def test_redirects_the_caller(rig: Rig, peer: Peer) -> None:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp())
    call = await rig.taken()
    with pytest.raises(UriError):
        await call.control.redirect("nowhere")
    await call.control.redirect("sip:700@192.0.2.9:5070")
    answer = await dialog.final()
    assert (answer.status, answer.all("contact")) == (302, ["<sip:700@192.0.2.9:5070>"])
    await rig.over(call)
    assert (call.end_code, call.end_reason) == (302, "we refused with 302")


async def test_nobody_answers_for_too_long(peer: Peer) -> None:
    async with user_agent(config(sip={"calls": {"ring_s": 0.3}}, media=CODECS)) as rig:
        dialog = Dialog(peer, rig.port)
        dialog.invite(sdp())
        assert (await dialog.final()).status == 480
        call = await rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}", ring_s=0.2)
        rig.legs.append(call.leg)
        invite = await peer.request("INVITE")
        peer.respond(invite, "180 Ringing", rig.port)
        peer.respond(await peer.request("CANCEL"), "200 OK", rig.port)
        peer.respond(invite, "487 Request Terminated", rig.port)
        await rig.over(call)
        assert (call.end_code, call.end_reason) == (408, "we cancelled: not answered in 0.2 s")


async def test_progress(rig: Rig, peer: Peer) -> None:
    call = await rig.ua.invite(f"sip:bob@127.0.0.1:{peer.port}")
    rig.legs.append(call.leg)
    seen: list[tuple[int, bool]] = []
    call.on_progress = lambda code, early: seen.append((code, early))
    invite = await peer.request("INVITE")
    peer.respond(invite, "180 Ringing", rig.port)
    peer.respond(invite, "183 Session Progress", rig.port, body=sdp())
    await asyncio.wait_for(call.media_ready.wait(), 5)
    await rig.until(lambda: len(seen) == 2)
    assert seen == [(180, False), (183, True)]
    peer.respond(invite, "486 Busy Here", rig.port)
    await rig.over(call)
