# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools made from an agent's [[tools]]: a request to a service, a Python function, or an act of the dialogue."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import inspect
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from sipagent.config_tools import HttpCall, ToolRow, fields_of
from sipagent.engines.base import Act, Deed, EngineBusy, EngineError, EngineMissing, HandOver, Tool
from sipagent.engines.http import Http, bearer, read
from sipagent.engines.tool_schema import schema
from sipagent.log import get_logger

log = get_logger(__name__)

MAX_THREADS = 32  # functions that may block at the same time
MAX_RESULT = 8000  # characters; a model's context is no place for a whole page


def make(rows: Sequence[ToolRow]) -> list[Tool]:
    """The tools of one agent, ready to run; blocks while modules are imported. Raises EngineMissing: a function or a key is not
    there."""
    names = [row.name for row in rows]
    if twice := {name for name in names if names.count(name) > 1}:
        raise EngineMissing(f"tools: two are called {', '.join(sorted(twice))}; give each a name of its own")
    return [_tool(row) for row in rows]


async def close(tools: Iterable[Tool]) -> None:
    """Ends their connections."""
    for tool in tools:
        if isinstance(tool, HttpTool):
            await tool.close()


def _tool(row: ToolRow) -> Tool:
    if row.http is not None:
        return HttpTool(row, row.http)
    return PythonTool(row) if row.python else DeedTool(row)


class _Declared:
    """What the row says."""

    def __init__(self, row: ToolRow) -> None:
        self.name, self.description = row.name, row.description
        self.parameters: Mapping[str, Any] = schema(row.arguments)
        self.timeout_s, self.slow_s, self.say_slow, self.confirm = row.timeout_s, row.slow_s, row.say_slow, row.confirm
        self.deed: Deed | None = Act.HANGUP if row.hangup else HandOver(row.transfer, row.via) if row.transfer else None


class DeedTool(_Declared):
    """The dialogue does it."""

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """Not used."""
        raise EngineError(f"{self.name} is done by the dialogue")


class PythonTool(_Declared):
    """A function of the user's. A plain one runs in a thread, and can't be stopped there: its answer is then dropped."""

    def __init__(self, row: ToolRow) -> None:
        super().__init__(row)
        self._function = _import(row)

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """What it returns: text, or anything that JSON can hold."""
        if inspect.iscoroutinefunction(self._function):
            try:
                return _result(await self._function(**arguments))
            except SystemExit as e:  # out of a task it would end the switch
                raise EngineError(f"it raised {e!r}") from None
        return _result(await _in_thread(self.name, partial(self._function, **arguments)))


class HttpTool(_Declared):
    """A request; an interruption closes its connection."""

    def __init__(self, row: ToolRow, http: HttpCall) -> None:
        super().__init__(row)
        self._http = http
        self._in_path = fields_of(http.path)
        header = http.key_header
        headers = bearer if header == "Authorization" else lambda key: {header: key}
        self._service = Http(f"tool {row.name}", f"tools.{row.name}.http", http, row.timeout_s, headers)
        self._service.open()

    async def close(self) -> None:
        """Ends the connections."""
        await self._service.close()

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """The answer's body, its beginning if it is long."""
        path = self._http.path.format(**{name: _segment(name, _text(arguments[name])) for name in self._in_path})
        path = path or self._http.base_url  # as it stands: httpx would put a "/" behind it
        rest = {name: value for name, value in arguments.items() if name not in self._in_path}
        body: dict[str, Any] = {}
        if self._http.method not in ("GET", "DELETE"):
            body["json"] = rest
        elif rest:  # not by httpx's `params`: those replace what stands in the path behind a "?"
            path += ("&" if "?" in path else "?") + urlencode({name: _text(value) for name, value in rest.items()})
        async with self._service.request(self._http.method, path, **body) as response:
            return (await read(response, MAX_RESULT)).decode(errors="replace")


_threads = threading.BoundedSemaphore(MAX_THREADS)


async def _in_thread(name: str, work: Callable[[], Any]) -> Any:
    """Not the event loop's own pool: others need that, and a function that never returns would keep the process from ending."""
    if not _threads.acquire(blocking=False):
        raise EngineBusy(f"{name}: {MAX_THREADS} functions run already, or never returned")
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def post(finish: Callable[[Any], None], value: Any) -> None:
        if not done.done():
            finish(value)

    def run() -> None:
        try:
            outcome, value = done.set_result, work()
        except EngineError as e:
            outcome, value = done.set_exception, e
        except BaseException as e:  # sys.exit() too: a thread that only ends would leave its caller waiting
            log.error("a tool failed", tool=name, exc_info=e)
            outcome, value = done.set_exception, EngineError(f"it raised {e!r}")
        finally:
            _threads.release()
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits
            loop.call_soon_threadsafe(post, outcome, value)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), name=f"tool {name}", daemon=True).start()
    return await done


def _import(row: ToolRow) -> Callable[..., Any]:
    module, _, name = row.python.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as e:  # the user's module: whatever it raises is told as its own
        raise EngineMissing(f"tool {row.name}: {row.python} can't be imported: {e!r}; is it on PYTHONPATH?") from e
    if not callable(function):
        raise EngineMissing(f"tool {row.name}: {row.python} is not a function")
    taken: Callable[..., Any] = function
    return taken


def _segment(name: str, text: str) -> str:
    """As part of a path; a model must not be talked into another address of the service."""
    if text in ("", ".", ".."):
        raise EngineError(f"argument {name} must not be {text!r}")
    return quote(text, safe="")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _result(value: Any) -> str:
    try:
        text = _text(value)
    except (TypeError, ValueError):
        text = str(value)
    return text[:MAX_RESULT]
