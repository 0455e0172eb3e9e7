# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound and digits between Asterisk 22 and us: codecs, holds, a media path that moves, session timers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sipagent.call import Call
from tests.interop import audio, ports
from tests.interop.asterisk import Asterisk
from tests.interop.baresip import Softphone
from tests.interop.process import until
from tests.interop.trunk import RATE, called, calls, hears, over, says, talks, trunk
from tests.sip.rig import WAIT_S, Rig

DIGITS = "159*"
OTHER_HERTZ = 700.0
INTERVAL_S = 90.0  # the shortest there is (RFC 4028 section 4), refreshed at half of it


def digits_of(call: Call) -> list[str]:
    heard: list[str] = []
    call.on_dtmf = lambda digit, ms: heard.append(digit)
    return heard


async def more(rig: Rig, call: Call, what: str, n: int) -> None:
    """So many packets more."""
    before = call.leg.stats()[what]
    await asyncio.wait_for(rig.until(lambda: call.leg.stats()[what] >= before + n), WAIT_S)


async def come_back(rig: Rig, call: Call, heard: list[str]) -> None:
    """The digits that were sent, each once; the call ends."""
    await asyncio.wait_for(rig.until(lambda: len(heard) >= len(DIGITS)), 20)
    assert "".join(heard) == DIGITS
    await over(rig, call)


def refresher(asterisk: Asterisk, call: Call) -> str:
    """Which request within the dialog Asterisk's log shows: "Received" from us, "Transmitting" to us; "" = none yet."""
    for message in asterisk.log(3000).split("<--- "):
        if re.search(r"--->\n(UPDATE|INVITE) ", message) and call.sip_call_id in message:
            return message.split()[0]
    return ""


@pytest.mark.behaviour("Dialogs", "calls a PBX with each codec and hears itself back", peer="Asterisk 22", rfc="3264 5.1")
@pytest.mark.parametrize("codec", ["PCMU/8000", "PCMA/8000", "G722/8000", "opus/48000", "L16/8000", "L16/16000"])
async def test_each_codec(asterisk: Asterisk, codec: str) -> None:
    async with trunk(asterisk, media={"codecs": [codec], "rate": 16000}) as rig:
        call = await talks(rig, asterisk, "600")
        says(call)
        await hears(call)
        assert codec.split("/")[0].lower() in call.leg.describe().lower()
        await over(rig, call)


@pytest.mark.behaviour(
    "Dialogs", "sends digits to a PBX and hears digits of it, as telephone-events", peer="Asterisk 22", rfc="4733 2.3"
)
async def test_telephone_events(asterisk: Asterisk) -> None:
    async with trunk(asterisk) as rig:
        call = await talks(rig, asterisk, "603")
        heard = digits_of(call)
        assert call.leg.takes_events
        await call.send_dtmf(DIGITS)
        await come_back(rig, call, heard)


@pytest.mark.behaviour(
    "Dialogs",
    "sends digits to a PBX and hears digits of it, by INFO, where it has no telephone-events",
    peer="Asterisk 22",
    rfc="6086 4.2",
)
async def test_digits_by_info(asterisk: Asterisk) -> None:
    async with trunk(asterisk, "info") as rig:
        call = await talks(rig, asterisk, "603")
        heard = digits_of(call)
        assert not call.leg.takes_events
        await call.send_dtmf(DIGITS)
        await come_back(rig, call, heard)


@pytest.mark.behaviour(
    "Dialogs",
    "sends digits to a PBX and hears digits of it, as sound, where it has nothing else",
    peer="Asterisk 22",
    rfc="4733 1.2",
)
async def test_digits_as_sound(asterisk: Asterisk) -> None:
    async with trunk(asterisk, "inband", media={"inband_dtmf": True}) as rig:
        call = await talks(rig, asterisk, "603")
        heard = digits_of(call)
        assert not call.leg.takes_events
        call.leg.send_dtmf(DIGITS, 150)
        await come_back(rig, call, heard)


@pytest.mark.behaviour("Dialogs", "holds a PBX and takes it back, and hears it again", peer="Asterisk 22", rfc="3264 8.4")
async def test_we_hold(asterisk: Asterisk) -> None:
    async with trunk(asterisk) as rig:
        call = await talks(rig, asterisk, "600")
        says(call, seconds=60.0)
        for _ in range(2):
            await more(rig, call, "rx_packets", 25)
            await call.control.hold(True)
            await more(rig, call, "tx_packets", 10)  # what was under way
            before = call.leg.stats()["rx_packets"]
            await more(rig, call, "tx_packets", 25)
            assert call.leg.stats()["rx_packets"] <= before + 2
            await call.control.hold(False)
        await hears(call)
        await over(rig, call)


@pytest.mark.behaviour(
    "Dialogs", "a phone behind a PBX holds and takes back: we are told, and hear it again", peer="Asterisk 22", rfc="3264 8.4"
)
async def test_a_phone_behind_it_holds(asterisk: Asterisk, softphone: Callable[..., Softphone], tmp_path: Path) -> None:
    microphone = audio.write_wav(tmp_path / "tone.wav", audio.tone(60.0, RATE, OTHER_HERTZ), RATE)
    phone = softphone(microphone, RATE, "PCMU/8000/1", "auth_user=phone", "auth_pass=phone-secret")
    async with trunk(asterisk) as rig:
        await asyncio.to_thread(phone.dial, f"sip:9001@{ports.HOST}:{asterisk.sip_port}")
        call = await rig.taken()
        await call.control.answer()
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        says(call, seconds=60.0)
        for _ in range(2):
            await hears(call, OTHER_HERTZ)
            for on in (True, False):
                await asyncio.to_thread(phone.hold, on)
                await asyncio.wait_for(rig.until(lambda on=on: call.held is on), WAIT_S)  # type: ignore[misc]
        await hears(call, OTHER_HERTZ)
        await asyncio.to_thread(phone.hang_up)
        await rig.over(call)
        assert call.end_code == 0


@pytest.mark.behaviour(
    "Dialogs",
    "a PBX that leaves the media path moves our sound to the other side's address, and nothing of it is lost",
    peer="Asterisk 22",
    rfc="3261 14.2",
)
async def test_direct_media(asterisk: Asterisk) -> None:
    """Both sides of the call are ours, so that what Asterisk told either is known: the other one's own port."""
    async with trunk(asterisk, "direct") as rig:
        out = await calls(rig, asterisk, "608")
        incoming = await rig.taken()
        await incoming.control.answer()
        for call, hz in ((out, 440.0), (incoming, OTHER_HERTZ)):
            await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
            says(call, hz)

        async def directly() -> bool:
            """Packets come, and Asterisk sees none of them."""
            before = await asyncio.to_thread(asterisk.channel_statistics, "direct")
            await more(rig, out, "rx_packets", 25)
            return before[1] == (await asyncio.to_thread(asterisk.channel_statistics, "direct"))[1]

        async with asyncio.timeout(20):
            while not await directly():
                pass
        await hears(out, OTHER_HERTZ)
        await hears(incoming, 440.0)
        await over(rig, out, incoming)


@pytest.mark.behaviour(
    "Dialogs",
    "session timers with a PBX: refreshed by us in calls that we make, by it in calls that it makes",
    peer="Asterisk 22",
    rfc="4028 7.2",
)
async def test_session_timers(asterisk: Asterisk) -> None:
    """Half of the shortest interval there is, for both calls at once."""
    timers = {"calls": {"session_timer": "always", "session_expires_s": round(INTERVAL_S)}}
    async with trunk(asterisk, "timers", sip=timers) as rig:
        ours = await talks(rig, asterisk, "600")
        theirs = await called(rig, asterisk, "9001", "timed")
        await theirs.control.answer()
        await asyncio.wait_for(theirs.answered.wait(), WAIT_S)
        asterisk.cli("pjsip set logger on")
        try:
            await asyncio.to_thread(
                until, "refreshed", lambda: all(refresher(asterisk, call) for call in (ours, theirs)), INTERVAL_S, 0.5
            )
        finally:
            asterisk.cli("pjsip set logger off")
        assert [refresher(asterisk, call) for call in (ours, theirs)] == ["Received", "Transmitting"]
        assert not ours.ended.is_set()
        assert not theirs.ended.is_set()
        await over(rig, ours, theirs)
