# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging: one line an event on stderr, as text or JSON. Inside `call_context` every line carries the call's id. What the
standard library's loggers say (uvicorn, asyncio) leaves by the same door."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

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
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Exceptions become text before secrets are looked for: a message may quote a URI.
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        hide_secrets,
        structlog.processors.JSONRenderer() if cfg.json_lines else structlog.dev.ConsoleRenderer(colors=out.isatty()),
    ]
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


@contextmanager
def call_context(call_id: str) -> Iterator[None]:
    """Puts call=<id> on every line logged inside, also in tasks started there (they copy the context)."""
    with structlog.contextvars.bound_contextvars(call=call_id):
        yield
