# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents that are described by a TOML file: reading it, and what it changes of the configuration."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sipagent.agents.errors import AgentError
from sipagent.agents.recorded import recordings
from sipagent.agents.spec import AgentFile
from sipagent.config import Config
from sipagent.config_errors import explain
from sipagent.config_sources import merge

SUFFIX = ".toml"
OF_THE_SWITCH = ("agent", "facts")  # keys of [dialogue] that an agent can't have of its own

M = TypeVar("M", bound=BaseModel)


def read(path: Path) -> AgentFile:
    """AgentError names every bad key, and the fix."""
    try:
        described = _checked(AgentFile, tomllib.loads(path.read_text(encoding="utf-8")), f"{path}")
    except OSError as e:
        raise AgentError(f"{path}: can't be read: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise AgentError(f"{path}: not TOML: {e}") from e
    for name in (name for text in described.texts for name in recordings(text)):
        if not (path.parent / name).is_file():
            raise AgentError(f"{path}: [{name}]: {path.parent / name}: no such file")
    return described


def configured(cfg: Config, file: AgentFile, path: Path) -> Config:
    """The configuration as this agent has it: its own [engines] and [dialogue] over the switch's. AgentError."""
    for key in file.dialogue.keys() & set(OF_THE_SWITCH):
        raise AgentError(f"{path}: dialogue.{key} is a setting of the switch; take it away here")
    own: dict[str, Any] = {}
    for section, changes in (("engines", file.engines), ("dialogue", file.dialogue)):
        if changes:
            general: BaseModel = getattr(cfg, section)
            own[section] = _checked(type(general), merge(general.model_dump(), changes), f"{path}: [{section}]")
    return cfg.model_copy(update=own)


def _checked(model: type[M], tree: Any, where: str) -> M:
    try:
        return model.model_validate(tree)
    except ValidationError as e:
        lines = explain(model, e)
        raise AgentError(f"{where}: {lines[0]}" if len(lines) == 1 else "\n  ".join([f"{where}:", *lines])) from e
