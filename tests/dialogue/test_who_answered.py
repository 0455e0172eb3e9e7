# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger names the engine that answered, not the one that was asked first."""

from __future__ import annotations

from typing import Any

from sipagent.engines.base import EngineError
from sipagent.engines.failover import FailoverStt, FailoverTts
from sipagent.testing import ScriptedStt, ScriptedTts


class Broken:
    """Fails at everything."""

    name = "broken"

    async def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        raise EngineError("broken")

    async def prime(self, texts: Any, rate: int) -> None:
        """It can't."""

    async def synthesize(self, text: str, rate: int) -> Any:
        raise EngineError("broken")
        yield b""


def test_who_took_over_is_who_answered(stage: Any) -> None:
    stage.stt = FailoverStt("stt", [Broken(), ScriptedStt(stage.speech)], 1.0)  # type: ignore[list-item]
    stage.tts = FailoverTts("tts", [Broken(), ScriptedTts()], 1.0)  # type: ignore[list-item]
    stage.tts.said = []

    async def scene() -> None:
        await stage.quiet()
        stage.say("hello.")
        await stage.quiet(1.0)

    stage.play(scene())
    (turn,) = stage.ledger
    assert turn["caller_heard"] == "hello."
    assert turn["engines"] == {"vad": "level", "stt": "scripted", "tts": "scripted", "brain": "rules"}
