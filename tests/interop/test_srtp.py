# SPDX-License-Identifier: GPL-3.0-or-later
"""Secured calls with real peers: keys by SDES and by DTLS, offered by them and by us, through hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.asterisk import Asterisk
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.switch import Switch
from tests.interop.test_asterisk import account, signal

StartPhone = Callable[..., Softphone]
RATE = 8000
CODEC = "PCMU/8000/1"
TALK_S = 5.0
WAIT_S = 20


@pytest.fixture(scope="module")
def pbx_switch(asterisk: Asterisk, start_switch: StartSwitch) -> Switch:
    accounts = [account(asterisk, "dtls", srtp="required", srtp_keying="dtls")]
    return start_switch("echo", sip={"accounts": accounts}, media={"rate": RATE})


@pytest.mark.behaviour("SRTP", "takes calls keyed by a DTLS handshake, to the sample", peer="Asterisk 22", rfc="5764 4.2")
def test_dtls_with_a_pbx(asterisk: Asterisk, pbx_switch: Switch) -> None:
    """Asterisk offers UDP/TLS/RTP/SAVP; what it sends once both sides have keys comes back bit for bit."""
    asterisk.wait_registered("dtls")
    data, sent = signal("ulaw")
    head_ms = 1000  # a hello that comes before Asterisk listens for it goes again after 0.25 s and 0.75 s
    assert audio.echo_fault(sent, asterisk.probe("PJSIP/dtls", data, "ulaw", RATE), RATE, head_ms=head_ms) == ""
    [call] = pbx_switch.calls()
    assert pbx_switch.call(call["id"])["media"]["secure"] is True
    pbx_switch.wait_idle()


def microphone(folder: Path) -> tuple[Path, audio.Pcm]:
    sweep = audio.chirp(TALK_S + 12, RATE)
    return audio.write_wav(folder / "microphone.wav", sweep, RATE), sweep


def assert_heard(sent: audio.Pcm, phone: Softphone) -> None:
    heard, rate = audio.read_wav(phone.heard)
    assert rate == RATE
    alike = audio.likeness(sent[: round(TALK_S * RATE)], heard, RATE)
    assert np.median(alike) > 0.99, alike


@pytest.mark.behaviour(
    "SRTP", "a softphone that keys by DTLS hears its own voice back, on one port or two", peer="baresip", rfc="5763 5"
)
@pytest.mark.parametrize("mux", [True, False], ids=["mux", "two ports"])
def test_dtls_with_a_softphone(start_switch: StartSwitch, softphone: StartPhone, tmp_path: Path, mux: bool) -> None:
    switch = start_switch("echo", media={"rate": RATE})
    path, sweep = microphone(tmp_path)
    phone = softphone(path, RATE, CODEC, "mediaenc=dtls_srtp", rtcp_mux=mux)
    phone.call(switch.uri)
    until(f"{TALK_S} s heard", lambda: phone.heard_seconds() >= TALK_S, TALK_S + WAIT_S)
    [call] = switch.live_calls()
    assert switch.call(call["id"])["media"]["secure"] is True
    phone.hang_up()
    phone.stop()
    assert_heard(sweep, phone)
    switch.wait_idle()


@pytest.mark.behaviour(
    "SRTP", "joins a caller keyed one way with a callee keyed the other; both hear each other", peer="baresip", rfc="5763 5"
)
@pytest.mark.parametrize(
    ("ours", "callers", "callees"), [("dtls", "dtls_srtp", "dtls_srtp"), ("any", "dtls_srtp", "srtp-mand")]
)
def test_we_offer_keys(
    start_switch: StartSwitch, softphone: StartPhone, tmp_path: Path, ours: str, callers: str, callees: str
) -> None:
    path, sweep = microphone(tmp_path)
    bob = softphone(path, RATE, CODEC, f"mediaenc={callees}", "answermode=auto", user="bob", rtcp_mux=True)
    rows: list[dict[str, Any]] = [{"called": "70", "bridge": bob.uri}]
    switch = start_switch("echo", routes=rows, sip={"srtp": "required", "srtp_keying": ours}, media={"rate": RATE})
    alice = softphone(path, RATE, CODEC, f"mediaenc={callers}", user="alice", rtcp_mux=True)
    alice.call(switch.uri_of("70"))
    bob.wait_for("CALL_ESTABLISHED", WAIT_S)
    for phone in (alice, bob):
        until(f"{TALK_S} s heard", lambda phone=phone: phone.heard_seconds() >= TALK_S, TALK_S + WAIT_S)  # type: ignore[misc]
    live = switch.live_calls()
    assert len(live) == 2
    assert all(switch.call(call["id"])["media"]["secure"] is True for call in live)
    alice.hang_up()
    bob.wait_for("CALL_CLOSED", WAIT_S)
    switch.wait_idle()
    for phone in (alice, bob):
        phone.stop()
        assert_heard(sweep, phone)


@pytest.mark.behaviour(
    "SRTP", "a caller without encryption is refused where it is required, with 488", peer="baresip", rfc="4568 5.1.2"
)
@pytest.mark.parametrize(
    ("keying", "phones"), [("any", []), ("dtls", ["mediaenc=srtp-mand"]), ("sdes", ["mediaenc=dtls_srtp"])]
)
def test_the_wrong_kind_of_keys(
    start_switch: StartSwitch, softphone: StartPhone, tmp_path: Path, keying: str, phones: list[str]
) -> None:
    switch = start_switch("echo", sip={"srtp": "required", "srtp_keying": keying}, media={"rate": RATE})
    phone = softphone(microphone(tmp_path)[0], RATE, CODEC, *phones)
    phone.dial(switch.uri)
    assert "488" in str(phone.wait_for("CALL_CLOSED", WAIT_S)["param"])
    switch.wait_idle()


@pytest.mark.behaviour(
    "SRTP", "a secured call goes on after the softphone has held and resumed it", peer="baresip", rfc="5763 6.6"
)
@pytest.mark.parametrize("keys", ["dtls_srtp", "srtp-mand"])
def test_hold_and_resume(start_switch: StartSwitch, softphone: StartPhone, tmp_path: Path, keys: str) -> None:
    switch = start_switch("echo", media={"rate": RATE})
    phone = softphone(microphone(tmp_path)[0], RATE, CODEC, f"mediaenc={keys}", rtcp_mux=True)
    phone.call(switch.uri)
    until("something heard", lambda: phone.heard_seconds() >= 1, WAIT_S)
    [call] = switch.live_calls()

    def stats() -> dict[str, Any]:
        return dict(switch.call(call["id"])["media"])

    phone.hold(True)
    until("held", lambda: switch.call(call["id"])["held"], WAIT_S)
    phone.hold(False)
    until("resumed", lambda: not switch.call(call["id"])["held"], WAIT_S)
    before = stats()["rx_packets"]
    until("two seconds more", lambda: stats()["rx_packets"] >= before + 100, WAIT_S)
    after = stats()
    assert after["secure"] is True
    assert after["rx_forged"] <= 5  # baresip changes its SDES key: what was under way was sealed with the old one
    assert after["rx_replayed"] == 0
    phone.hang_up()
    switch.wait_idle()
