# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech engines by name. `load` gives the set that the configuration names, ready for the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sipagent.config import Config
from sipagent.engines.base import Brain, Engine, EngineMissing, Stt, Tts, Vad
from sipagent.engines.clips import Clips
from sipagent.engines.espeak import EspeakTts
from sipagent.engines.moonshine import MoonshineStt
from sipagent.engines.piper import PiperTts
from sipagent.engines.rules import RulesBrain
from sipagent.engines.silero import SileroVad
from sipagent.log import get_logger

log = get_logger(__name__)

E = TypeVar("E")

VADS: Mapping[str, Callable[[Config], Vad]] = {"silero": SileroVad}
STTS: Mapping[str, Callable[[Config], Stt]] = {"moonshine": MoonshineStt}
TTSS: Mapping[str, Callable[[Config], Tts]] = {"espeak": EspeakTts, "piper": PiperTts}
BRAINS: Mapping[str, Callable[[Config], Brain]] = {"rules": RulesBrain}


def available() -> dict[str, list[str]]:
    """Names of the engines that can be configured, by role."""
    roles: dict[str, Mapping[str, object]] = {"vad": VADS, "stt": STTS, "tts": TTSS, "brain": BRAINS}
    return {role: sorted(known) for role, known in roles.items()}


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
    plain = cfg.model_copy(update={"engines": cfg.engines.model_copy(update={"voice": ""})})
    for name in sorted(set(TTSS) - {cfg.engines.tts}):
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


def create_vad(name: str, cfg: Config) -> Vad:
    """Not loaded yet. Raises EngineMissing when there is no engine of this name."""
    return _create("vad", VADS, name, cfg)


def create_stt(name: str, cfg: Config) -> Stt:
    """Not loaded yet."""
    return _create("stt", STTS, name, cfg)


def create_tts(name: str, cfg: Config) -> Tts:
    """Not loaded yet."""
    return _create("tts", TTSS, name, cfg)


def create_brain(name: str, cfg: Config) -> Brain:
    """Not loaded yet."""
    return _create("brain", BRAINS, name, cfg)


def _create(role: str, known: Mapping[str, Callable[[Config], E]], name: str, cfg: Config) -> E:
    if name not in known:
        raise EngineMissing(f'engines.{role} = "{name}" is not an engine; choose one of: {", ".join(sorted(known))}')
    return known[name](cfg)
