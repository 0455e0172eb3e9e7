# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that only hears whole turns, heard through the interface of those that stream."""

from __future__ import annotations

from sipagent.engines.streams import open_stream
from sipagent.testing import CodedSpeech, ScriptedStt

RATE = 16000


async def test_each_finish_is_the_text_of_all_that_was_fed() -> None:
    speech = CodedSpeech()
    stream = open_stream(ScriptedStt(speech), RATE, lambda text, stable: None)
    stream.feed(speech.say("my number is", 0.5))
    assert await stream.finish() == "my number is"
    stream.feed(bytes(RATE))
    stream.feed(speech.say("four two", 0.5))
    assert await stream.finish() == "my number is four two"
    stream.cancel()


async def test_an_engine_that_streams_is_used_as_it_is() -> None:
    class Streaming(ScriptedStt):
        def stream(self, rate: int, on_partial: object) -> object:
            return ("its own", rate, on_partial)

    def heard(text: str, stable: bool) -> None:
        pass

    opened: object = open_stream(Streaming(CodedSpeech()), RATE, heard)
    assert opened == ("its own", RATE, heard)
