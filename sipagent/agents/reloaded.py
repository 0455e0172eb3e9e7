# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that is read from a file, and read again when the file changes. Calls keep the edition that they began with; new
ones get the newest that could be read."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sipagent.agents.errors import AgentError
from sipagent.call import Agent, Call
from sipagent.engines.base import EngineError
from sipagent.log import get_logger

log = get_logger(__name__)

LOOK_S = 1.0

Stamp = tuple[int, int] | None  # (modified, size) of the file; None = it can't be seen


@dataclass(slots=True)
class Edition:
    """What was made of the file at one time. `close` runs when its last call is over and there is a newer one."""

    agent: Agent
    close: Callable[[], Awaitable[None]]
    calls: int = 0


class ReloadedAgent:
    """`path` None: read once. `make` reads the file: AgentError or EngineError says what is wrong with it."""

    def __init__(self, name: str, path: Path | None, make: Callable[[], Awaitable[Edition]]) -> None:
        self.name = name
        self.path = path
        self.problem = ""  # why the newest file is not used
        self.editions = 0  # so many times the file was good
        self._make = make
        self._edition: Edition | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def answers_itself(self) -> bool:
        """The newest edition wants calls that are not answered yet."""
        return self._edition is not None and bool(getattr(self._edition.agent, "answers_itself", False))

    async def open(self) -> None:
        """Reads the file, and follows it from now on. Raises what `make` does."""
        stamp = None if self.path is None else await asyncio.to_thread(_stamp, self.path)
        try:
            self._edition = await self._make()
        except (AgentError, EngineError):
            raise
        except (Exception, SystemExit) as e:  # a person's own code may raise anything
            raise AgentError(f"{self.name}: {traceback.format_exc(limit=-1)}") from e
        self.editions = 1
        if self.path is not None:
            self._watching = asyncio.create_task(self._follow(self.path, stamp), name=f"watch-{self.path.name}")

    async def close(self) -> None:
        """The calls are over."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        if self._edition is not None:
            await self._end(self._edition)

    async def on_call(self, call: Call) -> None:
        """With the newest edition, to the end."""
        edition = self._edition
        assert edition is not None
        edition.calls += 1
        try:
            await edition.agent.on_call(call)
        finally:
            edition.calls -= 1
            if edition is not self._edition and edition.calls == 0:
                await self._end(edition)

    async def _follow(self, path: Path, seen: Stamp) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            stamp = await asyncio.to_thread(_stamp, path)
            if stamp == seen:
                continue
            seen = stamp
            await self._renew()

    async def _renew(self) -> None:
        try:
            newer = await self._make()
        except (AgentError, EngineError) as e:
            self.problem = str(e)
            log.error("agent file can't be used: calls go on with the one before", agent=self.name, reason=self.problem)
            return
        except (Exception, SystemExit) as e:  # a person's own code may raise anything; none of it ends the switch
            self.problem = repr(e)
            log.exception("agent file can't be used: calls go on with the one before", agent=self.name)
            return
        self.problem = ""
        older, self._edition = self._edition, newer
        self.editions += 1
        log.info("agent file read again, for new calls", agent=self.name)
        if older is not None and older.calls == 0:
            await self._end(older)

    async def _end(self, edition: Edition) -> None:
        """Whatever its tools and engines raise, others are ended and the file is followed."""
        try:
            await edition.close()
        except Exception:
            log.exception("an edition of the agent could not be closed", agent=self.name)


def _stamp(path: Path) -> Stamp:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size
