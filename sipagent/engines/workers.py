# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine's threads, each with its own state, for work that may hang. When a job runs is decided by pool.py.

Python's executors wait for their threads at exit and can't replace one that never returns; a model that hangs must cost one
answer, not the process. Here a job that runs over its time fails its future, and its thread is given up and replaced. Jobs
whose caller has gone before they started are never run.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sipagent.engines.base import EngineBusy, EngineError, EngineTimeout
from sipagent.engines.deadline import due_now
from sipagent.engines.pool import Job, Pool, shared
from sipagent.log import get_logger

log = get_logger(__name__)

S = TypeVar("S")
T = TypeVar("T")

MAX_REPLACED = 16  # threads given up that have not come back; each may hold a model


@dataclass(slots=True, eq=False)
class _Worker(Generic[S]):
    index: int
    inbox: queue.SimpleQueue[Job | None] = field(default_factory=queue.SimpleQueue)
    state: S | None = None


class Workers(Generic[S]):
    """`make` builds a thread's state in that thread; `kill` frees a hung one from outside, if it can be freed."""

    def __init__(
        self,
        name: str,
        count: int,
        make: Callable[[], S],
        timeout_s: float,
        kill: Callable[[S], None] | None = None,
        pool: Pool | None = None,
    ) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self.busy = 0  # jobs submitted and not finished
        self._count = count
        self._make = make
        self._kill = kill
        self._pool = pool or shared(count)
        self.work = self._pool.work(name)
        self._replaced = 0
        self._closed = False
        self._workers: list[_Worker[S]] = []
        self._idle: list[_Worker[S]] = []  # under the pool's lock, and so is who may run what

    async def start(self) -> None:
        """Builds every state; raises what `make` raised."""
        await asyncio.gather(*(self._spawn(i) for i in range(self._count)))

    async def close(self) -> None:
        """Idle threads end now, busy ones after their job, hung ones with the process."""
        with self._pool.lock:
            self._closed = True
            self._idle.clear()
        for worker in self._workers:
            worker.inbox.put(None)

    async def run(self, job: Callable[[S], T], size: float = 1.0) -> T:
        """One answer. `size`: how much work it is, in units of the engine's own. EngineTimeout after `timeout_s`, queueing
        included; EngineBusy when it would come too late (deadline.py)."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def work(state: S) -> None:
            try:
                value = job(state)
            except Exception as e:
                _post(loop, _fail, done, e)
            else:
                _post(loop, _finish, done, value)

        item = self._job(work, lambda e: _post(loop, _fail, done, e), size)
        self._pool.submit(item)
        self.busy += 1
        timer = loop.call_later(self.timeout_s, self._expire, item, lambda e: _fail(done, e))
        done.add_done_callback(lambda _: timer.cancel() if not done.cancelled() else None)
        try:
            return await done
        finally:
            self.busy -= 1
            item.gone = True

    async def stream(self, job: Callable[[S], Iterator[bytes]], size: float = 1.0) -> AsyncGenerator[bytes, None]:
        """Pieces as they are made. EngineTimeout when one takes longer than `timeout_s`, else as `run`. Closing it stops the
        work."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

        def work(state: S) -> None:
            try:
                with contextlib.closing(_generator(job(state))) as made:
                    for piece in made:
                        if item.gone:
                            return
                        _post(loop, pieces.put_nowait, piece)
            except Exception as e:
                _post(loop, pieces.put_nowait, e)
            else:
                _post(loop, pieces.put_nowait, None)

        item = self._job(work, lambda e: _post(loop, pieces.put_nowait, e), size)
        self._pool.submit(item)
        self.busy += 1
        ended = False
        try:
            while True:
                timer = loop.call_later(self.timeout_s, self._expire, item, pieces.put_nowait)
                try:
                    piece = await pieces.get()
                finally:
                    timer.cancel()
                ended = not isinstance(piece, bytes)
                if piece is None:
                    return
                if isinstance(piece, Exception):
                    raise piece if isinstance(piece, EngineError) else EngineError(f"{self.name}: {piece!r}") from piece
                yield piece
        finally:
            self.busy -= 1
            item.gone = True
            if not ended:  # cancelled: the thread must still come back in time
                loop.call_later(self.timeout_s, self._expire, item, str)

    def take(self) -> _Worker[S] | None:
        """For the pool."""
        return self._idle.pop() if self._idle else None

    def begin(self, thread: _Worker[S], job: Job) -> None:
        """For the pool."""
        thread.inbox.put(job)

    def _job(self, run: Callable[[S], None], refuse: Callable[[EngineBusy], None], size: float) -> Job:
        """Whoever asks for no time needs it now, and it is of use as long as he waits."""
        if self._closed:
            raise EngineError(f"{self.name}: closed")
        now, wanted = self._pool.clock(), due_now()
        context = contextvars.copy_context()  # whose work it is, for the log
        at_s = now if wanted is None else wanted.at_s
        until_s = now + self.timeout_s if wanted is None or wanted.until_s is None else wanted.until_s
        return Job(self, lambda state: context.run(run, state), refuse, at_s, until_s, size)

    def _expire(self, item: Job, fail: Callable[[EngineError], object]) -> None:
        with self._pool.lock:
            item.gone = True
            worker: _Worker[S] | None = item.thread
            hangs = worker in self._workers and not item.ended
            if worker is not None and hangs:  # before it is freed: it must not come back for more work
                self._workers.remove(worker)
                self._replaced += 1
        if worker is None:
            fail(EngineTimeout(f"{self.name}: all {self._pool.slots} slots were busy for {self.timeout_s:g} s"))
            return
        if not hangs:
            return
        log.error("engine hangs; its thread is replaced", engine=self.name, after_s=self.timeout_s)
        if self._kill is not None and worker.state is not None:
            self._kill(worker.state)
        self._pool.done(item)
        if self._replaced <= MAX_REPLACED:
            task = asyncio.get_running_loop().create_task(self._spawn(worker.index))
            task.add_done_callback(self._respawned)
        fail(EngineTimeout(f"{self.name}: no answer within {self.timeout_s:g} s"))

    def _respawned(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("engine can't be loaded again", engine=self.name, error=str(task.exception()))

    async def _spawn(self, index: int) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        worker: _Worker[S] = _Worker(index)
        self._workers.append(worker)
        thread = threading.Thread(target=self._work, args=(worker, loop, ready), name=f"{self.name}-{index}", daemon=True)
        thread.start()
        await ready

    def _work(self, worker: _Worker[S], loop: asyncio.AbstractEventLoop, ready: asyncio.Future[None]) -> None:
        try:
            state = worker.state = self._make()
        except Exception as e:
            _post(loop, _fail, ready, e)
            return
        self._rest(worker, None)
        _post(loop, _finish, ready, None)
        while (item := worker.inbox.get()) is not None:
            item.run(state)
            if not self._rest(worker, item):
                break
        if self._kill is not None:
            self._kill(state)

    def _rest(self, worker: _Worker[S], item: Job | None) -> bool:
        """The thread has nothing to do. False: it was given up."""
        with self._pool.lock:
            kept = worker in self._workers
            if self._closed:
                worker.inbox.put(None)
            elif kept:
                self._idle.append(worker)
            if not kept:
                self._replaced -= 1
            if item is not None:
                item.ended = True
        self._pool.done(item)
        return kept


def _generator(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield from pieces


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits
        loop.call_soon_threadsafe(call, *args)


def _finish(done: asyncio.Future[T], value: T) -> None:
    if not done.done():
        done.set_result(value)


def _fail(done: asyncio.Future[T], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
