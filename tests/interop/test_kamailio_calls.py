# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio as the proxy of our calls: softphones that are registered there, proxies that die, certificates of both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipagent.signalling import registration
from sipagent.signalling.errors import SignallingError
from tests.interop import audio, certs, ports
from tests.interop.baresip import Softphone
from tests.interop.certs import Certificates
from tests.interop.conftest import StartKamailio
from tests.interop.kamailio import DOMAIN, Kamailio
from tests.interop.test_kamailio import account, registered, signalling
from tests.interop.trunk import hears, over, says
from tests.sip.rig import WAIT_S, Rig, config, user_agent

RATE = 8000
HERTZ = 700.0
MEDIA = {"codecs": ["PCMU/8000"], "rate": RATE}
StartPhone = Callable[[Kamailio], Softphone]


@pytest.fixture
def alice(tmp_path: Path, certificates: Certificates) -> Iterator[StartPhone]:
    """A softphone that is registered at a Kamailio and answers."""
    phones: list[Softphone] = []

    def start(peer: Kamailio) -> Softphone:
        microphone = audio.write_wav(tmp_path / "tone.wav", audio.tone(60.0, RATE, HERTZ), RATE)
        proxy = f'outbound="sip:{ports.HOST}:{peer.port}"'
        options = ["auth_user=alice", "auth_pass=alice-secret", proxy, "answermode=auto"]
        room = tmp_path / f"alice{len(phones)}"
        phones.append(Softphone(room, certificates, microphone, RATE, "PCMU/8000/1", *options, user="alice", registrar=DOMAIN))
        peer.wait_contact("alice")
        return phones[-1]

    yield start
    for phone in phones:
        phone.stop()


@pytest.mark.behaviour(
    "Accounts",
    "calls a softphone through the proxy where both are registered, by password, and stays on its route to the end",
    peer="Kamailio",
    rfc="3261 16.12",
)
async def test_calls_through_the_proxy(
    kamailio: StartKamailio, alice: StartPhone, certificates: Certificates, tmp_path: Path
) -> None:
    peer = kamailio()
    phone = alice(peer)
    cfg = config(sip={"accounts": [account(peer)], "tls": {"ca": certificates.ca}}, media=MEDIA)
    async with user_agent(cfg) as rig:
        await registered(rig)
        call = await rig.invite(f"sip:alice@{DOMAIN}", "bot")
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        says(call)
        await hears(call, HERTZ)
        for on in (True, False):
            await asyncio.to_thread(phone.hold, on)
            await asyncio.wait_for(rig.until(lambda on=on: call.held is on), WAIT_S)  # type: ignore[misc]
        await over(rig, call)
        await asyncio.to_thread(phone.wait_for, "CALL_CLOSED", WAIT_S)
    assert call.end_code == 0


def proxies(*peers: str, sip_port: int) -> Any:
    row = {"name": "front", "hosts": list(peers), "options_s": 1}
    sip = {"listen": [{"transport": "udp", "port": sip_port}], "trunks": [row], "try_s": 2.0}
    return config(sip=sip, media=MEDIA)


@pytest.mark.behaviour(
    "Accounts", "when the first proxy of a trunk is dead the call goes by the next one", peer="Kamailio", rfc="3263 4.3"
)
async def test_the_first_proxy_is_dead(kamailio: StartKamailio, alice: StartPhone) -> None:
    sip_port = ports.one()
    peer = kamailio(switch=f"sip:{ports.HOST}:{sip_port}")
    alice(peer)
    async with user_agent(proxies(f"{ports.HOST}:{ports.one()}", f"{ports.HOST}:{peer.port}", sip_port=sip_port)) as rig:
        await asyncio.wait_for(rig.until(lambda: rig.ua.trunks()[0].hosts[1].up is True), WAIT_S)
        call = await rig.invite(f"sip:alice@{DOMAIN}", "front")
        await asyncio.wait_for(call.media_ready.wait(), 20)
        says(call)
        await hears(call, HERTZ)
        await over(rig, call)


@pytest.mark.behaviour(
    "Accounts", "a trunk is down when it no longer answers OPTIONS, and up again when it does", peer="Kamailio", rfc="3261 11"
)
async def test_up_and_down(kamailio: StartKamailio) -> None:
    sip_port = ports.one()
    peer = kamailio(switch=f"sip:{ports.HOST}:{sip_port}")

    async def until_up(rig: Rig, up: bool) -> None:
        await asyncio.wait_for(rig.until(lambda: rig.ua.trunks()[0].hosts[0].up is up), 20)

    async with user_agent(proxies(f"{ports.HOST}:{peer.port}", sip_port=sip_port)) as rig:
        await until_up(rig, True)
        await asyncio.to_thread(peer.stop)
        await until_up(rig, False)
        with pytest.raises(SignallingError, match="trunk front is down"):
            await rig.ua.invite(f"sip:alice@{DOMAIN}", "front")
        await asyncio.to_thread(peer.start)
        await until_up(rig, True)
        call = await rig.invite(f"sip:nobody@{DOMAIN}", "front")
        await rig.over(call)
        assert call.end_code == 404


async def failed(rig: Rig) -> str:
    """What is said of an account that is not let in."""
    await asyncio.wait_for(rig.until(lambda: rig.ua.accounts()[0].failures > 0), 20)
    assert not rig.ua.accounts()[0].registered
    return rig.ua.accounts()[0].reason


@pytest.mark.behaviour(
    "Transports",
    "a registrar whose certificate is another's gets no registration, and no password",
    peer="Kamailio",
    rfc="5922 7.3",
)
@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_wrong_certificate(kamailio: StartKamailio, certificates: Certificates, tmp_path: Path, wrong: str) -> None:
    if wrong == "name":
        ca = certificates.ca
        own = certs.issue(tmp_path / "own", ca, ca.with_suffix(".key"), "DNS:other.example")
    else:
        own = certs.make(tmp_path / "own")
    peer = kamailio(own=own)
    async with user_agent(signalling(certificates, account(peer, transport="tls"))) as rig:
        assert "certificate" in await failed(rig)
        assert peer.contacts("bot") == []
        assert peer.challenges() == 0


@pytest.mark.behaviour("Transports", "shows its certificate to a registrar that wants one", peer="Kamailio", rfc="5922 8.2")
@pytest.mark.parametrize("shown", [True, False])
async def test_mutual_tls(
    kamailio: StartKamailio, certificates: Certificates, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "FIRST_RETRY_S", 60.0)
    peer = kamailio(verify_client=True)
    own = {"cert": certificates.cert, "key": certificates.key} if shown else {}
    sip = {"accounts": [account(peer, transport="tls")], "tls": {"ca": certificates.ca, **own}}
    async with user_agent(config(sip=sip)) as rig:
        if shown:
            await registered(rig)
            assert peer.contacts("bot")
        else:
            await failed(rig)
            assert peer.contacts("bot") == []


@pytest.mark.behaviour(
    "Transports", "speaks TLS 1.3, and 1.2 with a registrar that has no newer one", peer="Kamailio", rfc="8446 4.2.1"
)
@pytest.mark.parametrize(("method", "cipher"), [("TLSv1.2+", "TLS_AES_"), ("TLSv1.2", "ECDHE-")])
async def test_tls_versions(kamailio: StartKamailio, certificates: Certificates, method: str, cipher: str) -> None:
    peer = kamailio(tls_method=method)
    async with user_agent(signalling(certificates, account(peer, transport="tls"))) as rig:
        await registered(rig)
        assert cipher in peer.rpc("tls.list")
