# SPDX-License-Identifier: GPL-3.0-or-later
"""What every speech engine must do, as checks that an engine's author runs in a test of his own:

    async def test_it_keeps_the_rules() -> None:
        await check_stt(lambda: AcmeStt(cfg), speech=pcm, rate=16000, text="good morning")

A broken rule is an AssertionError that names it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import numpy as np
from rapidfuzz import fuzz

from sipagent.engines.base import Engine, Stt, Tts
from sipagent.engines.pcm import resample
from sipagent.engines.streams import open_stream

RATES = (8000, 16000, 24000, 48000)  # of a call
PATIENCE_S = 60.0  # for one piece of work on a slow machine
SENTENCE = "Good morning, how can I help you today?"
ODD_TEXTS = ("Is 3 < 5 & 5 > 3?", 'He said "hello".', "Zoë's café costs 3.50 €.", "tab\tand\x00null", "x" * 220)
MUTE_TEXTS = ("", "   ", "...", "?!")
QUIET = 0.01  # of the peak: what is softer is silence
REST_S = 0.15  # of silence that may be left at an end
ALIKE = 80  # per cent, of a text that was heard and the one that was said
SAME = 0.15  # two renderings of a sentence may differ so much in length

E = TypeVar("E", bound=Engine)
T = TypeVar("T")


async def check_stt(make: Callable[[], Stt], *, speech: bytes, rate: int, text: str) -> None:
    """`make`: a new engine that is not loaded. `speech`: s16le mono of a second or more in which it hears `text`, but
    for spelling and marks."""
    async with _loaded(make) as stt:

        def heard(got: str) -> None:
            alike = fuzz.ratio(_letters(got), _letters(text))
            assert alike >= ALIKE, f"{stt.name}: heard {got!r}, not {text!r}"
            assert got == got.strip(), f"{stt.name}: a text without blanks at its ends, not {got!r}"

        for nothing in (b"", bytes(rate // 100), bytes(2 * rate)):
            got = await _soon(stt.transcribe(nothing, rate))
            assert got == "", f"{stt.name}: {len(nothing) / 2 / rate:g} s of silence are no words, not {got!r}"
        for other in RATES:
            heard(await _soon(stt.transcribe(resample(speech, rate, other), other)))
        for got in await _soon(asyncio.gather(stt.transcribe(speech, rate), stt.transcribe(speech, rate))):
            heard(got)
        await _cancelled(stt.transcribe(speech, rate))
        heard(await _soon(stt.transcribe(speech, rate)))

        stream = open_stream(stt, rate, lambda text, stable: None)
        assert await _soon(stream.finish()) == "", f"{stt.name}: a turn in which nothing was said yet has no text"
        half = len(speech) // 4 * 2
        stream.feed(speech[:half])
        await _cancelled(stream.finish())
        stream.feed(speech[half:])
        heard(await _soon(stream.finish()))
        stream.feed(bytes(rate // 5))
        heard(await _soon(stream.finish()))
        stream.cancel()
        stream.cancel()
        stream.feed(speech)


async def check_tts(make: Callable[[], Tts]) -> None:
    """`make`: a new engine that is not loaded."""
    async with _loaded(make) as tts:
        lengths = [len(await _sound(tts, SENTENCE, rate)) / 2 / rate for rate in RATES]
        spread = max(lengths) / min(lengths) - 1
        assert spread < SAME, f"{tts.name}: a sentence is as long at every rate, not {lengths} s"
        for text in MUTE_TEXTS:
            pieces = [piece async for piece in tts.synthesize(text, RATES[0])]
            assert not pieces, f"{tts.name}: {text!r} can't be spoken and is no sound"
        for text in ODD_TEXTS:
            await _sound(tts, text, RATES[0])
        one, other = await asyncio.gather(_sound(tts, "One.", 16000), _sound(tts, SENTENCE, 16000))
        assert len(one) < len(other), f"{tts.name}: two clauses at a time are mixed up"
        async with contextlib.aclosing(tts.synthesize(SENTENCE, 16000)) as pieces_of:
            await _soon(anext(pieces_of))
        await _cancelled(_sound(tts, SENTENCE, 16000))
        await _sound(tts, SENTENCE, 16000)
        await _soon(tts.prime([SENTENCE], 16000))


async def _sound(tts: Tts, text: str, rate: int) -> bytes:
    pcm = b""
    async with asyncio.timeout(PATIENCE_S):
        async for piece in tts.synthesize(text, rate):
            assert piece, f"{tts.name}: an empty piece"
            assert len(piece) % 2 == 0, f"{tts.name}: a piece of {len(piece)} bytes cuts a sample in two"
            pcm += piece
    x = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    loud = np.flatnonzero(x > QUIET * x.max()) if len(x) else x
    assert len(loud), f"{tts.name}: no sound for {text!r}"
    for silence, end in ((loud[0], "before"), (len(x) - 1 - loud[-1], "behind")):
        assert silence <= REST_S * rate, f"{tts.name}: {silence / rate:.2f} s of silence {end} {text!r}"
    return pcm


@contextlib.asynccontextmanager
async def _loaded(make: Callable[[], E]) -> AsyncIterator[E]:
    """Loaded, and closed without leaving work behind."""
    before = asyncio.all_tasks()
    engine = make()
    assert isinstance(engine.name, str), "an engine has a name"
    assert engine.name, "an engine has a name"
    await _soon(engine.load())
    try:
        yield engine
    finally:
        await _soon(engine.close())
    await _soon(engine.close())
    left = asyncio.all_tasks() - before
    if left:
        _, left = await asyncio.wait(left, timeout=PATIENCE_S)
    assert not left, f"{engine.name}: close() leaves tasks running: {left}"


async def _soon(work: Awaitable[T]) -> T:
    async with asyncio.timeout(PATIENCE_S):
        return await work


async def _cancelled(work: Awaitable[object]) -> None:
    """Stopped when it is well under way."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0.01)
    task.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(task, return_exceptions=True)


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
