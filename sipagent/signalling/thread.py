# SPDX-License-Identifier: GPL-3.0-or-later
"""The sip thread: the only one that calls pjsua2. Jobs come in by a queue with a wake-up, results go back in batches.

main: run(fn) -> deque -> wake ->  sip: fn() -> outbox -> one call_soon_threadsafe per turn -> main: future, on_message
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from mediacore import clock_us, pjsua2
from sipagent.config import ConfigError
from sipagent.log import NO_CALL, call_context, carried, get_logger
from sipagent.signalling.errors import SignallingError

log = get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

DOWN = "the user agent is not up"
POLL_MS = 500  # longest sleep; commands wake the poll, so this only bounds how old `ticked_us` gets


class Threaded(Protocol):
    """Anything that knows its sip thread."""

    @property
    def thread(self) -> SipThread: ...


Self_ = TypeVar("Self_", bound=Threaded)


def sip_only(fn: Callable[Concatenate[Self_, P], T]) -> Callable[Concatenate[Self_, P], T]:
    """The method raises when any thread but the sip thread calls it: pjsua2 objects must be used and die there."""

    @functools.wraps(fn)
    def checked(self: Self_, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.thread.check(fn.__qualname__)
        return fn(self, *args, **kwargs)

    return checked


def callback(fn: Callable[Concatenate[Self_, P], None]) -> Callable[Concatenate[Self_, P], None]:
    """A director callback: no exception goes back into PJSIP's C++. What it logs is the call's that `log_ids` names, if the
    object has that."""

    @functools.wraps(fn)
    def guarded(self: Self_, /, *args: P.args, **kwargs: P.kwargs) -> None:
        with call_context(*getattr(self, "log_ids", NO_CALL)):
            try:
                fn(self, *args, **kwargs)
            except BaseException:
                log.exception("signalling callback failed", callback=fn.__qualname__)

    return guarded


class SipThread:
    """One thread, one job queue. `run`, `post` and `stop` belong to main; `send`, `later` and `check` to the sip thread."""

    def __init__(self, on_message: Callable[[object], None]) -> None:
        self.ticked_us = 0  # monotonic time of the last turn
        self._on_message = on_message
        self._jobs: deque[Callable[[], None]] = deque()
        self._after: deque[Callable[[], None]] = deque()
        self._outbox: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poll: Callable[[int], object] | None = None
        self._at_exit: Callable[[], None] | None = None
        self._sleeping = False
        self._idle = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._done: asyncio.Future[None] | None = None
        self._asked: set[asyncio.Future[Any]] = set()  # that may be answered long after their job has run

    # ---- main thread

    @property
    def running(self) -> bool:
        """Between `start` and `stop`."""
        return self._thread is not None and not self._stopping

    async def start(self) -> None:
        """Starts the thread; jobs run from now on, PJSIP is polled once a job has called `attach`."""
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()
        self._stopping = False
        self._thread = threading.Thread(target=self._main, name="sip")
        self._thread.start()

    def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Runs `fn` on the sip thread; the future gets its result, or its error as a SignallingError or
        ConfigError. SignallingError too when the thread does not run, or ends before."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def job() -> None:
            self._reply(_succeed, future, fn(*args, **kwargs))

        self._queue(_Job(self, future, job))
        return future

    def ask(
        self, fn: Callable[Concatenate[Callable[[T], None], P], None], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Runs `fn(answer, ...)` on the sip thread; the future gets what `answer` is called with there, now or later, or the
        error of `fn`, or SignallingError when the thread ends before. A second answer is dropped."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def answer(value: T) -> None:
            self._reply(_succeed, future, value)

        self._asked.add(future)
        future.add_done_callback(self._asked.discard)
        self._queue(_Job(self, future, functools.partial(fn, answer, *args, **kwargs)))
        return future

    def _queue(self, job: _Job) -> None:
        if self._thread is None:
            _fail(job.future, SignallingError(DOWN))
        else:
            self.post(job)

    def post(self, job: Callable[[], None]) -> None:
        """Queues a job without an answer. Never blocks."""
        self._jobs.append(carried(job))
        if self._sleeping:  # set before the sip thread looks at the queue for the last time, so no job is overslept
            self._sleeping = False
            self._idle.set()
            pjsua2.mc_pjsip_wake()

    async def stop(self) -> None:
        """Ends the thread after the jobs that are queued now."""
        if self._thread is None or self._done is None:
            return
        self.post(self._end)
        await self._done
        self._thread.join()  # its last act was to complete the future
        self._thread = None
        late = {job.future for job in self._jobs if isinstance(job, _Job)}  # queued behind the last one
        self._jobs.clear()
        for future in late | self._asked:
            _fail(future, SignallingError(DOWN))

    # ---- sip thread

    def check(self, what: str) -> None:
        """RuntimeError unless the caller is the sip thread."""
        if threading.current_thread() is not self._thread:
            raise RuntimeError(
                f"{what} called on thread {threading.current_thread().name!r}: only the sip thread may use pjsua2"
            )

    def attach(self, poll: Callable[[int], object] | None, at_exit: Callable[[], None] | None = None) -> None:
        """`poll(ms)` is what the thread waits in; None: it waits for jobs by itself. `at_exit` runs when the interpreter ends
        without `stop`: PJSIP must not be torn down by another thread."""
        self._poll, self._at_exit = poll, at_exit

    def later(self, fn: Callable[[], None]) -> None:
        """Runs `fn` when the callback that is running has returned to PJSIP, and PJSIP to us."""
        self._after.append(fn)

    def send(self, message: object) -> None:
        """To `on_message` on main, in order, with the other messages of this turn."""
        self._outbox.append(functools.partial(self._on_message, message))

    def try_job(self, future: asyncio.Future[Any], job: Callable[[], None]) -> None:
        """Runs it; its error goes into the future."""
        try:
            job()
        except (SignallingError, ConfigError) as error:  # a new one: the old one's frames hold PJSIP's objects
            self._reply(_fail, future, type(error)(*error.args))
        except pjsua2.Error as error:
            self._reply(_fail, future, SignallingError(error.reason or error.info()))
        except Exception as error:
            log.exception("signalling job failed", job=repr(job))
            self._reply(_fail, future, SignallingError(f"{type(error).__name__}: {error}"))

    def _reply(self, fn: Callable[..., None], future: asyncio.Future[Any], value: object) -> None:
        self._outbox.append(functools.partial(fn, future, value))

    def _end(self) -> None:
        self._stopping = True

    def _main(self) -> None:
        while not self._stopping and threading.main_thread().is_alive():
            self.ticked_us = clock_us()
            self._drain(self._jobs)
            self._drain(self._after)
            self._flush()
            if not self._stopping:
                self._wait()
                self._drain(self._after)
                self._flush()
        if self._at_exit is not None:
            self._jobs.append(self._at_exit)
            self._drain(self._jobs)
        self._flush()
        if self._loop is not None and self._done is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_succeed, self._done, None)

    def _wait(self) -> None:
        self._idle.clear()
        self._sleeping = True
        timeout_ms = 0 if self._jobs else POLL_MS
        try:
            if self._poll is None:
                self._idle.wait(timeout_ms / 1000)
            else:
                self._poll(timeout_ms)
        except Exception:
            log.exception("poll of the SIP stack failed")
        self._sleeping = False

    def _drain(self, jobs: deque[Callable[[], None]]) -> None:
        for _ in range(len(jobs)):
            try:
                jobs.popleft()()
            except Exception:
                log.exception("signalling job failed")

    def _flush(self) -> None:
        if self._outbox and self._loop is not None:
            batch, self._outbox = self._outbox, []
            try:
                self._loop.call_soon_threadsafe(_deliver, batch)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                log.warning("event loop gone, signalling messages dropped", n=len(batch))


class _Job:
    """A job that somebody waits for."""

    __slots__ = ("_run", "_thread", "future")

    def __init__(self, thread: SipThread, future: asyncio.Future[Any], run: Callable[[], None]) -> None:
        self._thread, self.future, self._run = thread, future, run

    def __call__(self) -> None:
        self._thread.try_job(self.future, self._run)


def _deliver(batch: list[Callable[[], None]]) -> None:
    for item in batch:
        try:
            item()
        except Exception:
            log.exception("signalling message failed")


def _succeed(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
