# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready agents, by name."""

from __future__ import annotations

from pathlib import Path

from sipagent.agents.echo import EchoAgent
from sipagent.agents.play import PlayAgent
from sipagent.agents.reception import ReceptionAgent
from sipagent.call import Agent
from sipagent.config import Config
from sipagent.dialogue.events import Listener
from sipagent.engines import EngineSet

PLAY = "play:"
NAMES = ("echo", "reception", f"{PLAY}FILE")


class AgentError(ValueError):
    """No such agent, or it can't be made; the text says what to write instead."""


def speaks(name: str) -> bool:
    """Whether the agent needs speech engines."""
    return name == ReceptionAgent.name


def needed(cfg: Config) -> list[str]:
    """The agents that the routes send calls to; without routes, dialogue.agent alone."""
    if not cfg.routes:
        return [cfg.dialogue.agent]
    return list(dict.fromkeys(route.agent_name for route in cfg.routes if route.agent_name is not None))


def check(cfg: Config) -> None:
    """AgentError for an agent that `cfg` needs and that there isn't, with the key; nothing is loaded."""
    for place, route in enumerate(cfg.routes, 1):
        if route.agent_name is not None:
            _check(route.agent_name, f"routes, row {place}: {route.action}")
    if not cfg.routes:
        _check(cfg.dialogue.agent, "dialogue.agent")


def _check(name: str, key: str) -> None:
    path = Path(name.removeprefix(PLAY))
    if name.startswith(PLAY) and path.name:
        if not path.is_file():
            raise AgentError(f"{key}: {path}: no such file")
    elif name not in (EchoAgent.name, ReceptionAgent.name):
        raise AgentError(f'{key} = "{name}" is not an agent; choose one of: {", ".join(NAMES)}')


def create(name: str, cfg: Config, engines: EngineSet | None = None, listener: Listener | None = None) -> Agent:
    """The agent called `name`; `listener` gets the events of all its dialogues. Raises AgentError, FactsError, WavError."""
    if name == EchoAgent.name:
        return EchoAgent()
    if name.startswith(PLAY) and len(name) > len(PLAY):
        return PlayAgent(Path(name.removeprefix(PLAY)), cfg)
    if name == ReceptionAgent.name:
        if engines is None:
            raise AgentError(f'dialogue.agent = "{name}" needs speech engines: load them first (sipagent.engines.load)')
        return ReceptionAgent(cfg, engines, listener)
    raise AgentError(f'dialogue.agent = "{name}" is not an agent; choose one of: {", ".join(NAMES)}')
