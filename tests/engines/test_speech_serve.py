# SPDX-License-Identifier: GPL-3.0-or-later
"""A telephone call to `sipagent serve` that is understood and answered by services; when they break in mid-call the engines of
this machine take over inside the turn. Real process, real SIP and RTP; the services are on loopback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from sipagent.demo.voice import render
from sipagent.testing import CodedSpeech
from tests.engines.conftest import KEYS
from tests.engines.http_server import HttpServer, Mood
from tests.engines.speech_services import KEY, ElevenLabs, OpenAi
from tests.store.phone import phone
from tests.store.test_restart import RATE, Switch, until

UNDERSTOOD = "Do you have a swimming pool?"
ASKED = "What are your opening hours?"
LOUD = 1000


class Hears(CodedSpeech):
    """A service that understands the same thing whatever is said."""

    def read(self, pcm: bytes) -> str:
        return UNDERSTOOD if np.any(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > LOUD) else ""


async def test_a_call_over_services_that_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS["key_env"], KEY)
    key = f'key_env = "{KEYS["key_env"]}"'
    (hours,) = await render([ASKED], RATE)
    async with HttpServer(OpenAi(Hears())) as openai, HttpServer(ElevenLabs()) as elevenlabs:
        chosen = ["[engines]", 'stt = "openai"', 'tts = "elevenlabs"']
        services = ["[engines.openai_stt]", f'base_url = "{openai.url}"', key]
        services += ["[engines.elevenlabs]", f'base_url = "{elevenlabs.url}"', key]
        behind = ["[engines.failover]", 'stt = ["moonshine"]', 'tts = ["espeak"]']
        switch = await asyncio.to_thread(Switch, tmp_path, *chosen, *services, *behind)  # at start it has the apologies spoken
        try:
            async with phone(switch.uri, "+4930111") as caller:
                await caller.hear()
                await caller.say(hours)
                await caller.hear()
                await until(lambda: "heated pool" in switch.agent_lines()[-1], "what the service understood is answered")
                openai.mood = elevenlabs.mood = Mood(cut_after=0)
                await caller.say(hours)
                await caller.hear()
                await until(lambda: "seven in the morning" in switch.agent_lines()[-1], "what was really said is answered")
        finally:
            switch.process.stop()
        spoken = " ".join(json.loads(request.body)["text"] for request in elevenlabs.requests if request.body)
    assert "heated pool" in spoken
    assert {request.path for request in openai.requests} == {"/v1/audio/transcriptions"}
    assert KEY not in switch.process.output()
