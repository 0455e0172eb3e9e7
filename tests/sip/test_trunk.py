# SPDX-License-Identifier: GPL-3.0-or-later
"""A trunk's states and the order of its hosts, without a wire; then its calls, with one."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from sipagent.config_sip import Trunk as Settings
from sipagent.signalling.errors import CallLimitError, SignallingError
from sipagent.signalling.locate import Target
from sipagent.signalling.messages import Answered
from sipagent.signalling.registration import Hop
from sipagent.signalling.trunk import Trunk
from tests.sip.rig import Rig, config, user_agent
from tests.sip.wire import Dialog, Message, Peer, sdp

A, B, C = (f"192.0.2.{n}" for n in (1, 2, 3))


class Wire:
    """Hosts with addresses; `codes`: what an address answers to OPTIONS, 0 = nothing."""

    def __init__(self, hosts: dict[str, list[str]], codes: dict[str, int], **more: Any) -> None:
        self.hosts, self.codes = hosts, codes
        self.asked: list[str] = []
        self.led: list[str] = []
        self.turn = asyncio.Event()
        settings = Settings.model_validate({"name": "t", "hosts": list(hosts), **more})
        self.trunk = Trunk(settings, self.locate, self.ask, self.lead, self.sleep, random.Random(1))

    async def locate(self, host: str, port: int, transport: Any) -> list[Target]:
        if not self.hosts[host]:
            raise SignallingError(f"can't resolve {host!r}")
        return [Target(transport, address, port or 5060) for address in self.hosts[host]]

    async def ask(self, key: str, hop: Hop) -> None:
        self.asked.append(hop.target.address)
        code = self.codes[hop.target.address]
        self.trunk.answered(Answered(key, code or 408, heard=bool(code)))

    async def lead(self, key: str, hop: Hop) -> None:
        self.led.append(hop.target.address)

    async def sleep(self, delay_s: float) -> None:
        self.turn.set()
        await asyncio.Event().wait()

    async def once(self) -> list[str]:
        """One look at every host; the addresses of the ways that calls take then."""
        self.turn.clear()
        task = asyncio.create_task(self.trunk.keep())
        await asyncio.wait_for(self.turn.wait(), 5)
        await asyncio.sleep(0)
        task.cancel()
        return [hop.target.address for _, hop in self.trunk.ways()]


async def test_hosts_that_answer_are_up_and_keep_their_order() -> None:
    wire = Wire({"one": [A], "two": [B], "three": [C]}, {A: 0, B: 200, C: 404})
    assert await wire.once() == [B, C]  # any answer is a sign of life
    assert [h.up for h in wire.trunk.status.hosts] == [False, True, True]
    wire.codes[A] = 200
    assert await wire.once() == [A, B, C]


async def test_503_is_down() -> None:
    wire = Wire({"one": [A]}, {A: 503})
    with pytest.raises(SignallingError, match=r"trunk t is down: one \(OPTIONS was answered with 503\)"):
        await wire.once()


async def test_the_next_address_of_a_name_is_tried_and_stays() -> None:
    wire = Wire({"one": [A, B]}, {A: 0, B: 200})
    assert await wire.once() == [B]
    wire.codes[A] = 200
    assert await wire.once() == [B]
    assert wire.asked == [A, B, B]


async def test_a_name_without_address_is_down_and_comes_back() -> None:
    wire = Wire({"one": []}, {A: 200})
    with pytest.raises(SignallingError, match="can't resolve 'one'"):
        await wire.once()
    wire.hosts["one"] = [A]
    assert await wire.once() == [A]


async def test_without_options_nothing_is_asked_and_nothing_is_down() -> None:
    wire = Wire({"one": [A], "two": [B]}, {A: 0, B: 0}, options_s=0)
    assert await wire.once() == [A, B]
    wire.trunk.failed("t#0", 503)
    assert await wire.once() == [A, B]
    assert wire.led[:2] == [A, B]  # so that their calls are known before we call
    assert not wire.asked


async def test_a_host_that_took_no_call_is_not_called_next() -> None:
    wire = Wire({"one": [A], "two": [B]}, {A: 200, B: 200})
    await wire.once()
    wire.trunk.failed("t#0", 408)
    assert [hop.target.address for _, hop in wire.trunk.ways()] == [B]


def trunk(*peers: Peer, **more: Any) -> dict[str, Any]:
    hosts = [f"127.0.0.1:{peer.port}" for peer in peers]
    return {"try_s": 0.5, "trunks": [{"name": "provider", "hosts": hosts, "options_s": 0, **more}]}


async def ready(rig: Rig) -> None:
    await asyncio.wait_for(rig.until(lambda: all(h.target for h in rig.ua.trunks()[0].hosts)), 5)


async def test_a_call_goes_to_the_next_host_after_503_and_after_silence() -> None:
    silent, busy, good = [await Peer.open() for _ in range(3)]
    async with user_agent(config(sip=trunk(silent, busy, good))) as rig:
        await ready(rig)
        call = await rig.invite("sip:+442079460000@provider.example", account="provider")
        busy.respond(await busy.request("INVITE"), "503 Full", rig.port)
        invite = await good.request("INVITE")
        assert invite.start == "INVITE sip:+442079460000@provider.example SIP/2.0"
        assert not invite.get("route")
        assert not call.ended.is_set()
        good.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)
        assert (call.end_code, call.account) == (486, "provider")
        assert silent.seen
        again = await rig.invite("sip:1@provider.example", account="provider")  # options_s is 0: nothing is ever down
        invite = await silent.request("INVITE")
        while "sip:1@" not in invite.start:  # what was said into the silence
            invite = await silent.request("INVITE")
        silent.respond(invite, "603 Decline", rig.port)  # a refusal is not taken elsewhere
        await rig.over(again)
        assert again.end_code == 603
    for peer in (silent, busy, good):
        peer.close()


async def test_a_call_that_was_hung_up_is_not_taken_to_the_next_host() -> None:
    silent, good = await Peer.open(), await Peer.open()
    async with user_agent(config(sip=trunk(silent, good))) as rig:
        await ready(rig)
        call = await rig.invite("sip:1@provider.example", account="provider")
        await silent.request("INVITE")
        await call.hangup()  # nothing was heard yet, so no CANCEL may go (RFC 3261 section 9.1)
        await rig.over(call)
        assert call.end_code == 487
        assert not good.seen
    silent.close()
    good.close()


async def test_a_hang_up_between_two_hosts_takes_the_second_invite_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first host has refused and the second has not got its INVITE yet, there is nothing to hang up."""
    busy, good = await Peer.open(), await Peer.open()
    async with user_agent(config(sip={**trunk(busy, good), "try_s": 8.0})) as rig:
        await ready(rig)
        call = await rig.invite("sip:1@provider.example", account="provider")
        send = rig.ua._send

        async def hang_up_and_send(*args: Any) -> str:
            await call.hangup()
            return await send(*args)

        monkeypatch.setattr(rig.ua, "_send", hang_up_and_send)
        busy.respond(await busy.request("INVITE"), "503 Full", rig.port)
        invite = await good.request("INVITE")
        good.respond(invite, "180 Ringing", rig.port)
        cancel = await good.request("CANCEL")
        good.respond(cancel, "200 OK", rig.port)
        good.respond(invite, "487 Request Terminated", rig.port)
        await rig.over(call)
        assert call.end_code == 487
    busy.close()
    good.close()


async def test_when_no_host_takes_it_the_call_ends_with_the_last_answer() -> None:
    peers = [await Peer.open() for _ in range(2)]
    async with user_agent(config(sip=trunk(*peers))) as rig:
        await ready(rig)
        call = await rig.invite("sip:1@provider.example", account="provider")
        for peer in peers:
            peer.respond(await peer.request("INVITE"), "503 Full", rig.port)
        await rig.over(call)
        assert call.end_code == 503
        assert not rig.ua.calls
    for peer in peers:
        peer.close()


async def test_calls_from_its_address_are_its_calls_and_from_elsewhere_are_not() -> None:
    peer = await Peer.open()
    for sources, name in ((["127.0.0.0/8"], "provider"), (["192.0.2.0/24"], "")):
        rows = {"trunks": [{"name": "provider", "hosts": ["192.0.2.9"], "options_s": 0, "sources": sources, "max_calls": 1}]}
        async with user_agent(config(sip=rows)) as rig:
            first, second = Dialog(peer, rig.port), Dialog(peer, rig.port)
            first.invite(sdp())
            call = await rig.taken()
            assert call.account == name
            second.invite(sdp())
            if name:
                assert (await second.final()).status == 503
                with pytest.raises(CallLimitError, match="account provider: max_calls reached"):
                    await rig.ua.invite("sip:1@x", account="provider")
            else:
                await (await rig.taken()).hangup(480)
            await call.hangup(480)
    peer.close()


@pytest.mark.parametrize("trust", [True, False])
async def test_its_word_on_who_calls_is_taken_and_ours_given_where_the_trunk_says_so(trust: bool) -> None:
    """RFC 3325 sections 5 and 9.1: by trust_identity alone, without sip.trusted_peers."""
    peer = await Peer.open()
    async with user_agent(config(sip=trunk(peer, trust_identity=trust, sources=["127.0.0.0/8"]))) as rig:
        await ready(rig)
        dialog = Dialog(peer, rig.port)
        dialog.invite(sdp(), "P-Asserted-Identity: <sip:+49301234@pbx.test>\r\nPrivacy: id\r\n")
        call = await rig.taken()
        assert (call.account, call.identity) == ("provider", "sip:+49301234@pbx.test" if trust else "")
        await call.hangup(480)
        await rig.over(call)
        call = await rig.ua.invite("sip:1@provider.example", account="provider", caller="sip:77@pbx.test", privacy={"id"})
        rig.legs.append(call.leg)
        invite = await peer.request("INVITE")
        assert invite.get("from").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
        assert invite.get("p-asserted-identity") == ("<sip:77@pbx.test>" if trust else "")
        peer.respond(invite, "486 Busy Here", rig.port)
        await rig.over(call)
    peer.close()


async def test_a_password_answers_the_trunks_realm_at_its_address_only() -> None:
    peer, stranger = await Peer.open(), await Peer.open("127.0.0.2")
    secret = {"user": "u", "password": "p", "realm": "provider"}
    async with user_agent(config(sip=trunk(peer, **secret))) as rig:
        await ready(rig)
        for sender, realm, answered in ((peer, "stranger", False), (stranger, "provider", False), (peer, "provider", True)):
            call = await rig.invite("sip:1@provider.example", account="provider")
            challenge = f'WWW-Authenticate: Digest realm="{realm}", nonce="n", algorithm=SHA-256, qop="auth"\r\n'
            sender.respond(await peer.request("INVITE"), "401 Unauthorized", rig.port, challenge)
            if answered:
                again: Message = await peer.request("INVITE")
                given = again.get("authorization")
                assert 'username="u"' in given
                assert "algorithm=SHA-256" in given
                peer.respond(again, "486 Busy Here", rig.port)
            await rig.over(call)
            assert call.end_code == (486 if answered else 401)
        given_to = [bool(m.get("authorization")) for p in (peer, stranger) for m in p.seen]
        assert sum(given_to) == 1
    peer.close()
    stranger.close()
