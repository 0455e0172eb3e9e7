# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging: one line an event on stderr, as text or JSON. Inside `call_context`, and with an explicit call=<id>, every line
carries the call's id and its SIP Call-ID. What the standard library's loggers say leaves by the same door."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol, TextIO
from weakref import WeakValueDictionary

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from sipagent.config import Log

HIDDEN = "***"

# Keys whose value is never written, whatever it holds.
SECRET_KEYS = frozenset(
    {"password", "passwd", "secret", "token", "authorization", "proxy_authorization", "api_key", "crypto_key"}
)

# Secrets inside text: the password of a SIP URI (RFC 3261 section 19.1), digest credentials (section 22), SDES keys (RFC 4568
# section 9.1).
_SECRET_TEXT = (
    (re.compile(r"(\bsips?:[^\s:@;<>]+:)[^\s<>]+(?=@)", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\b(?:Proxy-)?Authorization:)[^\r\n]*", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(\binline:)[A-Za-z0-9+/=]+", re.IGNORECASE), rf"\1{HIDDEN}"),
)


class Known(Protocol):
    """A call, as far as lines name it."""

    @property
    def sip_call_id(self) -> str: ...


CALLS: WeakValueDictionary[str, Known] = WeakValueDictionary()  # by our id, from their beginning
NO_CALL = ("", "")
_call: ContextVar[tuple[str, str]] = ContextVar("call", default=NO_CALL)  # our id, its Call-ID if it was given

# What ends a line somewhere, or moves a terminal's cursor or the order of its letters.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def name_call(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """structlog processor: whose line it is."""
    ours, sip_call_id = _call.get()
    call = event.get("call")
    if call is None and ours:
        event["call"] = call = ours
    if call and "sip_call_id" not in event:
        known = CALLS.get(call) if isinstance(call, str) else None
        if found := (sip_call_id if call == ours else "") or (known.sip_call_id if known is not None else ""):
            event["sip_call_id"] = found
    return event


def escaped(text: str) -> str:
    """Nothing in it ends a line or moves a terminal's cursor."""
    return _UNFIT.sub(lambda unfit: unfit[0].encode("unicode_escape").decode(), text)


def one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """structlog processor, for text: what a peer wrote begins no line. A traceback has several, and they are moved in."""
    for key, value in event.items():
        if key == "exception":
            event[key] = "\n".join(f"    {escaped(line)}" for line in str(value).split("\n"))
        elif isinstance(value, str):
            event[key] = escaped(value)
    return event


def hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """structlog processor: no password, credential or key gets past it."""
    for key, value in event.items():
        event[key] = HIDDEN if key.lower() in SECRET_KEYS and value else _clean(value)
    return event


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, put in _SECRET_TEXT:
            value = pattern.sub(put, value)
        return value
    if isinstance(value, dict):
        return {k: HIDDEN if str(k).lower() in SECRET_KEYS and v else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def setup(cfg: Log, stream: TextIO | None = None) -> None:
    """Sets up logging for the process. Call it once, before the first line; a second call replaces the first."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        name_call,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Exceptions become text before secrets are looked for: a message may quote a URI.
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    if cfg.json_lines:
        last += [structlog.processors.JSONRenderer()]
    else:
        last += [one_line, structlog.dev.ConsoleRenderer(colors=out.isatty())]
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(cfg.level.upper())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `log.info("call ended", code=486)`. The event is a constant phrase, what varies is a key."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


class _CallContext:
    """No generator: it is entered several times for each message of a call."""

    __slots__ = ("_ids", "_token")

    def __init__(self, ids: tuple[str, str]) -> None:
        self._ids = ids

    def __enter__(self) -> None:
        self._token = _call.set(self._ids)

    def __exit__(self, *_: object) -> None:
        _call.reset(self._token)


def call_context(call_id: str, sip_call_id: str = "") -> _CallContext:
    """Puts call=<id> on every line logged inside, also in tasks started there (they copy the context). "" = no call's."""
    return _CallContext((call_id, sip_call_id))


def carried(job: Callable[[], None]) -> Callable[[], None]:
    """The same job for another thread: what it logs there is logged of the call that is at work here."""
    call = _call.get()
    if not call[0]:
        return job

    def run() -> None:
        with call_context(*call):
            job()

    return run
