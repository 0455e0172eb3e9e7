# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines of an agent that has some of its own, a voice mostly: the others are borrowed from the switch's set."""

from __future__ import annotations

from collections.abc import Iterable

from sipagent import engines
from sipagent.config import Config
from sipagent.engines import ROLES, EngineSet

# Keys of [engines] that concern one role; any other concerns all.
_OF_ROLE = {
    "vad": ("vad",),
    "stt": ("stt", "model_path", "openai_stt", "deepgram", "whisper"),
    "tts": ("tts", "voice", "speed", "openai_tts", "elevenlabs"),
    "brain": ("brain", "chat"),
    "turn": ("turn", "turn_model"),
}


def roles_of(keys: Iterable[str]) -> set[str]:
    """The roles whose engines are other ones when these keys of [engines] are."""
    of_key = {key: role for role, its in _OF_ROLE.items() for key in its}
    roles: set[str] = set()
    for key in keys:
        roles |= {of_key[key]} if key in of_key else set(ROLES)
    return roles


class OwnEngines:
    """Sets that are shared by the editions of one agent: a changed text does not load the voice again."""

    def __init__(self, general: Config, lender: EngineSet) -> None:
        self._general, self._lender = general, lender
        self._sets: dict[str, EngineSet] = {}
        self._users: dict[str, int] = {}

    async def take(self, cfg: Config) -> EngineSet:
        """Loaded for `cfg`, the agent's own configuration. Give it back. Raises EngineMissing."""
        key = cfg.engines.model_dump_json()
        if key not in self._sets:
            self._sets[key] = await self._load(cfg)
        self._users[key] = self._users.get(key, 0) + 1
        return self._sets[key]

    async def give_back(self, cfg: Config) -> None:
        """The last who does ends its engines."""
        key = cfg.engines.model_dump_json()
        self._users[key] -= 1
        if self._users[key] == 0:
            del self._users[key]
            made = self._sets.pop(key)
            if made is not self._lender:
                await made.close()

    async def _load(self, cfg: Config) -> EngineSet:
        changed = [k for k in type(cfg.engines).model_fields if getattr(cfg.engines, k) != getattr(self._general.engines, k)]
        if not changed:
            return self._lender
        return await engines.load(cfg, self._lender, set(ROLES) - roles_of(changed))
