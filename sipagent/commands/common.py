# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands share: options become a configuration, errors become exit codes."""

from __future__ import annotations

import functools
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec

from sipagent.config import Config, ConfigError, load
from sipagent.config_errors import OptionError
from sipagent.config_sources import parse_api, parse_listen, parse_range, parse_register
from sipagent.engines.base import EngineMissing
from sipagent.signalling.errors import SignallingError

FAILED, BAD_USAGE, BAD_CONFIG, NOT_STARTED = 1, 2, 3, 4

P = ParamSpec("P")


@dataclass(frozen=True)
class Overrides:
    """Settings from the command line, as typed."""

    agent: str | None = None
    sip: list[str] = field(default_factory=list)
    rtp: str | None = None
    api: str | None = None
    register: list[str] = field(default_factory=list)

    def tree(self) -> dict[str, Any]:
        """As a configuration tree. ConfigError names the option."""
        tree: dict[str, Any] = {"sip": {}}
        if self.agent is not None:
            tree["dialogue"] = {"agent": self.agent}
        if self.sip:
            tree["sip"]["listen"] = [parse_listen(text) for text in self.sip]
        if self.register:
            tree["sip"]["accounts"] = [parse_register(text) for text in self.register]
        if self.rtp is not None:
            tree["media"] = {"ports": parse_range(self.rtp)}
        if self.api is not None:
            tree["api"] = parse_api(self.api)
        return tree


def settings(path: Path | None, overrides: dict[str, Any]) -> Config:
    """File, environment and command line together."""
    return load(path, os.environ, overrides)


def exit_codes(command: Callable[P, int]) -> Callable[P, int]:
    """Errors that a person can mend become one line on stderr and an exit code; anything else is a bug and shows its trace."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except OptionError as exc:
            return complain(exc, BAD_USAGE)
        except ConfigError as exc:
            return complain(exc, BAD_CONFIG)
        except (OSError, SignallingError, EngineMissing) as exc:
            return complain(exc, NOT_STARTED)

    return run


def complain(exc: Exception, code: int) -> int:
    """One line for people."""
    words = exc.strerror if isinstance(exc, OSError) and not exc.filename else None
    sys.stderr.write(f"sipagent: {words or exc}\n")
    return code


def raise_file_limit() -> None:
    """Each call needs two sockets, and the soft limit of a login shell is often 1,024. The hard one is the administrator's."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
