# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that talks by a script: each call has a script of its own, all calls share the engines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sipagent.call import Call
from sipagent.config import Dialogue
from sipagent.dialogue.clock import Clock, clock_us
from sipagent.dialogue.conversation import Conversation
from sipagent.dialogue.events import Listener
from sipagent.dialogue.think import split
from sipagent.engines import EngineSet
from sipagent.engines.base import BrainSession, Script

MEDIA_WAIT_S = 10.0


class SpokenScript(Script, Protocol):
    """A script that can be prepared for, and leaves notes."""

    def clauses(self) -> Sequence[str]:
        """What is surely going to be said, as the voice gets it."""
        ...

    def notes(self) -> Mapping[str, Sequence[Any]]:
        """Rows for the record of the call, by their name there."""
        ...

    def delivered(self) -> None:
        """The notes stand in the record."""
        ...


class SpokenAgent:
    """Made inside the running event loop. `rate`: of the sound that is prepared, Hz."""

    def __init__(
        self,
        name: str,
        script: Callable[[], SpokenScript],
        engines: EngineSet,
        cfg: Dialogue,
        rate: int,
        listener: Listener | None = None,
        clock: Clock = clock_us,
    ) -> None:
        self.name = name
        self._script, self._engines, self._cfg = script, engines, cfg
        self._listener, self._clock = listener, clock
        self._calls = 0
        self._free = asyncio.Event()
        self._free.set()
        # Kept in a field: the loop holds tasks only weakly.
        self._preparing = asyncio.get_running_loop().create_task(self._prepare(rate))

    async def on_call(self, call: Call) -> None:
        """Talks until somebody hangs up. `call.notes` gets transcript, ledger and what the script notes."""
        await asyncio.wait_for(call.media_ready.wait(), MEDIA_WAIT_S)
        script = self._script()
        session = self._engines.brain.session(script, call.context)
        self._calls += 1
        self._free.clear()
        try:
            await Conversation(call, self._engines, session, self._cfg, self._listener, self._clock).run()
        finally:
            self._calls -= 1
            if self._calls == 0:
                self._free.set()
            _deliver(call, script, session)

    def stop(self) -> None:
        """Prepares nothing more; calls go on."""
        self._preparing.cancel()

    async def _prepare(self, rate: int) -> None:
        """A voice that caches speaks what is known beforehand, but never while somebody is on the line."""
        for clause in (*split(self._cfg.welcome_back), *self._script().clauses()):
            await self._free.wait()
            await self._engines.tts.prime([clause], rate)


def _deliver(call: Call, script: SpokenScript, session: BrainSession) -> None:
    """Into the record of the call; who calls again does not leave them twice."""
    for name, rows in script.notes().items():
        call.notes[name] = [*call.notes.get(name, ()), *rows]
    script.delivered()
    if call.context.slots:
        call.context.slots = session.save()
        call.context.changed()
