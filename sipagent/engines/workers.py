# SPDX-License-Identifier: GPL-3.0-or-later
"""A bounded pool of threads, each with its own engine state, for work that may hang.

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
from typing import Generic, TypeVar

from sipagent.engines.base import EngineError, EngineTimeout
from sipagent.log import get_logger

log = get_logger(__name__)

S = TypeVar("S")
T = TypeVar("T")

MAX_REPLACED = 16  # threads given up in a process's life; each may hold a model


class _Job(Generic[S]):
    """One piece of work. `started` and `gone` are written under the pool's lock."""

    def __init__(self, run: Callable[[S], None]) -> None:
        self._run = run
        self._context = contextvars.copy_context()  # whose work it is, for the log
        self.worker: _Worker[S] | None = None
        self.gone = False  # nobody waits: don't start it; a streaming one stops at its next piece

    def run(self, state: S) -> None:
        self._context.run(self._run, state)


class _Worker(Generic[S]):
    def __init__(self, index: int) -> None:
        self.index = index
        self.state: S | None = None
        self.given_up = False


class Workers(Generic[S]):
    """`make` builds a thread's state in that thread; `kill` frees a hung one from outside, if it can be freed."""

    def __init__(
        self, name: str, count: int, make: Callable[[], S], timeout_s: float, kill: Callable[[S], None] | None = None
    ) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self.busy = 0  # jobs submitted and not finished
        self._count = count
        self._make = make
        self._kill = kill
        self._jobs: queue.SimpleQueue[_Job[S] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._replaced = 0
        self._workers: list[_Worker[S]] = []

    async def start(self) -> None:
        """Builds every state; raises what `make` raised."""
        await asyncio.gather(*(self._spawn(i) for i in range(self._count)))

    async def close(self) -> None:
        """Idle threads end now, busy ones after their job, hung ones with the process."""
        for _ in range(self._count + self._replaced):
            self._jobs.put(None)

    async def run(self, job: Callable[[S], T]) -> T:
        """One answer. EngineTimeout after `timeout_s`, queueing included."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def work(state: S) -> None:
            try:
                value = job(state)
            except Exception as e:
                _post(loop, _fail, done, e)
            else:
                _post(loop, _finish, done, value)

        item = self._submit(_Job(work))
        timer = loop.call_later(self.timeout_s, self._expire, item, lambda e: _fail(done, e))
        done.add_done_callback(lambda _: timer.cancel() if not done.cancelled() else None)
        try:
            return await done
        finally:
            self.busy -= 1
            item.gone = True

    async def stream(self, job: Callable[[S], Iterator[bytes]]) -> AsyncGenerator[bytes, None]:
        """Pieces as they are made. EngineTimeout when one takes longer than `timeout_s`. Closing it stops the work."""
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

        item: _Job[S] = _Job(work)
        self._submit(item)
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

    def _submit(self, item: _Job[S]) -> _Job[S]:
        self.busy += 1
        self._jobs.put(item)
        return item

    def _expire(self, item: _Job[S], fail: Callable[[EngineError], object]) -> None:
        with self._lock:
            item.gone = True
            worker = item.worker
            if worker is not None:
                worker.given_up = True
        if worker is None:
            fail(EngineTimeout(f"{self.name}: all {self._count} workers were busy for {self.timeout_s:g} s"))
            return
        if worker not in self._workers:
            return
        log.error("engine hangs; its thread is replaced", engine=self.name, after_s=self.timeout_s)
        if self._kill is not None and worker.state is not None:
            self._kill(worker.state)
        self._workers.remove(worker)
        self._replaced += 1
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
        _post(loop, _finish, ready, None)
        while not worker.given_up:
            item = self._jobs.get()
            if item is None:
                break
            with self._lock:
                if item.gone:
                    continue
                item.worker = worker
            item.run(state)
            with self._lock:
                item.worker = None
        if self._kill is not None:
            self._kill(state)


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
