# SPDX-License-Identifier: GPL-3.0-or-later
"""What was said before is said again at once, and nothing else is."""

from __future__ import annotations

import asyncio
import random
import re

import pytest

from sipagent import engines
from sipagent.config import Config
from sipagent.engines.base import EngineError, Voiced, WordEnd
from sipagent.engines.spoken import SpeechCache, Spoken
from sipagent.testing import ScriptedTts

RATE = 8000


def voice(tts: ScriptedTts, cache: SpeechCache, name: str = "joe") -> Spoken:
    return Spoken(tts, name, cache)


async def say(speaker: Spoken, text: str, rate: int = RATE) -> list[bytes]:
    return [piece async for piece in speaker.synthesize(text, rate)]


async def test_what_was_said_is_said_again_without_the_engine() -> None:
    tts, cache = ScriptedTts(), SpeechCache(1 << 20)
    joe = voice(tts, cache)
    first = await say(joe, "Hello.")
    assert await say(joe, "Hello.") == first
    assert tts.said == ["Hello."]
    assert (cache.hits, cache.misses, cache.size) == (1, 1, sum(map(len, first)))


async def test_other_words_rates_and_voices_are_other_speech() -> None:
    tts, cache = ScriptedTts(), SpeechCache(1 << 20)
    await say(voice(tts, cache), "Hello.")
    await say(voice(tts, cache), "Hello!")
    await say(voice(tts, cache), "Hello.", 16000)
    await say(voice(tts, cache, "jill"), "Hello.")
    assert len(tts.said) == 4


@pytest.mark.parametrize("change", [{"voice": "en-gb"}, {"speed": 1.2}, {"openai_tts": {"model": "tts-1"}}])
async def test_every_setting_of_a_voice_is_part_of_it(change: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    tts = ScriptedTts()
    monkeypatch.setattr(engines, "create_tts", lambda name, cfg: tts)
    text = f"Said with {change}."
    for settings in ({}, change, {}, change):
        speaker = engines.create_voice("espeak", Config.model_validate({"engines": settings}))
        _ = [piece async for piece in speaker.synthesize(text, RATE)]
    assert tts.said == [text, text]


def test_what_has_no_sound_takes_no_place() -> None:
    cache = SpeechCache(1 << 20)
    cache.put(("joe", "...", RATE), [])
    assert ("joe", "...", RATE) not in cache


async def test_half_an_answer_is_not_kept() -> None:
    tts, cache = ScriptedTts(), SpeechCache(1 << 20)
    joe = voice(tts, cache)
    stopped = joe.synthesize("Interrupted after a moment.", RATE)
    await anext(stopped)
    await stopped.aclose()
    tts.fail = re.compile("Broken")
    with pytest.raises(EngineError):
        await say(joe, "Broken.")
    assert cache.size == 0
    assert tts.cancelled == 1, "the engine was told to stop"
    assert len(b"".join(await say(joe, "Interrupted after a moment."))) == 2 * int(27 * tts.CHAR_S * RATE)


async def test_word_times_are_kept_with_the_sound() -> None:
    class Timed(ScriptedTts):
        async def synthesize(self, text, rate):  # type: ignore[no-untyped-def]
            yield Voiced(bytes(4), [WordEnd(5, 2)])

    joe = voice(Timed(), SpeechCache(1 << 20))
    for _ in range(2):
        (piece,) = await say(joe, "Hello")
        assert isinstance(piece, Voiced)
        assert piece.words == (WordEnd(5, 2),)


def test_the_cache_never_grows_over_its_limit_and_keeps_what_is_used() -> None:
    rng = random.Random(7)
    cache = SpeechCache(10_000)
    cache.put(("v", "greeting", RATE), [bytes(500)])
    for i in range(2000):
        key = ("v", f"clause {rng.randrange(300)}", RATE)
        if (known := cache.get(key)) is None:
            cache.put(key, [bytes(rng.randrange(2000)), bytes(100)])
        else:
            assert len(known) == 2
        assert cache.size <= 10_000
        if i % 3 == 0:
            assert cache.get(("v", "greeting", RATE)) == [bytes(500)]
    cache.put(("v", "a whole book", RATE), [bytes(10_001)])
    assert cache.get(("v", "a whole book", RATE)) is None
    assert cache.get(("v", "greeting", RATE)) is not None, "it was not let go for what can't be kept"


async def test_without_room_nothing_is_kept() -> None:
    tts = ScriptedTts()
    joe = voice(tts, SpeechCache(0))
    await say(joe, "Hello.")
    await say(joe, "Hello.")
    assert len(tts.said) == 2


async def test_a_slow_voice_prepares_while_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipagent.engines.spoken.PRIME_WAIT_S", 0.001)
    tts, cache = ScriptedTts(), SpeechCache(1 << 20)
    tts.slow_start, tts.busy = True, 1  # type: ignore[attr-defined]
    tts.fail = re.compile("Broken")
    joe = voice(tts, cache)
    await say(joe, "Known.")
    preparing = asyncio.create_task(joe.prime(["Known.", "Broken.", "Soon."], RATE))
    await asyncio.sleep(0.02)
    assert tts.said == ["Known."]
    tts.busy = 0  # type: ignore[attr-defined]
    await preparing
    assert tts.said == ["Known.", "Broken.", "Soon."]
    await say(joe, "Soon.")
    assert len(tts.said) == 3


async def test_a_fast_voice_is_not_asked_twice() -> None:
    tts = ScriptedTts()
    await voice(tts, SpeechCache(1 << 20)).prime(["Hello."], RATE)
    assert (tts.said, tts.primed) == ([], ["Hello."])
