# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engines there are: those of this package, and those that installed packages bring as entry points.

A package brings one with an entry point in the group of its role (`sipagent.vad`, `sipagent.stt`, `sipagent.tts`,
`sipagent.brain`, `sipagent.turn`): its name is the engine's, its object makes the engine from a Config. It is imported when it
is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, cast

from sipagent.config import Config
from sipagent.engines.base import Brain, EngineMissing, Stt, Tts, TurnModel, Vad
from sipagent.engines.deepgram import DeepgramStt
from sipagent.engines.elevenlabs import ElevenLabsTts
from sipagent.engines.espeak import EspeakTts
from sipagent.engines.moonshine import MoonshineStt
from sipagent.engines.openai_chat import OpenAiChat, second_chat
from sipagent.engines.openai_stt import OpenAiStt
from sipagent.engines.openai_tts import OpenAiTts
from sipagent.engines.piper import PiperTts
from sipagent.engines.rules import RulesBrain
from sipagent.engines.silero import SileroVad
from sipagent.engines.smart_turn import SmartTurn
from sipagent.engines.whisper import WhisperStt

E = TypeVar("E")

VADS: Mapping[str, Callable[[Config], Vad]] = {"silero": SileroVad}
STTS: Mapping[str, Callable[[Config], Stt]] = {
    "moonshine": MoonshineStt,
    "whisper": WhisperStt,
    "openai": OpenAiStt,
    "deepgram": DeepgramStt,
}
TTSS: Mapping[str, Callable[[Config], Tts]] = {
    "espeak": EspeakTts,
    "piper": PiperTts,
    "openai": OpenAiTts,
    "elevenlabs": ElevenLabsTts,
}
BRAINS: Mapping[str, Callable[[Config], Brain]] = {"rules": RulesBrain, "openai": OpenAiChat, "openai-2": second_chat}
TURNS: Mapping[str, Callable[[Config], TurnModel]] = {"smart-turn": SmartTurn}
ROLES: Mapping[str, Mapping[str, Callable[[Config], Any]]] = {
    "vad": VADS,
    "stt": STTS,
    "tts": TTSS,
    "brain": BRAINS,
    "turn": TURNS,
}

LOCAL_VOICES = ("espeak", "piper")

# What the dialogue calls on an engine of each role.
METHODS = {
    "vad": ("load", "close", "stream"),
    "stt": ("load", "close", "transcribe"),
    "tts": ("load", "close", "synthesize", "prime"),
    "brain": ("load", "close", "session"),
    "turn": ("load", "close", "over"),
}


def available() -> dict[str, list[str]]:
    """Names of the engines that can be configured, by role."""
    return {role: sorted({*known, *_brought(role)}) for role, known in ROLES.items()}


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


def create_turn(name: str, cfg: Config) -> TurnModel | None:
    """Not loaded yet; None for "text": no second opinion."""
    return None if name == "text" else _create("turn", TURNS, name, cfg)


def _brought(role: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"sipagent.{role}")}


def _create(role: str, known: Mapping[str, Callable[[Config], E]], name: str, cfg: Config) -> E:
    """Names of this package can't be taken over by another."""
    if name in known:
        return known[name](cfg)
    brought = _brought(role)
    if name in brought:
        return cast(E, _made_by(brought[name], role, cfg))
    choices = ", ".join(sorted({*known, *brought}))
    raise EngineMissing(f'engines.{role} = "{name}" is not an engine; choose one of: {choices}')


def _made_by(point: EntryPoint, role: str, cfg: Config) -> object:
    """Somebody else's code: whatever goes wrong in it is told as theirs."""
    package = point.dist.name if point.dist else point.module
    where = f"engines.{role} = {point.name}: entry point {point.value} of package {package}"
    try:
        engine: object = point.load()(cfg)
    except EngineMissing:
        raise
    except Exception as e:
        raise EngineMissing(f"{where} can't be used ({e!r}); mend or uninstall the package") from e
    lacks = [method for method in METHODS[role] if not callable(getattr(engine, method, None))]
    if not isinstance(getattr(engine, "name", None), str):
        lacks.append("name")
    if lacks:
        raise EngineMissing(f"{where} lacks {', '.join(lacks)}; see sipagent.engines.base")
    return engine
