# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asked when, and whose answer is taken; and when an engine rests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from sipagent.engines.base import EngineBusy, EngineError
from sipagent.engines.health import FAILURES, MAX_REST_S, OUTCOMES, REST_S, TRIAL_S, Health
from sipagent.engines.race import UNDO_S, Attempt, race
from sipagent.testing import VirtualLoop

LATE_S = 1.0


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    OUTCOMES.clear()
    yield loop
    loop.close()
    OUTCOMES.clear()


class Course:
    """Attempts that answer after some time, or fail with an error; what they did, in order."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.log: list[str] = []

    def attempt(self, name: str, seconds: float, error: Exception | None = None) -> Attempt[str]:
        async def ask() -> str:
            self.log.append(f"{name} asked at {self.loop.time():g}")
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.log.append(f"{name} cancelled")
                raise
            if error is not None:
                raise error
            return name

        return Attempt(Health("stt", name, self.loop.time), ask, lambda ended: self.log.append(f"{name} undone"))

    def run(self, *attempts: Attempt[str]) -> tuple[str, float]:
        """(winner, seconds)."""

        async def work() -> tuple[str, float]:
            _, winner = await race(attempts, LATE_S)
            took_s = self.loop.time()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return winner, took_s

        return self.loop.run_until_complete(work())


def outcomes() -> set[tuple[str, str]]:
    return {(engine, what) for (_, engine, what), n in OUTCOMES.items() if n}


def test_the_first_alone_when_it_is_in_time(loop: VirtualLoop) -> None:
    course = Course(loop)
    assert course.run(course.attempt("a", 0.9), course.attempt("b", 0.1)) == ("a", 0.9)
    assert course.log == ["a asked at 0"]
    assert outcomes() == {("a", "answered")}


def test_the_second_beside_a_late_first_and_the_first_answer_is_taken(loop: VirtualLoop) -> None:
    course = Course(loop)
    assert course.run(course.attempt("a", 5.0), course.attempt("b", 0.5)) == ("b", 1.5)
    assert course.log == ["a asked at 0", "b asked at 1", "a cancelled", "a undone"]
    assert outcomes() == {("a", "late"), ("a", "lost"), ("b", "answered")}


def test_a_late_first_may_still_win(loop: VirtualLoop) -> None:
    course = Course(loop)
    assert course.run(course.attempt("a", 1.2), course.attempt("b", 0.5)) == ("a", 1.2)
    assert course.log[-1] == "b undone"
    assert outcomes() == {("a", "late"), ("a", "answered")}


def test_of_two_at_the_same_time_the_earlier_one(loop: VirtualLoop) -> None:
    course = Course(loop)
    assert course.run(course.attempt("a", 1.5), course.attempt("b", 0.5))[0] == "a"
    assert "b undone" in course.log


def test_a_failure_leads_to_the_next_at_once(loop: VirtualLoop) -> None:
    course = Course(loop)
    assert course.run(course.attempt("a", 0.2, EngineError("x")), course.attempt("b", 0.1)) == ("b", pytest.approx(0.3))
    assert course.log == ["a asked at 0", "a undone", "b asked at 0.2"]
    assert outcomes() == {("a", "failed"), ("b", "answered")}


def test_a_refusal_is_no_failure(loop: VirtualLoop) -> None:
    course = Course(loop)
    course.run(course.attempt("a", 0.2, EngineBusy("full")), course.attempt("b", 0.1))
    assert outcomes() == {("a", "refused"), ("b", "answered")}


def test_when_the_second_fails_a_late_first_is_waited_for(loop: VirtualLoop) -> None:
    course = Course(loop)
    assert course.run(course.attempt("a", 3.0), course.attempt("b", 0.5, EngineError("x"))) == ("a", 3.0)


def test_when_all_fail_the_last_error_is_told(loop: VirtualLoop) -> None:
    course = Course(loop)
    attempts = [course.attempt(name, 0.1, EngineError(name)) for name in "abc"]
    with pytest.raises(EngineError, match="c"):
        course.run(*attempts)
    assert [line for line in course.log if "undone" in line] == ["a undone", "b undone", "c undone"]


def test_an_attempt_that_was_cancelled_by_others_is_a_failure_like_any(loop: VirtualLoop) -> None:
    course = Course(loop)
    gone = course.attempt("a", 0.1, asyncio.CancelledError())  # type: ignore[arg-type]
    assert course.run(gone, course.attempt("b", 0.1))[0] == "b"


def test_whoever_gives_up_leaves_nobody_at_work(loop: VirtualLoop) -> None:
    course = Course(loop)

    async def work() -> None:
        task = asyncio.ensure_future(race([course.attempt("a", 9.0), course.attempt("b", 9.0)], LATE_S))
        await asyncio.sleep(2.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop.run_until_complete(work())
    assert course.log[2:] == ["a cancelled", "b cancelled", "a undone", "b undone"]


def test_whoever_gives_up_finds_all_undone_but_waits_for_nobody_who_never_ends(loop: VirtualLoop) -> None:
    """The next question must not meet what the last one has left."""
    undone: list[str] = []

    async def ask(end_s: float) -> str:
        try:
            await asyncio.sleep(9.0)
        finally:
            await asyncio.sleep(end_s)
        return ""

    def attempt(name: str, end_s: float) -> Attempt[str]:
        return Attempt(Health("brain", name, loop.time), lambda: ask(end_s), lambda ended: undone.append(name))

    async def work() -> float:
        task = asyncio.ensure_future(race([attempt("a", UNDO_S / 2), attempt("b", 60.0)], LATE_S))
        await asyncio.sleep(2.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return loop.time() - 2.0

    assert loop.run_until_complete(work()) == pytest.approx(UNDO_S)
    assert undone == ["a"]


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_an_engine_that_fails_in_a_row_rests_and_is_then_tried_by_one() -> None:
    clock = Clock()
    health = Health("brain", "a", clock)
    for _ in range(FAILURES):
        assert health.usable()
        health.outcome("failed", EngineError("down"))
    assert health.resting
    assert not health.usable()
    clock.now_s += REST_S
    assert health.usable()  # the trial
    assert not health.usable()
    health.outcome("failed", EngineError("down"))
    clock.now_s += REST_S
    assert not health.usable()  # it rests twice as long
    clock.now_s += REST_S
    assert health.usable()
    health.outcome("answered")
    assert health.usable()
    assert health.usable()


def test_a_success_in_between_starts_the_count_anew() -> None:
    health = Health("brain", "a", Clock())
    for what in ("failed", "failed", "answered", "failed", "failed"):
        health.outcome(what)  # type: ignore[arg-type]
    assert not health.resting


def test_a_trial_that_tells_nothing_is_forgotten() -> None:
    clock = Clock()
    health = Health("brain", "a", clock)
    for _ in range(FAILURES):
        health.outcome("lost")
    clock.now_s += REST_S
    assert health.usable()
    clock.now_s += TRIAL_S
    assert health.usable()


def test_the_rest_has_a_limit() -> None:
    clock = Clock()
    health = Health("brain", "a", clock)
    for _ in range(FAILURES + 20):
        clock.now_s += MAX_REST_S
        health.usable()
        health.outcome("failed")
    clock.now_s += MAX_REST_S
    assert health.usable()


@pytest.mark.parametrize(("retry_s", "rests_s"), [(7.0, 7.0), (86400.0, MAX_REST_S), (None, 0.0)])
def test_an_engine_that_says_when_to_come_back_rests_until_then(retry_s: float | None, rests_s: float) -> None:
    clock = Clock()
    health = Health("brain", "a", clock)
    health.outcome("refused", EngineBusy("429", retry_s))
    assert health.resting == bool(rests_s)
    clock.now_s += rests_s
    assert health.usable()
