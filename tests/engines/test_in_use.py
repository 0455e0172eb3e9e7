# SPDX-License-Identifier: GPL-3.0-or-later
"""Services chosen in the configuration, as a user meets them: examined by `sipagent doctor`, and heard in a conversation."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from sipagent import doctor, engines
from sipagent.agents.reception import ReceptionAgent
from sipagent.config import Config
from sipagent.testing import CodedSpeech, FakeLeg, LevelVad, fake_call
from tests.engines.conftest import KEYS
from tests.engines.deepgram_server import DeepgramServer
from tests.engines.http_server import HttpServer, Mood
from tests.engines.speech_services import KEY

PATIENCE_S = 60.0  # of a scene on a slow machine


def switch(openai: HttpServer, elevenlabs: HttpServer, deepgram: DeepgramServer, stt: str, tts: str, **more: Any) -> Config:
    chosen = {
        "stt": stt,
        "tts": tts,
        "openai_stt": {"base_url": openai.url, **KEYS},
        "openai_tts": {"base_url": openai.url, **KEYS},
        "elevenlabs": {"base_url": elevenlabs.url, **KEYS},
        "deepgram": {"base_url": deepgram.url, **KEYS},
        **more,
    }
    return Config.model_validate({"engines": chosen})


@pytest.mark.parametrize(("stt", "tts"), [("openai", "elevenlabs"), ("deepgram", "openai")])
async def test_a_caller_is_understood_and_answered_by_services(
    openai: HttpServer, elevenlabs: HttpServer, deepgram: DeepgramServer, speech: CodedSpeech, stt: str, tts: str
) -> None:
    cfg = switch(openai, elevenlabs, deepgram, stt, tts)
    loaded = await engines.load(cfg)
    await loaded.vad.close()
    loaded.vad = LevelVad()  # a coded word is a tone, and no detector of speech takes it for speech
    loop = asyncio.get_running_loop()
    leg = FakeLeg(clock=lambda: round(loop.time() * 1e6))
    call, control = fake_call(leg)
    agent = ReceptionAgent(cfg, loaded, clock=lambda: round(loop.time() * 1e6))
    talk = asyncio.create_task(agent.on_call(call))
    leg.start()
    try:
        await said_by("agent", call.notes, 1)
        await quiet(leg)
        leg.hear(speech.say("do you have a swimming pool", 1.5, leg.rate) + bytes(leg.rate))
        lines = await said_by("agent", call.notes, 2)
        assert [line["text"] for line in call.notes["transcript"] if line["who"] == "caller"] == ["do you have a swimming pool"]
        assert "pool" in lines[1]
        await quiet(leg)
        leg.hear(speech.say("goodbye", 0.8, leg.rate) + bytes(leg.rate))
        await asyncio.wait_for(talk, PATIENCE_S)
        assert control.hung_up == [(0, "")]
    finally:
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)
        leg.close()
        await loaded.close()


async def said_by(who: str, notes: dict[str, Any], count: int) -> list[str]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            lines = [line["text"] for line in notes.get("transcript", []) if line["who"] == who]
            if len(lines) >= count:
                return lines
            await asyncio.sleep(0.02)


async def quiet(leg: FakeLeg) -> None:
    """Until the bot has been silent for half a second."""
    async with asyncio.timeout(PATIENCE_S):
        still = 0.0
        while still < 0.5:
            await asyncio.sleep(0.02)
            still = 0.0 if leg.pending else still + 0.02


async def test_doctor_asks_the_services(openai: HttpServer, elevenlabs: HttpServer, deepgram: DeepgramServer) -> None:
    cfg = switch(openai, elevenlabs, deepgram, "deepgram", "elevenlabs", failover={"stt": ["openai"], "tts": ["openai"]})
    found = {finding.name: finding for finding in await doctor.speech(cfg)}
    for name in ("engine stt", "engine tts", "engine stt that takes over", "engine tts that takes over"):
        assert found[name].status == "ok", found[name]
        assert "its service answers" in found[name].detail


async def test_doctor_warns_of_a_service_that_is_away_or_refuses_the_key(
    openai: HttpServer, elevenlabs: HttpServer, deepgram: DeepgramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai.mood = Mood(deaf=True)
    monkeypatch.setenv("SPEECH_TEST_KEY", "sk-wrong-0123456789")
    cfg = switch(openai, elevenlabs, deepgram, "openai", "elevenlabs")
    found = {finding.name: finding for finding in await doctor.speech(cfg)}
    assert found["engine stt"].status == found["engine tts"].status == "warning"
    assert "RemoteProtocolError" in found["engine stt"].detail or "ReadError" in found["engine stt"].detail
    assert "401" in found["engine tts"].detail
    assert "engines.failover.tts" in found["engine tts"].fix
    assert "sk-wrong" not in str(found)


async def test_doctor_says_which_key_is_missing(
    openai: HttpServer, elevenlabs: HttpServer, deepgram: DeepgramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPEECH_TEST_KEY")
    cfg = switch(openai, elevenlabs, deepgram, "deepgram", "espeak")
    found = {finding.name: finding for finding in await doctor.speech(cfg)}
    assert found["engine stt"].status == "fatal"
    assert "environment variable SPEECH_TEST_KEY holds no key" in found["engine stt"].detail


async def test_no_key_is_ever_logged(
    openai: HttpServer, elevenlabs: HttpServer, deepgram: DeepgramServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by us, and not by the libraries at their most talkative."""
    caplog.set_level(logging.DEBUG)
    cfg = switch(openai, elevenlabs, deepgram, "deepgram", "openai")
    loaded = await engines.load(cfg)
    await loaded.stt.transcribe(CodedSpeech().say("hello", 1.0), 16000)
    await loaded.close()
    assert any("127.0.0.1" in record.getMessage() for record in caplog.records)
    assert not [record for record in caplog.records if KEY in record.getMessage()]
