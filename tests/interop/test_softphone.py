# SPDX-License-Identifier: GPL-3.0-or-later
"""A softphone (baresip) calls the switch; what it recorded is measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz import fuzz

from sipagent import engines
from sipagent.config import Config, Dialogue
from tests.interop import audio
from tests.interop.asterisk import Asterisk
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.ports import HOST
from tests.interop.process import until
from tests.interop.switch import Switch

StartPhone = Callable[..., Softphone]
TALK_S = 6.0
# what: baresip's codec, its rate, lowest correlation of what comes back with what went out
CODECS = {
    "pcmu": ("PCMU/8000/1", 8000, 0.99),
    "pcma": ("PCMA/8000/1", 8000, 0.99),
    "g722": ("G722/16000/1", 16000, 0.99),
    "opus": ("opus/48000/2", 48000, 0.95),
}


@pytest.fixture(scope="module")
def echo(start_switch: StartSwitch) -> Switch:
    return start_switch("echo")


@pytest.fixture(scope="module")
def reception(start_switch: StartSwitch) -> Switch:
    return start_switch("reception")


def talk(phone: Softphone, uri: str, seconds: float) -> tuple[audio.Pcm, int]:
    """Calls, listens for `seconds` of what was heard (by the file's growth, not the clock), hangs up."""
    phone.call(uri)
    until(f"{seconds} s heard", lambda: phone.heard_seconds() >= seconds, seconds + 15)
    phone.hang_up()
    phone.stop()
    return audio.read_wav(phone.heard)


def assert_echoed(sent: audio.Pcm, heard: audio.Pcm, rate: int, lowest: float) -> None:
    """The sweep came back as the same wave, at its own level."""
    assert audio.wave_fault(sent[: round(TALK_S * rate)], heard, rate, lowest) == ""
    middle = heard[rate : 5 * rate]
    assert abs(audio.level_db(middle) - audio.level_db(sent)) < 1.5
    assert max(audio.silences_ms(middle, rate, audio.level_db(sent) - 20), default=0) <= 200


def microphone(folder: Path, rate: int) -> tuple[Path, audio.Pcm]:
    sweep = audio.chirp(TALK_S + 8, rate)
    return audio.write_wav(folder / "microphone.wav", sweep, rate), sweep


@pytest.mark.parametrize("codec", ["pcmu", "opus"])
def test_control_asterisk_echoes_the_softphone(asterisk: Asterisk, softphone: StartPhone, tmp_path: Path, codec: str) -> None:
    """The measure itself: the same call to Asterisk's Echo()."""
    name, rate, lowest = CODECS[codec]
    path, sweep = microphone(tmp_path, rate)
    phone = softphone(path, rate, name, "auth_user=phone", "auth_pass=phone-secret")
    heard, _ = talk(phone, f"sip:600@{HOST}:{asterisk.sip_port}", TALK_S)
    assert_echoed(sweep, heard, rate, lowest)


@pytest.mark.behaviour(
    "Dialogs",
    "a softphone that dials straight in hears its own voice back, with each codec, plain and secured",
    peer="baresip",
    rfc="3261 13.3.1.4",
)
@pytest.mark.parametrize("options", [[], ["mediaenc=srtp-mand"]], ids=["rtp", "sdes"])
@pytest.mark.parametrize("codec", CODECS)
def test_echo(echo: Switch, softphone: StartPhone, tmp_path: Path, codec: str, options: list[str]) -> None:
    name, rate, lowest = CODECS[codec]
    path, sweep = microphone(tmp_path, rate)
    heard, _ = talk(softphone(path, rate, name, *options), echo.uri, TALK_S)
    assert_echoed(sweep, heard, rate, lowest)
    echo.wait_idle()


@pytest.fixture(scope="module")
def thrifty(start_switch: StartSwitch) -> Switch:
    return start_switch("echo", media={"suppress_silence": True})


@pytest.mark.behaviour(
    "Dialogs", "rests in the pauses of a call with Opus, and hears a softphone that rests", peer="baresip", rfc="7587 3.1.3"
)
def test_opus_rests_both_ways(thrifty: Switch, softphone: StartPhone, tmp_path: Path) -> None:
    """Two words with digital silence between and behind them, libopus's DTX on both sides: we send few packets in the pauses
    (baresip sends all of its own), none counts as lost, and both words come back."""
    rate, word_s, pause_s = 48000, 3.0, 4.0
    word, pause = audio.chirp(word_s, rate), np.zeros(round(pause_s * rate), np.int16)
    said = np.concatenate([word, pause, word, np.zeros(30 * rate, np.int16)])
    phone = softphone(audio.write_wav(tmp_path / "microphone.wav", said, rate), rate, "opus/48000/2", opus_dtx=True)
    phone.call(thrifty.uri)
    [call] = thrifty.calls()
    # What it hears in a pause is not in its file. Behind each word an encoder sends 200 ms more, to be sure.
    until("both words heard", lambda: phone.heard_seconds() >= 2 * word_s + 0.3, 40)
    media = thrifty.call(call["id"])["media"]
    phone.hang_up()
    phone.stop()
    heard, _ = audio.read_wav(phone.heard)
    half = len(heard) // 2
    for part in (heard[:half], heard[half:]):
        assert audio.wave_fault(word[: 2 * rate + rate // 2], part, rate, 0.9) == ""
    packets_of_sound = round(2 * word_s * 50)
    assert 0.9 * packets_of_sound < media["tx_packets"] < packets_of_sound + pause_s * 50 / 2
    assert media["rx_lost"] == 0
    thrifty.wait_idle()


@pytest.mark.behaviour("Dialogs", "a caller who says nothing is greeted in words", peer="baresip")
async def test_reception_greets_in_words(reception: Switch, softphone: StartPhone, tmp_path: Path) -> None:
    """A caller who says nothing hears the greeting: speech by its level, and its words by our own recogniser."""
    rate = 8000
    silence = audio.write_wav(tmp_path / "silence.wav", np.zeros(20 * rate, np.int16), rate)
    heard, heard_rate = talk(softphone(silence, rate, "PCMU/8000/1"), reception.uri, 8.0)
    assert heard_rate == rate
    loudest = max(audio.level_db(heard[i : i + rate // 2]) for i in range(0, len(heard) - rate // 2, rate // 4))
    assert -35 < loudest < -6, loudest
    patient = Config(dialogue=Dialogue(stt_timeout_s=60))  # how fast this machine is just now is not judged
    stt = engines.create_stt("moonshine", patient)
    await stt.load()
    try:
        text = await stt.transcribe(heard.astype("<i2").tobytes(), rate)
    finally:
        await stt.close()
    [call] = reception.calls()
    said = " ".join(line["text"] for line in reception.call(call["id"])["transcript"])
    # The default voice is robotic: not every word is understood, but most of them, in their order.
    assert fuzz.partial_ratio(said.lower(), text.lower()) > 60, (said, text)
    reception.wait_idle()
