# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk 22 as the user's PBX: the switch registers as an extension, Asterisk calls it and gets its own audio back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.interop import audio, ports
from tests.interop.asterisk import Asterisk
from tests.interop.conftest import EXTENSIONS, StartSwitch
from tests.interop.sipp import Echo
from tests.interop.switch import Switch

SECONDS = 6
PASSWORDS = {extension.name: extension.password for extension in EXTENSIONS}
# name: payload type, rtpmap, Asterisk's file format, rate
EXACT = {
    "ulaw": (0, "PCMU/8000", "ulaw", 8000),
    "alaw": (8, "PCMA/8000", "alaw", 8000),
    "slin": (10, "L16/8000", "sln", 8000),
    "slin16": (118, "L16/16000", "sln16", 16000),
}


def account(asterisk: Asterisk, name: str, **more: object) -> dict[str, object]:
    return {
        "user": name,
        "password": PASSWORDS[name],
        "host": ports.HOST,
        "port": asterisk.sip_port,
        "transport": "udp",
        **more,
    }


@pytest.fixture(scope="module")
def narrow(asterisk: Asterisk, start_switch: StartSwitch) -> Switch:
    """Engine rate 8 kHz: nothing is resampled, so echo has to be exact."""
    accounts = [account(asterisk, name) for name in ("ulaw", "alaw", "slin")]
    accounts.append(account(asterisk, "sdes", srtp="required"))
    accounts.append(account(asterisk, "tls", transport="tls", port=asterisk.tls_port))
    return start_switch("echo", sip={"accounts": accounts}, media={"rate": 8000})


@pytest.fixture(scope="module")
def wide(asterisk: Asterisk, start_switch: StartSwitch) -> Switch:
    """Engine rate 16 kHz, the default."""
    return start_switch("echo", sip={"accounts": [account(asterisk, name) for name in ("slin16", "g722", "opus")]})


def signal(name: str, seed: int = 7) -> tuple[bytes, audio.Pcm]:
    """What Asterisk sends, as its file and as samples: every code of the codec, in no order."""
    _, _, suffix, rate = EXACT[name]
    if suffix in audio.G711:
        codes = audio.noise(SECONDS * rate, seed)
        return codes.tobytes(), audio.G711[suffix][codes]
    pcm = audio.noise(SECONDS * rate, seed, 65536, np.int16)
    return pcm.tobytes(), pcm.astype(np.int16)


@pytest.mark.parametrize("name", EXACT)
def test_control_a_plain_reflector_is_exact(asterisk: Asterisk, tmp_path: Path, name: str) -> None:
    """The measure itself: SIPp sends Asterisk's packets back as they are."""
    payload_type, rtpmap, suffix, rate = EXACT[name]
    data, sent = signal(name)
    echo = Echo(tmp_path, payload_type, rtpmap)
    try:
        heard = asterisk.probe(f"PJSIP/{name}/{echo.uri}", data, suffix, rate)
        assert audio.echo_fault(sent, heard, rate, head_ms=0, slip_ms=0) == ""
    finally:
        echo.stop()


@pytest.mark.behaviour("Accounts", "registers with a digest password over UDP and TLS", peer="Asterisk 22", rfc="3261 22.4")
@pytest.mark.parametrize("name", ["ulaw", "tls"])
def test_registers_with_digest(asterisk: Asterisk, narrow: Switch, name: str) -> None:
    """RFC 3261 22.4 over UDP and over TLS; Asterisk has no contact for an extension that failed authentication."""
    contact = asterisk.wait_registered(name)
    port = narrow.tls_port if name == "tls" else narrow.sip_port
    assert f"@{ports.HOST}:" in contact, contact
    if name == "tls":
        assert re.search(r"transport=tls", contact, re.IGNORECASE), contact
    else:
        assert f":{port}" in contact, contact


@pytest.mark.behaviour(
    "Accounts", "a wrong password leaves the account outside, and says so", peer="Asterisk 22", rfc="3261 22.1"
)
def test_wrong_password_stays_outside(asterisk: Asterisk, start_switch: StartSwitch) -> None:
    switch = start_switch("echo", sip={"accounts": [account(asterisk, "phone") | {"password": "not-the-one-83"}]})
    metrics = switch.get("/metrics")[1]
    assert asterisk.contact("phone") == ""
    assert "not-the-one-83" not in metrics + switch.log(1000)


@pytest.mark.behaviour(
    "Dialogs", "answers a PBX and returns its G.711 and linear audio to the sample", peer="Asterisk 22", rfc="3264 6.1"
)
@pytest.mark.parametrize("name", ["ulaw", "alaw", "slin"])
def test_narrowband_echo_is_exact(asterisk: Asterisk, narrow: Switch, name: str) -> None:
    asterisk.wait_registered(name)
    _, _, suffix, rate = EXACT[name]
    data, sent = signal(name)
    assert audio.echo_fault(sent, asterisk.probe(f"PJSIP/{name}", data, suffix, rate), rate) == ""


@pytest.mark.behaviour("Dialogs", "returns 16 kHz linear audio to the sample", peer="Asterisk 22", rfc="3551 4.5.11")
def test_wideband_l16_echo_is_exact(asterisk: Asterisk, wide: Switch) -> None:
    asterisk.wait_registered("slin16")
    data, sent = signal("slin16")
    assert audio.echo_fault(sent, asterisk.probe("PJSIP/slin16", data, "sln16", 16000), 16000) == ""


@pytest.mark.behaviour("SRTP", "takes calls keyed by SDES, over UDP and TLS signalling", peer="Asterisk 22", rfc="4568 6.1")
@pytest.mark.parametrize("name", ["sdes", "tls"])
def test_secured_echo_is_exact(asterisk: Asterisk, narrow: Switch, name: str) -> None:
    """SRTP keyed by SDES (RFC 4568); signalling over TLS."""
    asterisk.wait_registered(name)
    data, sent = signal("ulaw")
    before = {call["id"] for call in narrow.calls()}
    assert audio.echo_fault(sent, asterisk.probe(f"PJSIP/{name}", data, "ulaw", 8000), 8000) == ""
    [call] = [call for call in narrow.calls() if call["id"] not in before]
    assert narrow.call(call["id"])["media"]["secure"] is (name == "sdes")


@pytest.mark.behaviour("Dialogs", "speaks G.722 and Opus with a PBX", peer="Asterisk 22", rfc="7587 7")
@pytest.mark.parametrize(("name", "lowest"), [("g722", 0.998), ("opus", 0.99)])
def test_lossy_echo_keeps_the_wave(asterisk: Asterisk, wide: Switch, name: str, lowest: float) -> None:
    """Coded twice on the way, so the wave is compared, not the samples; 0.998 is a noise 24 dB below it."""
    asterisk.wait_registered(name)
    sent = audio.chirp(SECONDS, 16000, 200, 6000)
    heard = asterisk.probe(f"PJSIP/{name}", sent.tobytes(), "sln16", 16000)
    assert audio.wave_fault(sent, heard, 16000, lowest) == ""
    assert abs(audio.level_db(heard[: len(sent)]) - audio.level_db(sent)) < 1.5
