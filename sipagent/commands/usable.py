# SPDX-License-Identifier: GPL-3.0-or-later
"""What the types of a configuration can't tell."""

from __future__ import annotations

from sipagent import agents
from sipagent.config import Config, ConfigError


def usable(cfg: Config) -> Config:
    """The configuration, when the agents that it names are there. ConfigError."""
    try:
        agents.check(cfg)
    except agents.AgentError as exc:
        raise ConfigError(str(exc)) from exc
    return cfg
