# SPDX-License-Identifier: GPL-3.0-or-later
"""linphonec as a softphone that calls us, is called, holds, presses digits and transfers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipagent.call import Call
from tests.interop import audio
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.linphone import Linphone
from tests.interop.phones import CODEC, TALK_S, loudest, tone
from tests.interop.phones import hears as listens
from tests.interop.process import until
from tests.interop.trunk import MEDIA, RATE, hears, over, says
from tests.sip.rig import WAIT_S, Rig, config, echo, user_agent

HERTZ = 700.0
StartPhone = Callable[..., Linphone]


@pytest.fixture
def linphone(tmp_path: Path) -> Iterator[StartPhone]:
    phones: list[Linphone] = []

    def start(hz: float = HERTZ, **options: Any) -> Linphone:
        microphone = audio.write_wav(tmp_path / f"tone{hz:g}.wav", audio.tone(60.0, RATE, hz), RATE)
        phones.append(Linphone(tmp_path / f"linphone{len(phones)}", microphone, **options))
        return phones[-1]

    yield start
    for phone in phones:
        phone.stop()
        print(phone.log())  # shown where a test failed


async def taken(rig: Rig, phone: Linphone) -> Call:
    """The phone calls, and is answered."""
    await asyncio.to_thread(phone.command, f"call {rig.uri()}")
    call = await rig.taken()
    await call.control.answer()
    await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
    return call


async def sends(rig: Rig, call: Call) -> None:
    """Three seconds of packets go to the phone."""
    before = call.leg.stats()["tx_packets"]
    await asyncio.wait_for(rig.until(lambda: call.leg.stats()["tx_packets"] >= before + 150), 20)


def heard(phone: Linphone, hz: float) -> float:
    """The share of this tone in the middle of what it heard."""
    phone.stop()
    pcm, rate = audio.read_wav(phone.heard)
    late = pcm[-5 * rate // 2 : -rate // 2].astype(np.float64)
    power = np.abs(np.fft.rfft(late * np.hanning(len(late)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(late), 1 / rate) - hz) < 30
    return float(power[near].sum() / max(power.sum(), 1.0))


@pytest.mark.behaviour(
    "Dialogs", "a softphone calls over UDP or TCP, talks and is heard, with each codec", peer="linphonec", rfc="3261 18.1.1"
)
@pytest.mark.parametrize(("transport", "codec"), [("udp", "PCMU"), ("tcp", "PCMU"), ("udp", "opus"), ("udp", "G722")])
async def test_calls_us(linphone: StartPhone, transport: str, codec: str) -> None:
    phone = linphone(codec=codec)
    cfg = config(sip={"listen": [{"transport": transport, "port": 0}]}, media={"rate": 16000})
    async with user_agent(cfg) as rig:
        call = await taken(rig, phone)
        assert call.source.startswith(f"{transport}:")
        await hears(call, HERTZ)
        echo(call)
        await sends(rig, call)
        await asyncio.to_thread(phone.hang_up)
        await rig.over(call)
        assert call.end_reason == "caller hung up"
    assert heard(phone, HERTZ) > 0.7


@pytest.mark.behaviour(
    "SRTP", "a softphone that wants its calls encrypted gets it, both ways", peer="linphonec", rfc="4568 6.1"
)
async def test_srtp(linphone: StartPhone) -> None:
    phone = linphone(secure=True)
    async with user_agent(config(media=MEDIA)) as rig:
        call = await taken(rig, phone)
        assert call.leg.stats()["secure"]
        await hears(call, HERTZ)
        says(call)
        await sends(rig, call)
        await over(rig, call)
    assert heard(phone, 440.0) > 0.7


@pytest.mark.behaviour(
    "Dialogs", "calls a softphone, which answers; both talk and are heard", peer="linphonec", rfc="3261 13.2"
)
async def test_is_called(linphone: StartPhone) -> None:
    phone = linphone(answers=True)
    async with user_agent(config(media=MEDIA)) as rig:
        call = await rig.invite(phone.uri)
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        says(call)
        await hears(call, HERTZ)
        await sends(rig, call)
        await over(rig, call)
        await asyncio.to_thread(phone.wait_for, "ended")
    assert heard(phone, 440.0) > 0.7


@pytest.mark.behaviour(
    "Dialogs", "a softphone holds and takes back, twice, and is heard again", peer="linphonec", rfc="3264 8.4"
)
async def test_holds(linphone: StartPhone) -> None:
    phone = linphone()
    async with user_agent(config(media=MEDIA)) as rig:
        call = await taken(rig, phone)
        says(call, seconds=60.0)
        for n in (1, 2):
            await hears(call, HERTZ)
            await asyncio.to_thread(phone.command, "pause")
            await asyncio.wait_for(rig.until(lambda: call.held), WAIT_S)
            await asyncio.to_thread(phone.wait_for, "is now paused", times=n)
            await asyncio.to_thread(phone.command, "resume")
            await asyncio.wait_for(rig.until(lambda: not call.held), WAIT_S)
        await hears(call, HERTZ)
        await over(rig, call)


@pytest.mark.behaviour("Dialogs", "hears the digits that are pressed on a softphone", peer="linphonec", rfc="4733 2.3")
async def test_digits(linphone: StartPhone) -> None:
    phone = linphone()
    async with user_agent(config(media=MEDIA)) as rig:
        call = await taken(rig, phone)
        digits: list[str] = []
        call.on_dtmf = lambda digit, ms: digits.append(digit)
        await hears(call, HERTZ)
        for n, digit in enumerate("14#*"):
            await asyncio.to_thread(phone.command, digit)
            await asyncio.wait_for(rig.until(lambda n=n: len(digits) > n), WAIT_S)  # type: ignore[misc]
        assert "".join(digits) == "14#*"
        await over(rig, call)


@pytest.mark.behaviour(
    "Transfer", "a softphone sends who it talks with on to a third, and leaves", peer="linphonec", rfc="3515 2.4.4"
)
def test_transfers(
    start_switch: StartSwitch, linphone: StartPhone, softphone: Callable[..., Softphone], tmp_path: Path
) -> None:
    bob = softphone(tone(tmp_path, 500.0), RATE, CODEC, "answermode=auto", user="bob")
    carol = softphone(tone(tmp_path, 1100.0), RATE, CODEC, "answermode=auto", user="carol")
    routes = [{"called": "70", "bridge": bob.uri}, {"called": "71", "bridge": carol.uri}]
    switch = start_switch("echo", routes=routes, media={"rate": RATE})
    phone = linphone()
    phone.call(switch.uri_of("70"))
    bob.wait_for("CALL_ESTABLISHED", WAIT_S)
    listens(bob, TALK_S)
    phone.command(f"transfer {switch.uri_of('71')}")
    carol.wait_for("CALL_ESTABLISHED", 20)
    until("the softphone has left", lambda: len(switch.live_calls()) == 2, 20)
    listens(carol, TALK_S)
    bob.hang_up()
    carol.wait_for("CALL_CLOSED", 20)
    switch.wait_idle()
    carol.stop()
    assert loudest(carol, (500.0, HERTZ, 1100.0)) == {500.0}
