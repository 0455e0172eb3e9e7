# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on the line, and what was said to him before: fills `call.context` before an agent talks, and keeps each exchange.

call --(verified identity)--> Key --> what was kept of it within return_s --> call.context --(each exchange)--> Writer > file
"""

from __future__ import annotations

import asyncio
import importlib
import json
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakValueDictionary

from sipagent.call import Call
from sipagent.config_memory import Memory as Settings
from sipagent.dialogue.context import Context, ContextError
from sipagent.log import get_logger
from sipagent.store.rows import Key, Row, StoreError, caller_of, key_of
from sipagent.store.writer import Counts, Writer, end

if TYPE_CHECKING:
    from sipagent.store.database import Database

log = get_logger(__name__)

T = TypeVar("T")

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
        self._left: set[asyncio.Task[Any]] = set()  # nobody waits for these any more
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
            await end(self._sweeper)
        await asyncio.gather(*map(end, self._left))
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
        return await self._answer(self._look_up(self._writer, self._database, caller_of(caller) or caller))

    async def forget(self, caller: str) -> int:
        """Deletes all of a caller; of a call that he is in, nothing more is kept. How many conversations. Raises StoreError."""
        if self._database is None or self._writer is None:
            return 0
        name = caller_of(caller) or caller
        for one in [one for one in self._live if one[1].caller == name]:
            if (context := self._live.pop(one, None)) is not None:
                context.on_change = None
        count = await self._answer(self._delete(self._writer, self._database, name))
        log.info("caller forgotten", conversations=count)
        return count

    @staticmethod
    async def _look_up(writer: Writer, database: Database, caller: str) -> list[Row]:
        await writer.written()
        return await database.of_caller(caller)

    @staticmethod
    async def _delete(writer: Writer, database: Database, caller: str) -> int:
        await writer.drop(caller)
        return await database.forget(caller)

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
                row = await self._within(RECALL_S, self._database.read(key, since_s))
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

    async def _answer(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await self._within(ANSWER_S, work)
        except TimeoutError:
            raise StoreError(f"the store did not answer in {ANSWER_S:g} s; try again") from None

    async def _within(self, limit_s: float, work: Coroutine[Any, Any, T]) -> T:
        """TimeoutError after so long, whatever the work does: a driver whose thread hangs in the disk lets nobody go, not even
        who has cancelled it."""
        task = asyncio.get_running_loop().create_task(work)
        self._left.add(task)
        task.add_done_callback(self._gone)
        try:
            await asyncio.wait([task], timeout=limit_s)
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            task.cancel()

    def _gone(self, task: asyncio.Task[Any]) -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()  # who waited has it; else nobody wants it
