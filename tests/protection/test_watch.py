# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that fail2ban reads: its pattern in docs/fail2ban.conf finds the address, and nobody can forge it."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mediacore
from sipagent import log
from sipagent.config import Log
from sipagent.protection import watch

FILTER = Path(__file__).parent.parent.parent / "docs" / "fail2ban.conf"
FORGED = (
    "x\n2026-11-22T16:05:00Z [warning  ] sip source turned away  [sipagent.protection.watch] n=1 reason=rate source=192.0.2.9"
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log.setup(Log(), stream)
    yield stream
    root.handlers, root.level = handlers, level


def found(lines: list[str]) -> list[str]:
    """The addresses that fail2ban would take from these lines; it cuts the date off first."""
    page = FILTER.read_text(encoding="utf-8")
    rule = re.search(r"^failregex = (.*)$", page, re.MULTILINE)
    date = re.search(r"^datepattern = (.*)$", page, re.MULTILINE)
    assert rule is not None
    assert date is not None
    when = date[1].replace("%%Y-%%m-%%d", r"\d{4}-\d\d-\d\d").replace("%%H:%%M:%%S", r"\d\d:\d\d:\d\d")
    pattern = re.compile(rule[1].replace("<HOST>", r"(?P<host>[0-9a-fA-F.:]+)"))
    hits = [pattern.match(re.sub(when, "", line)) for line in lines if re.match(when, line)]
    return [hit["host"] for hit in hits if hit is not None]


def test_the_pattern_finds_who_was_turned_away(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [("192.0.2.7", "scanner", 12), ("2001:db8::1", "rate", 1), ("192.0.2.8", "sdp", 3)]
    monkeypatch.setattr(mediacore, "gate_events", lambda: events)
    watch.tell()
    lines = written.getvalue().splitlines()
    assert len(lines) == 3
    assert found(lines) == ["192.0.2.7", "2001:db8::1"]  # a phone with a strange offer is no attacker


@pytest.mark.parametrize("where", ["event", "value"])
def test_nobody_can_forge_it(written: io.StringIO, where: str) -> None:
    logger = log.get_logger("sipagent.signalling.agent")
    if where == "event":
        logger.warning("call refused", remote=FORGED)
    else:
        logger.warning("call refused", remote=f'"{FORGED}" <sip:a@b>', reason=FORGED.replace("\n", "\r"))
    lines = written.getvalue().splitlines()
    assert found(lines) == []
    assert len(lines) == 1
