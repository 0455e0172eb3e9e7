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
        self._calls = 0
        self._free = asyncio.Event()
        self._free.set()
        # Kept in a field: the loop holds tasks only weakly.
        self._preparing = asyncio.get_running_loop().create_task(self._prepare(cfg.media.rate))

    async def on_call(self, call: Call) -> None:
        """Talks until somebody hangs up. `call.notes` gets transcript, ledger, messages and references."""
        await asyncio.wait_for(call.media_ready.wait(), MEDIA_WAIT_S)
        script = Reception(self._facts)
        session = self._engines.brain.session(script, call.context)
        self._calls += 1
        self._free.clear()
        try:
            await Conversation(call, self._engines, session, self._cfg, self._listener, self._clock).run()
        finally:
            _deliver(call, script)
            self._calls -= 1
            if self._calls == 0:
                self._free.set()

    async def _prepare(self, rate: int) -> None:
        """A voice that caches speaks what is known beforehand, but never while somebody is on the line."""
        for clause in Reception(self._facts).clauses():
            await self._free.wait()
            await self._engines.tts.prime([clause], rate)


def _deliver(call: Call, script: Reception) -> None:
    """Into the record of the call; who calls again does not leave them twice."""
    call.notes["messages"] = [*call.notes.get("messages", ()), *script.messages]
    call.notes["references"] = [*call.notes.get("references", ()), *script.references]
    script.delivered()
    if call.context.slots:
        call.context.slots = {**call.context.slots, **script.save()}  # a brain keeps things of its own beside
        call.context.changed()
