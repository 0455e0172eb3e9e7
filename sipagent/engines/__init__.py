# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech engines by name. `load` gives the set that the configuration names, ready for the first call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sipagent.config import Config
from sipagent.engines.base import Brain, Engine, EngineMissing, Stt, Tts, Vad
from sipagent.engines.clips import Clips
from sipagent.engines.registry import LOCAL_VOICES, available, create_brain, create_stt, create_tts, create_vad
from sipagent.log import get_logger

__all__ = ["EngineSet", "available", "create_brain", "create_stt", "create_tts", "create_vad", "load"]

log = get_logger(__name__)


@dataclass(slots=True)
class EngineSet:
    """Loaded engines, shared by all calls, and the clips for the moments when one fails."""

    vad: Vad
    stt: Stt
    tts: Tts
    brain: Brain
    clips: Clips

    async def close(self) -> None:
        """Ends their threads and processes."""
        await asyncio.gather(*(e.close() for e in (self.vad, self.stt, self.tts, self.brain)))


async def load(cfg: Config) -> EngineSet:
    """Loads what `cfg.engines` names, side by side. Raises EngineMissing with the fix."""
    names = cfg.engines
    vad, stt = create_vad(names.vad, cfg), create_stt(names.stt, cfg)
    tts, brain = create_tts(names.tts, cfg), create_brain(names.brain, cfg)
    engines: tuple[Engine, ...] = (vad, stt, tts, brain)
    await asyncio.gather(*(e.load() for e in engines))
    clips = Clips()
    if not await clips.record(tts):
        await _record_with_another(clips, cfg)
    log.info("engines loaded", vad=vad.name, stt=stt.name, tts=tts.name, brain=brain.name)
    return EngineSet(vad, stt, tts, brain, clips)


async def _record_with_another(clips: Clips, cfg: Config) -> None:
    """By a voice of this machine: nobody asked for another service."""
    plain = cfg.model_copy(update={"engines": cfg.engines.model_copy(update={"voice": ""})})
    for name in (name for name in LOCAL_VOICES if name != cfg.engines.tts):
        tts = create_tts(name, plain)
        try:
            await tts.load()
            if await clips.record(tts):
                return
        except EngineMissing as e:
            log.info("no second voice", engine=name, error=str(e))
        finally:
            await tts.close()
    log.error("no voice can speak the apologies; callers will hear a tone when an engine fails")
