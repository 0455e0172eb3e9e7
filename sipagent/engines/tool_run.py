# SPDX-License-Identifier: GPL-3.0-or-later
"""One tool call, made: in time, telling the caller to wait, and let go of when the caller interrupts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from sipagent.engines.base import AtWork, EngineError, Tool, UserTurn
from sipagent.log import get_logger

log = get_logger(__name__)

# Of the process, by (tool, outcome): done, error, late, cancelled.
RUNS: Counter[tuple[str, str]] = Counter()

UNKNOWN = "Not known: the caller interrupted while it ran. It may have been done."


class ToolWork:
    """Iterate `run` for its tokens; then, or when the iteration was given up, `result` is what the model is told."""

    def __init__(self, tool: Tool, arguments: Mapping[str, Any]) -> None:
        self._tool, self._arguments = tool, arguments
        self.began = False
        self._outcome = "cancelled"
        self.result = "Not done: the caller went on speaking."

    async def run(self, turn: UserTurn) -> AsyncGenerator[AtWork, None]:
        """Never raises: what goes wrong is a result."""
        tool = self._tool
        yield AtWork(tool.name)
        if turn.sure is not None:
            await turn.sure.wait()
        loop = asyncio.get_running_loop()
        began_s, self.began, self.result = loop.time(), True, UNKNOWN
        task = asyncio.ensure_future(tool.call(self._arguments))
        try:
            while (waited_s := loop.time() - began_s) < tool.timeout_s:
                done, _ = await asyncio.wait({task}, timeout=min(tool.slow_s, tool.timeout_s - waited_s))
                if done:
                    break
                yield AtWork(tool.name, tool.say_slow, loop.time() - began_s)
            self.result = self._told(task)
        finally:
            _let_go(task)
            RUNS[tool.name, self._outcome] += 1
            log.info("tool", tool=tool.name, ms=round((loop.time() - began_s) * 1000), outcome=self._outcome)

    def _told(self, task: asyncio.Future[str]) -> str:
        if not task.done():
            self._outcome = "late"
            return f"Error: no answer within {self._tool.timeout_s:g} s. It may have been done."
        error = asyncio.CancelledError("by itself") if task.cancelled() else task.exception()
        self._outcome = "done" if error is None else "error"
        if error is None:
            return task.result()
        if isinstance(error, EngineError):
            return f"Error: {error}"
        log.error("a tool failed", tool=self._tool.name, exc_info=error)
        return "Error: the tool failed."


def _let_go(task: asyncio.Future[str]) -> None:
    """Nobody waits for it any more; what it may still raise is nobody's either."""
    task.cancel()
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
