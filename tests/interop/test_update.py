# SPDX-License-Identifier: GPL-3.0-or-later
"""Codec and packet time of a call that is up, changed by HTTP; and who answers when we have given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.interop import audio, ports
from tests.interop.asterisk import Asterisk
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.sipp import Callee, late_scenario
from tests.interop.switch import Switch
from tests.sip.rig import config, user_agent

RATE = 8000
SECONDS = 10
CODECS = ["PCMU/8000", "PCMA/8000", "G722/8000", "opus/48000"]
MOST_MS = 60  # of silence that a change may make; what a stalled machine adds is not its fault:
STALLED_MS = 200


@pytest.fixture(scope="module")
def switch(asterisk: Asterisk, start_switch: StartSwitch) -> Switch:
    account = {"user": "phone", "password": "phone-secret", "host": ports.HOST, "port": asterisk.sip_port}
    return start_switch("echo", sip={"accounts": [account]}, media={"codecs": CODECS, "rate": RATE})


def change(switch: Switch, call_id: str, **wanted: object) -> None:
    """Asks for it, and waits until a fifth of a second of sound has gone both ways since."""
    status, body = switch.post(f"/v1/calls/{call_id}/update", **wanted)
    assert status == 200, body
    call = json.loads(body)
    if "codec" in wanted:
        assert call["codec"].lower().startswith(str(wanted["codec"]).lower()), call["codec"]
    before = call["media"]
    until(
        "sound both ways",
        lambda: all(switch.call(call_id)["media"][n] >= before[n] + 10 for n in ("rx_packets", "tx_packets")),
        10,
    )


def live(switch: Switch) -> str:
    until("a call", lambda: any(call["state"] == "confirmed" for call in switch.live_calls()), 10)
    [call] = switch.live_calls()
    return str(call["id"])


@pytest.mark.behaviour(
    "Dialogs",
    "we change the codec in the middle of a call, and the sound goes on both ways",
    peer="Asterisk 22",
    rfc="3264 8.3.2",
)
def test_with_a_pbx(asterisk: Asterisk, switch: Switch) -> None:
    """Asterisk plays a tone and hears its echo: what is missing went missing one way or the other."""
    asterisk.wait_registered("phone")
    law = audio.G711["ulaw"]
    tone = audio.tone(SECONDS, RATE, 440.0)
    codes = np.argsort(law, kind="stable")[np.searchsorted(np.sort(law), tone).clip(0, 255)].astype(np.uint8)
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(asterisk.probe, "PJSIP/phone", codes.tobytes(), "ulaw", RATE, 60.0)
        call_id = live(switch)
        for codec in ("opus", "PCMU", "opus"):
            change(switch, call_id, codec=codec)
        media = switch.call(call_id)["media"]
        line = heard.result()
    assert media["rx_lost"] == 0
    middle = line[RATE : (SECONDS - 2) * RATE]
    assert max(audio.silences_ms(middle, RATE, audio.level_db(tone) - 20), default=0) <= MOST_MS + STALLED_MS
    switch.wait_idle()


@pytest.mark.behaviour(
    "Dialogs",
    "we change codec and packet time with a softphone in the middle of a call",
    peer="baresip",
    rfc="3264 8.3.2",
)
def test_with_a_softphone(switch: Switch, softphone: Callable[..., Softphone], tmp_path: Path) -> None:
    microphone = audio.write_wav(tmp_path / "microphone.wav", audio.chirp(60, RATE), RATE)
    phone = softphone(microphone, RATE, "PCMU/8000/1,PCMA/8000/1,G722/16000/1")
    phone.call(switch.uri)
    call_id = live(switch)
    for wanted in ({"codec": "PCMA"}, {"codec": "G722"}, {"ptime_ms": 40}, {"codec": "PCMU", "ptime_ms": 20}):
        change(switch, call_id, **wanted)
    status, body = switch.post(f"/v1/calls/{call_id}/update", codec="opus")
    assert (status, "update refused: 488" in body) == (409, True), body
    change(switch, call_id, codec="PCMU")
    assert switch.call(call_id)["media"]["rx_lost"] == 0
    phone.hang_up()
    switch.wait_idle()


@pytest.mark.behaviour(
    "Dialogs",
    "who answers when we have given up gets ACK and BYE",
    peer="SIPp",
    rfc="3261 13.2.2.4",
)
async def test_a_late_answer(tmp_path: Path) -> None:
    callee = Callee(tmp_path, late_scenario(1500))
    trunk = {"name": "slow", "hosts": [f"{ports.HOST}:{callee.port}"], "options_s": 0}
    try:
        async with user_agent(config(sip={"try_s": 0.5, "trunks": [trunk]}, media={"codecs": ["PCMU/8000"]})) as rig:
            await asyncio.wait_for(rig.until(lambda: bool(rig.ua.trunks()[0].hosts[0].target)), 5)
            for _ in range(2):
                call = await rig.invite("sip:1@slow.example", account="slow")
                await rig.over(call)
                assert call.end_code == 408
            await asyncio.wait_for(rig.until(lambda: callee.counts().succeeded == 2), 20)
            assert callee.counts().failed == 0
    finally:
        callee.stop()
