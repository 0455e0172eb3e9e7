# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk 22 as a provider's trunk, without registration: who is known how, what is said of callers, refusals, transfers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sipagent.call import CallState
from tests.interop import ports
from tests.interop.asterisk import Asterisk
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.phones import CODEC, RATE, TALK_S, loudest, tone
from tests.interop.phones import hears as listens
from tests.interop.process import PeerError, until
from tests.interop.test_asterisk import account
from tests.interop.trunk import NAME, called, calls, hears, over, says, talks, trunk
from tests.sip.rig import WAIT_S, config, user_agent


@pytest.mark.behaviour(
    "Accounts", "calls a provider that knows us by our address, and hears itself back", peer="Asterisk 22", rfc="3261 8.1.1"
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_out_without_registration(asterisk: Asterisk, transport: str) -> None:
    async with trunk(asterisk, transport=transport) as rig:
        call = await talks(rig, asterisk, "600")
        says(call)
        await hears(call)
        await over(rig, call)
        assert (call.account, call.end_code) == (NAME, 0)


@pytest.mark.behaviour(
    "Accounts",
    "a provider's calls are its trunk's by the address they come from, for any number",
    peer="Asterisk 22",
    rfc="3261 12.1.1",
)
async def test_is_called_without_registration(asterisk: Asterisk) -> None:
    async with trunk(asterisk) as rig:
        call = await called(rig, asterisk, "9001", "phones")
        assert (call.account, call.request_uri.split("@")[0]) == (NAME, "sip:9001")
        await call.control.answer()
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        says(call)
        await hears(call)
        await over(rig, call)


@pytest.mark.behaviour(
    "Accounts", "a trunk that asks for a password gets it, in its own realm only", peer="Asterisk 22", rfc="3261 22.2"
)
@pytest.mark.parametrize("realm", ["asterisk", "elsewhere"])
async def test_trunk_with_a_password(asterisk: Asterisk, realm: str) -> None:
    async with trunk(asterisk, "secret", trunk={"realm": realm}) as rig:
        call = await calls(rig, asterisk, "600")
        if realm == "asterisk":
            await asyncio.wait_for(call.answered.wait(), WAIT_S)
            await over(rig, call)
        else:
            await rig.over(call)
            assert (call.end_code, call.answered.is_set()) == (401, False)


@pytest.mark.behaviour("Accounts", "a registered extension calls out with its password", peer="Asterisk 22", rfc="3261 22.2")
async def test_registered_extension_calls_out(asterisk: Asterisk) -> None:
    cfg = config(sip={"accounts": [account(asterisk, "phone")]}, media={"codecs": ["PCMU/8000"], "rate": 8000})
    async with user_agent(cfg) as rig:
        await asyncio.wait_for(rig.until(lambda: rig.ua.accounts()[0].registered), WAIT_S)
        call = await rig.invite(f"sip:600@{ports.HOST}", "phone")
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        says(call)
        await hears(call)
        await over(rig, call)


@pytest.mark.behaviour(
    "Dialogs",
    "hears that a provider's caller withholds the number, and the number where the provider is trusted",
    peer="Asterisk 22",
    rfc="3325 9.3",
)
@pytest.mark.parametrize("trusted", [True, False])
async def test_caller_withholds_the_number(asterisk: Asterisk, trusted: bool) -> None:
    async with trunk(asterisk, trunk={"trust_identity": trusted}) as rig:
        call = await called(rig, asterisk, "9001", "withheld")
        assert "anonymous" in call.remote_uri.lower()
        assert "id" in call.privacy
        assert ("49301234" in call.identity) is trusted
        await over(rig, call)


@pytest.mark.behaviour(
    "Dialogs", "hears from a provider who sent the call on, and its own headers", peer="Asterisk 22", rfc="5806 4"
)
async def test_call_that_was_sent_on(asterisk: Asterisk) -> None:
    async with trunk(asterisk) as rig:
        call = await called(rig, asterisk, "9001", "diverted")
        assert [uri.split("@")[0] for uri in call.diversion] == ["sip:7007"], call.headers
        assert call.headers.get("X-Tenant") == "blue"
        await over(rig, call)


@pytest.mark.behaviour("Dialogs", "tells a provider its own headers", peer="Asterisk 22", rfc="3261 7.3.1")
@pytest.mark.parametrize(("tenant", "code"), [("blue", 0), ("red", 403)])
async def test_own_headers(asterisk: Asterisk, tenant: str, code: int) -> None:
    async with trunk(asterisk) as rig:
        call = await calls(rig, asterisk, "607", headers=[("X-Tenant", tenant)])
        if code:
            await rig.over(call)
        else:
            await asyncio.wait_for(call.answered.wait(), WAIT_S)
            await over(rig, call)
        assert call.end_code == code


@pytest.mark.behaviour("Dialogs", "understands why a PBX refused, by Q.850 cause", peer="Asterisk 22", rfc="3398 7.2.4.1")
@pytest.mark.parametrize(("cause", "code"), [(1, 404), (17, 486), (21, 403), (34, 503)])
async def test_why_it_refused(asterisk: Asterisk, cause: int, code: int) -> None:
    async with trunk(asterisk) as rig:
        call = await calls(rig, asterisk, f"c{cause}")
        await rig.over(call)
        assert call.end_code == code
        assert f"Q.850 {cause}" in call.end_reason


@pytest.mark.behaviour("Dialogs", "a PBX understands why we refused", peer="Asterisk 22", rfc="3398 8.2.6.1")
@pytest.mark.parametrize(("code", "cause"), [(486, 17), (404, 1), (603, 21)])
async def test_why_we_refused(asterisk: Asterisk, code: int, cause: int) -> None:
    async with trunk(asterisk) as rig:
        number = f"9{code}"
        call = await called(rig, asterisk, number, "watched")
        await call.hangup(code)
        await rig.over(call)
        await asyncio.wait_for(rig.until(lambda: f"call {number}: cause" in asterisk.log(100)), WAIT_S)
        [said] = [
            line for line in asterisk.log(100).splitlines() if f"call {number}: cause" in line and "Executing" not in line
        ]
        assert said.endswith(f"cause {cause}")


@pytest.mark.behaviour("Dialogs", "hears what a PBX plays before it answers", peer="Asterisk 22", rfc="3960 3.1")
async def test_early_media(asterisk: Asterisk) -> None:
    async with trunk(asterisk) as rig:
        call = await calls(rig, asterisk, "601")
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        await hears(call)
        assert call.state is CallState.RINGING
        await over(rig, call)
        assert call.end_code == 487


@pytest.mark.behaviour(
    "Transfer", "follows a PBX that sends the call elsewhere before it answers (302)", peer="Asterisk 22", rfc="3261 8.1.3.4"
)
@pytest.mark.parametrize("follow", [0, 1])
async def test_moved(asterisk: Asterisk, follow: int) -> None:
    async with trunk(asterisk, sip={"calls": {"follow_redirects": follow}}) as rig:
        call = await calls(rig, asterisk, "606")
        if follow:
            await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
            says(call)
            await hears(call)
            await over(rig, call)
        else:
            await rig.over(call)
        assert call.end_code == (0 if follow else 302)


@pytest.mark.behaviour(
    "Transfer",
    "an agent hands the caller to another extension of the PBX (REFER), and is rid of the call",
    peer="Asterisk 22",
    rfc="3515 2.4.1",
)
async def test_we_transfer(asterisk: Asterisk) -> None:
    async with trunk(asterisk) as rig:
        call = await called(rig, asterisk, "9001", "watched")
        await call.control.answer()
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        says(call)
        await hears(call)  # Asterisk has joined the two: before, it has nobody to transfer
        agreed, code = await call.control.refer(f"sip:600@{ports.HOST}:{asterisk.sip_port}")
        assert (agreed, code) == (True, 200)
        await over(rig, call)

        def there() -> bool:
            return re.search("!600!.*!Echo!", asterisk.cli("core show channels concise")) is not None

        await asyncio.to_thread(until, "the caller is there", there, WAIT_S)
        asterisk.cli("channel request hangup all")


@pytest.mark.behaviour(
    "Transfer",
    "a PBX sends who it talks with on to somebody else (REFER); the two of us it leaves behind are joined",
    peer="Asterisk 22",
    rfc="3515 2.4.4",
)
def test_it_transfers(
    asterisk: Asterisk, start_switch: StartSwitch, softphone: Callable[..., Softphone], tmp_path: Path
) -> None:
    here = f"127.0.0.2:{asterisk.trunk_port}"
    far = f"{ports.HOST}:{asterisk.sip_port}"
    carol = softphone(tone(tmp_path, 1100.0), RATE, CODEC, "answermode=auto", user="carol")
    sip = {
        "listen": [{"transport": "udp", "host": "127.0.0.2", "port": asterisk.trunk_port}],
        "trunks": [{"name": NAME, "hosts": [far], "options_s": 0}],
    }
    routes = [{"called": "70", "bridge": f"sip:605@{far}", "via": NAME}, {"called": "71", "bridge": carol.uri}]
    switch = start_switch("echo", sip=sip, routes=routes, media={"rate": RATE})
    alice = softphone(tone(tmp_path, 400.0), RATE, CODEC, user="alice")
    alice.call(f"sip:70@{here}")
    try:
        carol.wait_for("CALL_ESTABLISHED", WAIT_S)
    except PeerError as error:
        error.add_note(switch.log() + asterisk.log(30))
        raise
    until("Asterisk has left", lambda: len(switch.live_calls()) == 2, WAIT_S)
    heard = {"alice": alice, "carol": carol}
    for phone in heard.values():
        listens(phone, TALK_S)
    alice.hang_up()
    carol.wait_for("CALL_CLOSED", WAIT_S)
    switch.wait_idle()
    for phone in heard.values():
        phone.stop()
    assert loudest(alice, (400.0, 1100.0)) == {1100.0}
    assert loudest(carol, (400.0, 1100.0)) == {400.0}
