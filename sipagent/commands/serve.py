# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent serve`."""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop

from sipagent import log, switch
from sipagent.agents import AgentError
from sipagent.agents.facts import FactsError
from sipagent.commands.common import Overrides, exit_codes, raise_file_limit, settings
from sipagent.config import ConfigError
from sipagent.store.rows import StoreError
from sipagent.wavfile import WavError


@exit_codes
def serve(path: Path | None, overrides: Overrides) -> int:
    """Runs the switch until a signal."""
    cfg = settings(path, overrides.tree())
    log.setup(cfg.log)
    raise_file_limit()
    try:
        uvloop.run(switch.run(cfg, ready))
    except (AgentError, FactsError, StoreError, WavError) as exc:
        raise ConfigError(str(exc)) from exc
    return 0


def ready(running: switch.Switch) -> None:
    """Tells where to call, on stdout: a script that waits for this line may call."""
    api = f", {running.api.address}" if running.api else ""
    sys.stdout.write(f"ready: {', '.join(running.user_agent.listening())}{api}; agent {running.cfg.dialogue.agent}\n")
    sys.stdout.flush()
