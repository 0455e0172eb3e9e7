# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's sound on its way to the dialogue: bytes of any length become whole samples at the call's rate, without silence
at the ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

from sipagent.engines.base import EngineError, Voiced, WordEnd
from sipagent.engines.pcm import Resampler, Trimmer

STEP_BYTES = 8192  # worked at a time: the event loop has other calls
MAX_SPEECH_S = 120  # of one clause; a server that goes on for ever is broken


async def speech(chunks: AsyncIterable[bytes], source_rate: int, rate: int, name: str) -> AsyncGenerator[bytes, None]:
    """s16le mono from `source_rate` to `rate` Hz, piece by piece. Voiced chunks, whose samples count at `source_rate` from the
    first byte, make Voiced pieces. EngineError when there is no sound in it, or no end."""
    trimmer, resampler = Trimmer(source_rate), Resampler(source_rate, rate)
    odd, taken, spoke = b"", 0, False
    words: list[WordEnd] = []
    async for chunk in chunks:
        words += chunk.words if isinstance(chunk, Voiced) else ()
        data = odd + chunk
        odd = data[len(data) & ~1 :]
        taken += len(chunk)
        if taken > 2 * MAX_SPEECH_S * source_rate:
            raise EngineError(f"{name}: more than {MAX_SPEECH_S} s of sound for one clause")
        for at in range(0, len(data) - len(odd), STEP_BYTES):
            out = resampler.run(trimmer.run(data[at : min(at + STEP_BYTES, len(data) - len(odd))]))
            if out:
                spoke = True
                heard = [WordEnd(chars, (sample - trimmer.head) * rate // source_rate) for chars, sample in words]
                words = []
                yield Voiced(out, heard) if heard else out
            await asyncio.sleep(0)
    tail = resampler.run(trimmer.finish()) + resampler.finish()
    if not spoke and not tail:
        raise EngineError(f"{name}: the answer holds no sound ({taken} bytes)")
    if tail:
        yield tail


def pronounceable(text: str) -> bool:
    """Whether there is anything to say."""
    return any(c.isalnum() for c in text)
