# SPDX-License-Identifier: GPL-3.0-or-later
"""pjsua2 is touched by one thread: checked in the source and at run time."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipagent.signalling import accounts, calls, endpoint, stack
from sipagent.signalling.errors import CallLimitError, SignallingError
from sipagent.signalling.thread import SipThread, callback, sip_only

PACKAGE = Path(stack.__file__).parent
SIP_SIDE = {"accounts.py", "calls.py", "endpoint.py", "offers.py", "peering.py", "stack.py", "thread.py"}


def modules_with(name: str) -> set[str]:
    """Files of sipagent that import `name` from anywhere."""
    found = set()
    for path in PACKAGE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if any(name in part.split(".") for part in (module, *names)):
                found.add(path.name if path.parent == PACKAGE else str(path))
    return found


def test_pjsua2_is_imported_on_the_sip_side_only() -> None:
    assert modules_with("pjsua2") == SIP_SIDE


def test_main_side_calls_nothing_but_the_wake_up() -> None:
    """SipThread has methods for both sides: those of main may use the one function that is safe there."""
    source = ast.parse((PACKAGE / "thread.py").read_text())
    used = {n.attr for n in ast.walk(source) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "pjsua2"}
    assert used == {"mc_pjsip_wake", "Error"}


@pytest.fixture
async def thread() -> AsyncIterator[SipThread]:
    thread = SipThread(lambda message: None)
    await thread.start()
    yield thread
    await thread.stop()


async def test_every_public_method_of_the_stack_is_guarded(thread: SipThread) -> None:
    tested = 0
    for cls in (stack.Stack, calls.SipCall):
        for name, member in vars(cls).items():
            if hasattr(member, "__wrapped__") and not name.startswith("on"):
                fake = type("Fake", (), {"thread": thread})()
                with pytest.raises(RuntimeError, match="only the sip thread"):
                    member(fake)
                tested += 1
    assert tested >= 10
    open_methods = {
        n for n, m in vars(stack.Stack).items() if callable(m) and not n.startswith("_") and not hasattr(m, "__wrapped__")
    }
    assert open_methods == set()


@pytest.mark.parametrize(
    "make",
    [
        lambda t: accounts.SipAccount(t, "a", lambda a, p: None),
        lambda t: endpoint.SipEndpoint(t),
        lambda t: calls.SipCall(t, None, "k", None, lambda c: None),
    ],
)
async def test_no_pjsua2_object_is_made_elsewhere(thread: SipThread, make: object) -> None:
    with pytest.raises(RuntimeError, match="only the sip thread"):
        make(thread)  # type: ignore[operator]


async def test_jobs_run_there_in_order_and_answer(thread: SipThread) -> None:
    ran: list[int] = []
    futures = [thread.run(lambda n=n: (ran.append(n), threading.current_thread().name)[1]) for n in range(100)]  # type: ignore[misc]
    assert set(await asyncio.gather(*futures)) == {"sip"}
    assert ran == list(range(100))


async def test_errors_come_back_as_ours_without_the_frames_of_the_sip_thread(thread: SipThread) -> None:
    def bad() -> None:
        raise ValueError("what")

    def full() -> None:
        raise CallLimitError("full")

    with pytest.raises(SignallingError, match="ValueError: what") as caught:
        await thread.run(bad)
    assert caught.value.__context__ is None
    with pytest.raises(CallLimitError, match="full"):
        await thread.run(full)
    assert await thread.run(lambda: 1) == 1


async def test_a_failing_job_or_message_harms_nobody() -> None:
    got: list[object] = []

    def on_message(message: object) -> None:
        if message == "bad":
            raise RuntimeError("handler")
        got.append(message)

    thread = SipThread(on_message)
    await thread.start()
    thread.post(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    for message in (1, "bad", 2):
        thread.post(lambda m=message: thread.send(m))  # type: ignore[misc]
    await thread.run(lambda: None)
    await thread.stop()
    assert got == [1, 2]


async def test_later_runs_after_the_poll(thread: SipThread) -> None:
    order: list[str] = []

    def job() -> None:
        thread.later(lambda: order.append("later"))
        order.append("job")

    await thread.run(job)
    await thread.run(lambda: None)
    assert order == ["job", "later"]


def test_nothing_escapes_a_callback() -> None:
    class Director:
        thread = None

        @callback
        def on_thing(self, prm: object) -> None:  # type: ignore[type-var]
            raise KeyboardInterrupt

    Director().on_thing(None)  # type: ignore[type-var]


def test_sip_only_names_the_culprit() -> None:
    class Owner:
        def __init__(self) -> None:
            self.thread = SipThread(lambda message: None)

        @sip_only
        def touch(self) -> None: ...

    with pytest.raises(RuntimeError, match=r"Owner\.touch called on thread 'MainThread'"):
        Owner().touch()


async def test_after_the_end_nobody_waits() -> None:
    """What is asked then, what was queued behind the end, and what was never answered: an error, at once."""
    thread = SipThread(lambda message: None)
    with pytest.raises(SignallingError, match="not up"):
        await thread.run(int)
    await thread.start()
    unanswered = thread.ask(lambda answer: None)
    stopping = asyncio.ensure_future(thread.stop())
    await asyncio.sleep(0)  # the end is queued
    behind = thread.run(lambda: 5)
    await stopping
    for future in (unanswered, thread.run(int), thread.ask(lambda answer: None)):
        with pytest.raises(SignallingError, match="not up"):
            await asyncio.wait_for(future, 5)
    with contextlib.suppress(SignallingError):  # or it was early enough
        assert await asyncio.wait_for(behind, 5) == 5
