# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU that speech engines may use, shared by all calls: so many jobs at once, the one that is needed first goes first.

    Workers.run/stream --submit--> waiting (earliest deadline first) --slot and thread free--> running --> done
                          \\--would come too late to be of use: EngineBusy, at once or when its time has passed

Threads belong to their engine (workers.py), slots to the process: two engines on two cores don't run four jobs at once, each
half as fast. What a job will take is learned from those before it (seconds for each unit of its size), so that a refusal comes
before the wait and not after it.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sipagent.engines.base import EngineBusy

LEARN = 0.2  # weight of the newest job in what is known of an engine's speed


@dataclass(slots=True)
class Work:
    """One engine's account. Seconds are of the wall clock while a slot was held."""

    name: str
    jobs: int = 0
    busy_s: float = 0.0
    waited_s: float = 0.0
    late: int = 0  # ended after they were needed
    refused: int = 0
    s_per_unit: float = 0.0  # learned

    def learn(self, size: float, took_s: float) -> None:
        """A job of `size` units ended."""
        self.jobs += 1
        self.busy_s += took_s
        rate = took_s / size
        self.s_per_unit += (rate - self.s_per_unit) * (LEARN if self.s_per_unit else 1.0)


class Home(Protocol):
    """An engine's threads, as the pool sees them. All calls come under the pool's lock."""

    work: Work

    def take(self) -> Any | None:
        """A thread that has nothing to do."""
        ...

    def begin(self, thread: Any, job: Job) -> None:
        """That thread shall run it."""
        ...


@dataclass(slots=True, eq=False)
class Job:
    """`refuse` is called, on any thread, when its time passed before it began."""

    home: Home
    run: Callable[[Any], None]
    refuse: Callable[[EngineBusy], None]
    at_s: float
    until_s: float
    size: float = 1.0
    thread: Any = None
    gone: bool = False  # nobody waits: not begun if it hasn't; a streaming one stops at its next piece
    ended: bool = False
    submitted_s: float = 0.0
    began_s: float = 0.0


@dataclass(slots=True)
class Pool:
    """Any thread may call it."""

    slots: int
    clock: Callable[[], float] = time.monotonic
    lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: list[tuple[float, int, Job]] = field(default_factory=list)
    _running: set[Job] = field(default_factory=set)
    _number: int = 0
    _works: dict[str, Work] = field(default_factory=dict)

    def work(self, name: str) -> Work:
        """The account of the engine of this name."""
        with self.lock:
            return self._works.setdefault(name, Work(name))

    def works(self) -> list[Work]:
        """All accounts, for the metrics."""
        with self.lock:
            return list(self._works.values())

    def depth(self) -> tuple[int, int]:
        """Jobs running and jobs waiting."""
        with self.lock:
            return len(self._running), sum(not job.gone for _, _, job in self._waiting)

    def submit(self, job: Job) -> None:
        """Raises EngineBusy when it would surely come too late."""
        with self.lock:
            now = self.clock()
            wait_s = self._wait_s(job, now)
            ready_s = now + wait_s + self._cost_s(job)
            if wait_s and ready_s > job.until_s:  # with a slot free it is tried: what was learned may be of a bad moment
                raise self._refusal(job, f"it would be ready {ready_s - job.until_s:.2f} s after it is of use")
            job.submitted_s = now
            self._number += 1
            heapq.heappush(self._waiting, (job.at_s, self._number, job))
            self._dispatch()

    def done(self, job: Job | None) -> None:
        """Its slot is free, whether it ended or its thread was given up. None: a new thread has come."""
        with self.lock:
            if job is not None and job in self._running:
                self._running.remove(job)
                now = self.clock()
                if not job.gone:  # what was stopped in the middle says nothing of the engine's speed
                    job.home.work.learn(job.size, now - job.began_s)
                    job.home.work.late += now > job.at_s
            self._dispatch()

    def _dispatch(self) -> None:
        blocked = []
        now = self.clock()
        while self._waiting and len(self._running) < self.slots:
            entry = heapq.heappop(self._waiting)
            job = entry[2]
            if job.gone:
                continue
            if now > job.until_s:
                job.refuse(self._refusal(job, f"it waited {now - job.submitted_s:.2f} s"))
                continue
            job.thread = job.home.take()
            if job.thread is None:
                blocked.append(entry)
                continue
            job.began_s = now
            job.home.work.waited_s += now - job.submitted_s
            self._running.add(job)
            job.home.begin(job.thread, job)
        for entry in blocked:
            heapq.heappush(self._waiting, entry)

    def _refusal(self, job: Job, why: str) -> EngineBusy:
        job.gone = True
        job.home.work.refused += 1
        return EngineBusy(f"{job.home.work.name}: refused: {why} ({len(self._waiting)} jobs wait for {self.slots} slots)")

    def _wait_s(self, job: Job, now: float) -> float:
        """Until a slot is free for it, by what is known of the others."""
        if len(self._running) < self.slots:
            return 0.0
        left = sum(max(0.0, self._cost_s(other) - (now - other.began_s)) for other in self._running)
        ahead = sum(self._cost_s(other) for at_s, _, other in self._waiting if at_s <= job.at_s and not other.gone)
        return (left + ahead) / self.slots

    @staticmethod
    def _cost_s(job: Job) -> float:
        return job.home.work.s_per_unit * job.size


_shared = Pool(1)


def shared(slots: int = 1) -> Pool:
    """The process's pool; it has as many slots as the most that anybody asked for."""
    _shared.slots = max(_shared.slots, slots)
    return _shared
