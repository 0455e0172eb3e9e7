# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents, by name: ready ones, and those that a file describes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from sipagent.agents import code, file
from sipagent.agents.echo import EchoAgent
from sipagent.agents.errors import AgentError
from sipagent.agents.flow import FlowScript
from sipagent.agents.own_engines import OwnEngines
from sipagent.agents.play import PlayAgent
from sipagent.agents.reception import ReceptionAgent
from sipagent.agents.recorded import named_in, with_recordings
from sipagent.agents.reloaded import Edition, ReloadedAgent
from sipagent.agents.spoken import SpokenAgent
from sipagent.call import Agent
from sipagent.config import Config
from sipagent.dialogue.events import Listener
from sipagent.engines import EngineSet, tools

__all__ = ["AgentError", "check", "close_all", "create", "needed", "open_all", "problems", "speaks"]

PLAY = "play:"
NAMES = ("echo", "reception", f"{PLAY}FILE", f"FILE{file.SUFFIX}", "FILE.py[:FUNCTION]", "MODULE:FUNCTION")


def speaks(name: str) -> bool:
    """Whether the agent needs speech engines."""
    return name == ReceptionAgent.NAME or name.endswith(file.SUFFIX) or _is_code(name)


def _is_code(name: str) -> bool:
    return not name.startswith(PLAY) and code.is_code(name)


def needed(cfg: Config) -> list[str]:
    """The agents that the routes send calls to; without routes, dialogue.agent alone."""
    if not cfg.routes:
        return [cfg.dialogue.agent]
    return list(dict.fromkeys(route.agent_name for route in cfg.routes if route.agent_name is not None))


def check(cfg: Config) -> None:
    """AgentError for an agent that `cfg` needs and that can't be used, with the key; no engine is loaded."""
    for place, route in enumerate(cfg.routes, 1):
        if route.agent_name is not None:
            _check(route.agent_name, f"routes, row {place}: {route.action}", cfg)
    if not cfg.routes:
        _check(cfg.dialogue.agent, "dialogue.agent", cfg)


def _check(name: str, key: str, cfg: Config) -> None:
    path = Path(name.removeprefix(PLAY))
    if name.startswith(PLAY) and path.name:
        if not path.is_file():
            raise AgentError(f"{key}: {path}: no such file")
    elif name.endswith(file.SUFFIX):
        try:
            file.configured(cfg, file.read(path), path)
        except AgentError as e:
            raise AgentError(f"{key}: {e}") from e
    elif _is_code(name):
        if (program := code.file_of(name)) is not None and not program.is_file():
            raise AgentError(f"{key}: {program}: no such file")
    elif name not in (EchoAgent.name, ReceptionAgent.NAME):
        raise AgentError(f'{key} = "{name}" is not an agent; choose one of: {", ".join(NAMES)}')


async def open_all(
    names: Iterable[str], cfg: Config, engines: EngineSet | None, listener: Listener | None = None
) -> dict[str, Agent]:
    """The agents, ready for calls. Raises what `create` does, and EngineMissing for a voice that an agent wants."""
    made = {name: create(name, cfg, engines, listener) for name in names}
    for agent in made.values():
        if isinstance(agent, ReloadedAgent):
            await agent.open()
    return made


def problems(agents: Mapping[str, Agent]) -> dict[str, str]:
    """Agents whose file has changed and can't be used, and why: calls go on with what stood there before."""
    return {name: agent.problem for name, agent in agents.items() if isinstance(agent, ReloadedAgent) and agent.problem}


async def close_all(agents: Mapping[str, Agent]) -> None:
    """Once no call is left."""
    for agent in agents.values():
        if isinstance(agent, ReloadedAgent):
            await agent.close()


def create(name: str, cfg: Config, engines: EngineSet | None = None, listener: Listener | None = None) -> Agent:
    """The agent called `name`; `listener` gets the events of all its dialogues. One that is read from a file must be opened
    before its first call (`open_all`). Raises AgentError, FactsError, WavError."""
    if name == EchoAgent.name:
        return EchoAgent()
    if name.startswith(PLAY) and len(name) > len(PLAY):
        return PlayAgent(Path(name.removeprefix(PLAY)), cfg)
    if not speaks(name):
        raise AgentError(f'dialogue.agent = "{name}" is not an agent; choose one of: {", ".join(NAMES)}')
    if engines is None:
        raise AgentError(f'dialogue.agent = "{name}" needs speech engines: load them first (sipagent.engines.load)')
    if name == ReceptionAgent.NAME:
        return ReceptionAgent(cfg, engines, listener)
    if name.endswith(file.SUFFIX):
        return _from_file(name, cfg, engines, listener)
    return _from_code(name, cfg, engines, listener)


def _from_file(name: str, cfg: Config, engines: EngineSet, listener: Listener | None) -> ReloadedAgent:
    path, own_engines = Path(name), OwnEngines(cfg, engines)

    async def make() -> Edition:
        described = await asyncio.to_thread(file.read, path)
        own = file.configured(cfg, described, path)
        able = await asyncio.to_thread(tools.make, described.tools)  # it imports the user's modules
        named = named_in([described.model_dump(), own.dialogue.model_dump()])
        try:
            taken = await own_engines.take(own)
        except BaseException:
            await tools.close(able)
            raise
        voices = with_recordings(taken, path.parent, named)
        agent = SpokenAgent(name, lambda: FlowScript(described, tools=able), voices, own.dialogue, cfg.media.rate, listener)

        async def close() -> None:
            agent.stop()
            await tools.close(able)
            await own_engines.give_back(own)

        return Edition(agent, close)

    return ReloadedAgent(name, path, make)


def _from_code(name: str, cfg: Config, engines: EngineSet, listener: Listener | None) -> ReloadedAgent:
    async def make() -> Edition:
        function = await asyncio.to_thread(code.load, name)
        return Edition(code.CodeAgent(name, function, engines, cfg.dialogue, listener), _nothing)

    return ReloadedAgent(name, code.file_of(name), make)


async def _nothing() -> None:
    """A program has nothing to close."""
