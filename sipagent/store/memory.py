# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on the line, and what was said to him before: fills `call.context` before an agent talks, and keeps each exchange.

call --(verified identity)--> Key --> what was kept of it within return_s --> call.context --(each exchange)--> Writer > file
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from sipagent.call import Call
from sipagent.config_memory import Memory as Settings
from sipagent.dialogue.context import Context, ContextError
from sipagent.log import get_logger
from sipagent.store.rows import Key, Row, StoreError, caller_of, key_of
from sipagent.store.writer import Counts, Writer

if TYPE_CHECKING:
    from sipagent.store.database import Database

log = get_logger(__name__)

RECALL_S = 1.0  # the caller waits for his greeting; after that he begins anew
HUNG_S = 10.0  # after a file that did not answer in that time, nobody waits for it
ANSWER_S = 5.0  # who asks by HTTP waits longer
SWEEP_S: Final = (1.0, 600.0)  # between two looks for what is too old: a tenth of keep_s within these bounds


class Memory:
    """One for the switch; without memory.file it remembers within a call only. The event loop's thread."""

    def __init__(self, cfg: Settings, clock: Callable[[], float] = time.time) -> None:
        self._cfg, self._clock = cfg, clock
        self._database: Database | None = None
        self._writer: Writer | None = None
        self._sweeper: asyncio.Task[None] | None = None
        # Those that are being kept, by call and key: a caller may be in two calls at once.
        self._live: WeakValueDictionary[tuple[str, Key], Context] = WeakValueDictionary()
        self._hung_until_s = 0.0  # by time.monotonic
        self.recalled = dict.fromkeys(("returning", "new", "unknown", "failed"), 0)  # callers, since the start

    @property
    def counts(self) -> Counts:
        """What became of the states that were to be kept."""
        return self._writer.counts if self._writer is not None else Counts()

    @property
    def pending(self) -> int:
        """Conversations whose newest state is not in the file yet."""
        return self._writer.pending if self._writer is not None else 0

    async def open(self) -> None:
        """Opens memory.file, if there is one to be. Raises StoreError."""
        if self._cfg.file is None:
            return
        self._database = importlib.import_module("sipagent.store.database").Database(self._cfg.file)
        await self._database.open()
        await self._expire()
        self._writer = Writer(self._database.write)
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep(), name="memory-sweeper")

    async def close(self) -> None:
        """Writes what waits."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        if self._writer is not None:
            await self._writer.close()
        if self._database is not None:
            await self._database.close()

    async def recall(self, call: Call, agent: str) -> None:
        """`call.context` becomes what `agent` knows of this caller: of this very call (he was transferred and is back), else
        of an earlier one, else nothing. Never fails: at worst the caller begins anew."""
        if (known := call.contexts.get(agent)) is not None:
            known.returning = known.talked
            call.context = known
            return
        key = key_of(call, agent, by_from=self._cfg.callers == "account") if self._database is not None else None
        context = await self._read(key) if key is not None else Context()
        context.clock = self._clock
        call.context = call.contexts[agent] = context
        if key is None:
            self.recalled["unknown"] += self._database is not None
            return
        self._live[call.id, key] = context
        context.on_change = lambda: self._keep(key, call.id, context)

    async def of_caller(self, caller: str) -> list[Row]:
        """All that is kept of a caller, given by URI or as `caller_of` names him. Raises StoreError."""
        if self._database is None or self._writer is None:
            return []
        async with _patience():
            await self._writer.written()
            return await self._database.of_caller(caller_of(caller) or caller)

    async def forget(self, caller: str) -> int:
        """Deletes all of a caller; of a call that he is in, nothing more is kept. How many conversations. Raises StoreError."""
        if self._database is None or self._writer is None:
            return 0
        name = caller_of(caller) or caller
        for one in [one for one in self._live if one[1].caller == name]:
            if (context := self._live.pop(one, None)) is not None:
                context.on_change = None
        async with _patience():
            await self._writer.drop(name)
            count = await self._database.forget(name)
        log.info("caller forgotten", conversations=count)
        return count

    async def _read(self, key: Key) -> Context:
        assert self._database is not None
        assert self._writer is not None
        result = "new"
        context = Context()
        since_s = self._clock() - self._cfg.return_s
        try:
            row = self._writer.newest(key)
            if row is None and time.monotonic() < self._hung_until_s:
                raise StoreError("the store did not answer a moment ago")
            if row is None:
                async with asyncio.timeout(RECALL_S):
                    row = await self._database.read(key, since_s)
            if row is not None and row.updated_s >= since_s:
                context = Context.from_dict(json.loads(row.body))
                context.returning = context.talked
                result = "returning" if context.returning else "new"
        except TimeoutError:
            self._hung_until_s = time.monotonic() + HUNG_S
            log.error("what was said before is not known", agent=key.agent, error=f"no answer of the store in {RECALL_S:g} s")
            result = "failed"
        except (StoreError, ContextError, ValueError) as error:
            log.error("what was said before is not known", agent=key.agent, error=str(error))
            result = "failed"
        except Exception:  # whatever a driver raises, the caller has his call
            log.exception("what was said before is not known", agent=key.agent)
            result = "failed"
        self.recalled[result] += 1
        return context

    def _keep(self, key: Key, call_id: str, context: Context) -> None:
        assert self._writer is not None
        self._writer.put(Row(key, call_id, self._clock(), json.dumps(context.to_dict())))

    async def _sweep(self) -> None:
        low, high = SWEEP_S
        while True:
            await asyncio.sleep(min(max(self._cfg.keep_s / 10, low), high))
            try:
                await self._expire()
            except Exception as error:
                log.error("old conversations can't be deleted; it is tried again", error=str(error) or repr(error))

    async def _expire(self) -> None:
        assert self._database is not None
        count = await self._database.expire(self._clock() - self._cfg.keep_s, self._cfg.max_callers)
        if count:
            log.info("old conversations deleted", count=count)


@contextlib.asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_S):
            yield
    except TimeoutError:
        raise StoreError(f"the store did not answer in {ANSWER_S:g} s; try again") from None
