# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents that are Python: `FILE.py` (its function on_call), `FILE.py:name` or `package.module:name`."""

from __future__ import annotations

import asyncio
import copy
import importlib
import importlib.machinery
import importlib.util
import inspect
import itertools
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from sipagent.agents.errors import AgentError
from sipagent.agents.recorded import with_recordings
from sipagent.agents.turns import Turns
from sipagent.agents.voice_call import CallOver, VoiceCall
from sipagent.call import Call
from sipagent.config import Dialogue
from sipagent.dialogue.clock import Clock, clock_us
from sipagent.dialogue.context import fits
from sipagent.dialogue.conversation import Conversation
from sipagent.dialogue.events import DialogueEvent, Listener
from sipagent.engines import EngineSet
from sipagent.engines.clips import Apology
from sipagent.log import get_logger

log = get_logger(__name__)

OnCall = Callable[[VoiceCall], Awaitable[Any]]

FUNCTION = "on_call"
STILL_THERE = "Are you still there?"
NOT_HEARD = "I can't hear you any more. Goodbye."

_FILE = re.compile(r"(.+\.py)(?::(\w+))?")
_MODULE = re.compile(r"(\w+(?:\.\w+)*):(\w+)")
_number = itertools.count(1)


def is_code(name: str) -> bool:
    """Whether the name of an agent is that of a program."""
    return _FILE.fullmatch(name) is not None or _MODULE.fullmatch(name) is not None


def file_of(name: str) -> Path | None:
    """The file of a program; None = an installed module's, which is not read again."""
    match = _FILE.fullmatch(name)
    return Path(match[1]) if match else None


def load(name: str) -> OnCall:
    """Runs the file or imports the module: blocks, and raises whatever a person's code raises; AgentError for the rest."""
    path = file_of(name)
    if path is None:
        module_name, _, wanted = name.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as e:
            if e.name is None or not (module_name + ".").startswith(e.name + "."):
                raise
            raise AgentError(f"{name}: there is no module {e.name!r} here; install it, or set PYTHONPATH") from e
    else:
        wanted = name.partition(".py:")[2] or FUNCTION
        if not path.is_file():
            raise AgentError(f"{path}: no such file")
        name_of_module = f"sipagent_agent_{next(_number)}"
        spec = importlib.util.spec_from_loader(name_of_module, _AsWritten(name_of_module, str(path)))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[spec.name]
            raise
    function: OnCall | None = getattr(module, wanted, None)
    if function is None or not inspect.iscoroutinefunction(function):
        raise AgentError(f"{name}: there is no `async def {wanted}(call)` in it")
    return function


class _AsWritten(importlib.machinery.SourceFileLoader):
    """Compiles what stands in the file. Python's own cache tells files apart by size and whole seconds: two changes within one
    would be taken for none."""

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Unknown, so nothing is cached."""
        raise OSError(path)


class CodeAgent:
    """Runs a person's program for each call. It gets calls that are not answered yet."""

    answers_itself = True

    def __init__(
        self,
        name: str,
        function: OnCall,
        engines: EngineSet,
        cfg: Dialogue,
        listener: Listener | None = None,
        clock: Clock = clock_us,
    ) -> None:
        self.name = name
        self._function, self._cfg, self._listener, self._clock = function, cfg, listener, clock
        folder = (file_of(name) or Path()).absolute().parent
        self._engines = with_recordings(engines, folder, None)

    async def on_call(self, call: Call) -> None:
        """Until the program is over. One that fails costs its caller an apology and the call."""
        turns, context = Turns(STILL_THERE, NOT_HEARD), call.context
        if context.returning:
            turns.slots.update(copy.deepcopy(context.slots))

        def listen(event: DialogueEvent) -> None:
            turns.on_event(event)
            if self._listener is not None:
                self._listener(event)

        conversation = Conversation(call, self._engines, turns, self._cfg, listen, self._clock)
        voice, goodbye = VoiceCall(call, turns, conversation), ""
        try:
            await self._function(voice)
        except CallOver:
            log.info("the program spoke to a call that was over", agent=self.name)
        except (Exception, SystemExit):  # sys.exit() in a program is its own end, not the switch's
            log.exception("the agent's program failed", agent=self.name)
            goodbye = Apology.GIVE_UP.value
        finally:
            if fits(turns.slots) and turns.slots != context.slots:  # it noted something after the last words
                context.slots = turns.slots
                context.changed()
            await asyncio.shield(asyncio.ensure_future(voice.close(goodbye)))
