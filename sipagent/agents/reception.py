# SPDX-License-Identifier: GPL-3.0-or-later
"""The reception agent: a spoken dialogue about what a fact file knows."""

from __future__ import annotations

import asyncio

from sipagent.agents import facts
from sipagent.agents.script import Reception
from sipagent.call import Call
from sipagent.config import Config
from sipagent.dialogue.clock import Clock, clock_us
from sipagent.dialogue.conversation import Conversation
from sipagent.dialogue.events import Listener
from sipagent.engines import EngineSet

MEDIA_WAIT_S = 10.0


class ReceptionAgent:
    """Answers with engines that all calls share; each call has its own script. Made inside the running event loop."""

    name = "reception"

    def __init__(self, cfg: Config, engines: EngineSet, listener: Listener | None = None, clock: Clock = clock_us) -> None:
        self._cfg, self._engines, self._listener, self._clock = cfg.dialogue, engines, listener, clock
        self._facts = facts.load(cfg.dialogue.facts)
        known = Reception(self._facts).clauses()
        # Kept in a field: the loop holds tasks only weakly.
        self._priming = asyncio.get_running_loop().create_task(engines.tts.prime(known, cfg.media.rate))

    async def on_call(self, call: Call) -> None:
        """Talks until somebody hangs up. `call.notes` gets transcript, ledger, messages and references."""
        await asyncio.wait_for(call.media_ready.wait(), MEDIA_WAIT_S)
        script = Reception(self._facts)
        session = self._engines.brain.session(script)
        try:
            await Conversation(call, self._engines, session, self._cfg, self._listener, self._clock).run()
        finally:
            call.notes["messages"] = list(script.messages)
            call.notes["references"] = list(script.references)
