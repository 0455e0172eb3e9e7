# SPDX-License-Identifier: GPL-3.0-or-later
"""What HTTP sees of the switch. `sipagent.switch.Switch` is the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sipagent.call import Agent, Call
from sipagent.config import Config
from sipagent.config_routes import Mode
from sipagent.protection.quota import Use
from sipagent.store.rows import Row
from sipagent.store.writer import Counts


class AccountView(Protocol):
    """One registration."""

    @property
    def user(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def registered(self) -> bool: ...

    @property
    def code(self) -> int:
        """Last SIP status; 0 = none yet."""
        ...

    @property
    def reason(self) -> str: ...

    @property
    def expires_s(self) -> float: ...

    @property
    def registrar(self) -> str: ...

    @property
    def failures(self) -> int: ...


class HostView(Protocol):
    """One server of a trunk."""

    @property
    def host(self) -> str: ...

    @property
    def up(self) -> bool | None: ...

    @property
    def code(self) -> int: ...

    @property
    def reason(self) -> str: ...

    @property
    def target(self) -> str: ...


class TrunkView(Protocol):
    """A peer without registration."""

    @property
    def name(self) -> str: ...

    @property
    def up(self) -> bool: ...

    @property
    def hosts(self) -> Sequence[HostView]: ...


class UserAgentView(Protocol):
    """Signalling."""

    async def ping(self, timeout_s: float) -> float:
        """Seconds that an OPTIONS request to ourselves took; TimeoutError when no answer came."""
        ...

    async def hops(self, name: str) -> Sequence[int] | None:
        """Next hops of an account or a trunk; None: neither."""
        ...

    def accounts(self) -> Sequence[AccountView]: ...

    def trunks(self) -> Sequence[TrunkView]: ...

    def uses(self) -> Sequence[Use]: ...

    def listening(self) -> Sequence[str]: ...


class WorkerView(Protocol):
    """The media worker: `mediacore.Worker.stats()`."""

    def stats(self) -> Mapping[str, Any]: ...


class CapturesView(Protocol):
    """Capture files."""

    def path_of(self, call_id: str) -> Path | None:
        """Where a call's file is, or would be; None: there are no files."""
        ...


class MemoryView(Protocol):
    """What is kept of callers: `sipagent.store.memory.Memory`."""

    @property
    def counts(self) -> Counts: ...

    @property
    def pending(self) -> int: ...

    @property
    def recalled(self) -> Mapping[str, int]: ...

    async def of_caller(self, caller: str) -> Sequence[Row]: ...

    async def forget(self, caller: str) -> int: ...


class SupervisionView(Protocol):
    """Who listens to whom: `sipagent.bridging.supervision.Supervision`, whose errors these raise."""

    async def call_in(self, target_id: str, uri: str, via: str, mode: Mode) -> str: ...

    def change(self, target_id: str, listener_id: str, mode: Mode) -> None: ...

    def dismiss(self, target_id: str, listener_id: str) -> None: ...


class SwitchView(Protocol):
    """The composed switch."""

    @property
    def supervision(self) -> SupervisionView: ...

    @property
    def cfg(self) -> Config: ...

    @property
    def user_agent(self) -> UserAgentView: ...

    @property
    def worker(self) -> WorkerView: ...

    @property
    def engines(self) -> object | None:
        """None until the models are loaded."""
        ...

    @property
    def agents(self) -> Mapping[str, Agent]:
        """By the name that routes give them."""
        ...

    @property
    def captures(self) -> CapturesView: ...

    @property
    def memory(self) -> MemoryView: ...

    @property
    def calls(self) -> Mapping[str, Call]: ...
