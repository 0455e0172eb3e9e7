# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech engines by name. `load` gives the set that the configuration names, ready for the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from sipagent.config import Config
from sipagent.engines import spoken
from sipagent.engines.base import Brain, Engine, EngineMissing, Stt, Tts, TurnModel, Vad
from sipagent.engines.clips import Clips
from sipagent.engines.failover import FailoverTts, failover_stt
from sipagent.engines.failover_brain import FailoverBrain
from sipagent.engines.registry import LOCAL_VOICES, available, create_brain, create_stt, create_tts, create_turn, create_vad
from sipagent.log import get_logger

__all__ = [
    "ROLES",
    "EngineSet",
    "available",
    "create_brain",
    "create_stt",
    "create_tts",
    "create_turn",
    "create_vad",
    "create_voice",
    "load",
]

log = get_logger(__name__)

ROLES = ("vad", "stt", "tts", "brain", "turn")


@dataclass(slots=True)
class EngineSet:
    """Loaded engines, shared by all calls, and the clips for the moments when one fails."""

    vad: Vad
    stt: Stt
    tts: Tts
    brain: Brain
    clips: Clips
    borrowed: frozenset[str] = frozenset()  # roles whose engines belong to another set
    turn: TurnModel | None = None  # a second opinion on the end of turn

    def names(self) -> dict[str, str]:
        """Role -> name of its engine."""
        return {"vad": self.vad.name, "stt": self.stt.name, "tts": self.tts.name, "brain": self.brain.name}

    async def close(self) -> None:
        """Ends the threads and processes of its own engines."""
        await asyncio.gather(*(e.close() for e in self.own()))

    def own(self) -> list[Engine]:
        """Its engines that no other set has lent."""
        engines = (getattr(self, role) for role in ROLES if role not in self.borrowed)
        return [engine for engine in engines if engine is not None]


async def load(cfg: Config, lender: EngineSet | None = None, borrow: Collection[str] = ()) -> EngineSet:
    """Loads what `cfg.engines` names, side by side; the roles in `borrow` are those of `lender`. Raises EngineMissing with the
    fix."""
    names = cfg.engines
    lent = frozenset(borrow) if lender is not None else frozenset[str]()
    vad = lender.vad if lender is not None and "vad" in lent else create_vad(names.vad, cfg)
    stt = lender.stt if lender is not None and "stt" in lent else _stt(cfg)
    tts = lender.tts if lender is not None and "tts" in lent else _tts(cfg)
    brain = lender.brain if lender is not None and "brain" in lent else _brain(cfg)
    turn = lender.turn if lender is not None and "turn" in lent else create_turn(names.turn, cfg)
    made = EngineSet(vad, stt, tts, brain, Clips(), lent, turn)
    try:
        await asyncio.gather(*(e.load() for e in made.own()))
        if lender is not None and "tts" in lent:
            made.clips = lender.clips
        elif not await made.clips.record(tts):
            await _record_with_another(made.clips, cfg)
    except BaseException:
        await made.close()
        raise
    log.info("engines loaded", borrowed=sorted(lent), vad=vad.name, stt=stt.name, tts=tts.name, brain=brain.name)
    return made


def _stt(cfg: Config) -> Stt:
    """With those that take over."""
    first, more = create_stt(cfg.engines.stt, cfg), cfg.engines.failover
    return failover_stt([first, *(create_stt(name, cfg) for name in more.stt)], more.stt_late_s) if more.stt else first


def _tts(cfg: Config) -> Tts:
    first, more = create_voice(cfg.engines.tts, cfg), cfg.engines.failover
    others = [create_voice(name, _plain(cfg)) for name in more.tts]
    return FailoverTts("tts", [first, *others], more.tts_late_s) if others else first


def _brain(cfg: Config) -> Brain:
    first, more = create_brain(cfg.engines.brain, cfg), cfg.engines.failover
    return FailoverBrain([first, *(create_brain(name, cfg) for name in more.brain)], more.brain_late_s) if more.brain else first


def _plain(cfg: Config) -> Config:
    """For another voice than the one that is asked for: engines.voice names none of its."""
    return cfg.model_copy(update={"engines": cfg.engines.model_copy(update={"voice": ""})})


def create_voice(name: str, cfg: Config) -> Tts:
    """A voice that remembers what it said; not loaded yet."""
    settings = cfg.engines
    cache = spoken.shared(settings.speech_cache_mb << 20)
    return spoken.Spoken(create_tts(name, cfg), f"{name} {settings.model_dump_json()}", cache)


async def _record_with_another(clips: Clips, cfg: Config) -> None:
    """By a voice of this machine: nobody asked for another service."""
    for name in (name for name in LOCAL_VOICES if name != cfg.engines.tts):
        tts = create_tts(name, _plain(cfg))
        try:
            await tts.load()
            if await clips.record(tts):
                return
        except EngineMissing as e:
            log.info("no second voice", engine=name, error=str(e))
        finally:
            await tts.close()
    log.error("no voice can speak the apologies; callers will hear a tone when an engine fails")
