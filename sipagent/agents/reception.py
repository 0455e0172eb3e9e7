# SPDX-License-Identifier: GPL-3.0-or-later
"""The reception agent: a spoken dialogue about what a fact file knows."""

from __future__ import annotations

from sipagent.agents import facts
from sipagent.agents.script import Reception
from sipagent.agents.spoken import SpokenAgent
from sipagent.config import Config
from sipagent.dialogue.clock import Clock, clock_us
from sipagent.dialogue.events import Listener
from sipagent.engines import EngineSet


class ReceptionAgent(SpokenAgent):
    """Notes `messages` and `references`."""

    NAME = "reception"

    def __init__(self, cfg: Config, engines: EngineSet, listener: Listener | None = None, clock: Clock = clock_us) -> None:
        known = facts.load(cfg.dialogue.facts)
        super().__init__(self.NAME, lambda: Reception(known), engines, cfg.dialogue, cfg.media.rate, listener, clock)
