# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate at work in front of a real stack: rates, scanners, and what they can learn. csrc/gate.c has its tests in C."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import mediacore
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Dialog, Message, Peer, sdp


def strangers(**protection: Any) -> Any:
    """Nobody is exempt from the rates."""
    return config(protection={"unlimited": [], **protection})


async def ask(rig: Rig, method: str, user: str, headers: str = "") -> Message:
    peer = await Peer.open()
    peer.send(Dialog(peer, rig.port, user).text(method, headers), rig.port)
    answer = await peer.response(method)
    peer.close()
    return answer


def anonymous(message: Message) -> list[tuple[str, str]]:
    """A response without what is new in each."""
    rows = [(name, value) for name, value in message.headers if name not in ("via", "call-id", "from", "to")]
    return [("", message.start), *((name, re.sub(r"\d{4,}", "N", value)) for name, value in rows)]


async def test_known_and_unknown_users_look_the_same() -> None:
    async with user_agent(config()) as rig:
        for method in ("OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE"):
            known, unknown = await ask(rig, method, "sipagent"), await ask(rig, method, "nobody-7731")
            assert anonymous(known) == anonymous(unknown), method


async def test_a_known_scanner_gets_no_answer() -> None:
    async with user_agent(config()) as rig:
        mediacore.gate_events()
        peer = await Peer.open()
        for user in ("100", "101"):
            peer.send(Dialog(peer, rig.port, user).text("OPTIONS", "User-Agent: Friendly-Scanner\r\n"), rig.port)
        peer.send(Dialog(peer, rig.port, "102").text("OPTIONS"), rig.port)
        assert "sip:102@" in (await peer.response("OPTIONS")).get("to")
        assert len(peer.seen) == 1
        assert mediacore.gate_events() == [("127.0.0.1", "scanner", 2)]
        peer.close()


async def test_keep_alives_are_nobodys_fault() -> None:
    """CRLFs (RFC 5626 section 3.5.1) and the NULs of Kamailio's nathelper, and longer ones than PJSIP passes over itself."""
    async with user_agent(config()) as rig:
        mediacore.gate_events()
        before = mediacore.gate_counts()
        peer = await Peer.open()
        for data in (b"\r\n\r\n", b"\0" * 4, b"\r\n" * 30, b"\0" * 60):
            peer.send(data, rig.port)
        peer.send(Dialog(peer, rig.port).text("OPTIONS"), rig.port)
        assert (await peer.response("OPTIONS")).status == 200
        assert mediacore.gate_events() == []
        assert {k: n - before[k] for k, n in mediacore.gate_counts().items() if n != before[k]} == {"passed": 1}
        peer.close()


async def test_every_required_extension_counts() -> None:
    """RFC 3261 sections 7.3.1 and 8.2.2.3."""
    async with user_agent(config()) as rig:
        answer = await ask(rig, "OPTIONS", "sipagent", "Require: timer\r\nRequire: nobodyHas\r\n")
        assert (answer.status, answer.get("unsupported")) == (420, "nobodyHas")


async def test_an_maddr_leads_nowhere() -> None:
    """Requests of ours go to the host of a peer's Contact (RFC 3261 section 19.1.1)."""
    async with user_agent(config()) as rig:
        peer = await Peer.open()
        dialog = Dialog(peer, rig.port)
        contact = f"<sip:tester@127.0.0.1:{peer.port}"
        peer.send(dialog.text("INVITE", body=sdp()).replace(f"{contact}>", f"{contact};maddr=127.0.0.2>"), rig.port)
        call = await asyncio.wait_for(rig.incoming.get(), 5)
        await call.control.answer()
        assert (await dialog.final()).status == 200
        await call.hangup()
        bye = await peer.request("BYE")
        assert "maddr" not in bye.start
        peer.respond(bye, "200 OK", rig.port)
        await rig.over(call)
        peer.close()


async def test_vias_maddr_steers_no_response() -> None:
    """Responses go where the request came from; RFC 3261 section 18.2.2 would have them go to whom a sender names."""
    async with user_agent(config()) as rig:
        peer, victim = await Peer.open(), await Peer.open("127.0.0.2")
        for method, status in (("OPTIONS", 200), ("PUBLISH", 405), ("INVITE", 480)):
            dialog = Dialog(peer, rig.port)
            via = f"127.0.0.1:{peer.port};"
            text = dialog.text(method, body=sdp() if method == "INVITE" else "")
            peer.send(text.replace(f"UDP {via}", f"UDP {via}maddr=127.0.0.2;"), rig.port)
            if method == "INVITE":
                await (await asyncio.wait_for(rig.incoming.get(), 5)).hangup(480)
            answer = await peer.response(method)
            assert answer.status == status
            assert "maddr=127.0.0.2" in answer.get("via")
        assert not victim.seen
        peer.close()
        victim.close()


async def test_who_calls_too_often_hears_503() -> None:
    async with user_agent(strangers(calls_per_s=1, messages_per_s=0)) as rig:
        statuses = []
        for _ in range(12):
            peer = await Peer.open()
            dialog = Dialog(peer, rig.port)
            dialog.invite(sdp())
            answer = await peer.response("INVITE", at_least=180)
            statuses.append(answer.status)
            if answer.status == 503:
                assert answer.get("retry-after") == "10"
            else:
                dialog.cancel()
            peer.close()
        assert statuses[:2] == [180, 180]
        assert statuses.count(503) >= 1
        while not rig.incoming.empty():
            await rig.over(rig.incoming.get_nowait())


async def test_a_flood_from_one_address_leaves_the_others_alone() -> None:
    """20,000 messages, one good call of a trusted address among each 2,000."""
    async with user_agent(config(protection={"unlimited": ["127.0.0.1/32"], "messages_per_s": 50})) as rig:
        before = mediacore.gate_counts()["rate"]
        loop = asyncio.get_running_loop()
        wire, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.2", 0))
        peer = await Peer.open()
        dialog = Dialog(peer, rig.port)
        for n in range(20_000):
            wire.sendto(dialog.text("OPTIONS" if n % 2 else "REGISTER", branch=f"z9hG4bK{n}").encode(), ("127.0.0.1", rig.port))
            if n % 50 == 0:
                await asyncio.sleep(0.005)  # 10,000 a second
            if n % 2000 == 0:
                out, incoming = await rig.pair()
                await out.hangup()
                await rig.over(out, incoming)
        assert mediacore.gate_counts()["rate"] - before > 5_000  # not what was lost in the socket's buffer
        peer.close()
        wire.close()
