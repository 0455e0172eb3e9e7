# SPDX-License-Identifier: GPL-3.0-or-later
"""The routing table: which row a call takes, and why. Pure: the call's facts and the time come in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sipagent.config_routes import Route
from sipagent.routing.hours import parse_hours
from sipagent.routing.pattern import Pattern

DIRECT = "direct"  # account of a call that came by none


class Fields(Protocol):
    """Header fields of a message: `sipagent.signalling.headers.Headers`."""

    def all(self, name: str) -> Sequence[str]: ...


class NoFields:
    """Of a call that is only asked about."""

    def all(self, name: str) -> Sequence[str]:
        return ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What routes look at."""

    called: str
    calling: str
    now: datetime  # aware
    account: str = DIRECT
    headers: Fields = field(default_factory=NoFields)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a row fits; if not, the first thing that doesn't, in words."""

    route: Route
    place: int  # 1 = the first row
    name: str
    unfit: str = ""


Check = Callable[[Facts], str]  # "" = fits, else what doesn't


class Table:
    """Rows in order."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._rows = [(route, _checks(route)) for route in routes]

    def __len__(self) -> int:
        return len(self._rows)

    def route(self, facts: Facts) -> Verdict | None:
        """The first row that fits; None: none does."""
        return next((verdict for verdict in self.examine(facts) if not verdict.unfit), None)

    def examine(self, facts: Facts) -> Iterator[Verdict]:
        """Row by row, those behind the first that fits too."""
        for place, (route, checks) in enumerate(self._rows, 1):
            name = route.name or f"route {place}"
            yield Verdict(route, place, name, next((unfit for check in checks if (unfit := check(facts))), ""))


def _checks(route: Route) -> list[Check]:
    checks: list[Check] = []
    if route.account:
        checks.append(_number("account", route.account, lambda facts: facts.account))
    if route.called:
        checks.append(_number("called", route.called, lambda facts: facts.called))
    if route.calling:
        checks.append(_number("calling", route.calling, lambda facts: facts.calling))
    checks += [_header(name, Pattern(value)) for name, value in route.headers.items()]
    if route.hours:
        checks.append(_hours(route.hours, route.zone))
    return checks


def _number(what: str, texts: Sequence[str], of: Callable[[Facts], str]) -> Check:
    patterns = [Pattern(text) for text in texts]

    def check(facts: Facts) -> str:
        value = of(facts)
        return "" if any(p.matches(value) for p in patterns) else f"{what} {value!r} is not {' or '.join(texts)}"

    return check


def _header(name: str, pattern: Pattern) -> Check:
    def check(facts: Facts) -> str:
        values = facts.headers.all(name)
        if any(pattern.matches(value) for value in values):
            return ""
        return f"{name}: {', '.join(map(repr, values))} is not {pattern}" if values else f"no header {name}"

    return check


def _hours(texts: Sequence[str], zone: str) -> Check:
    spans, clock = [parse_hours(text) for text in texts], ZoneInfo(zone)

    def check(facts: Facts) -> str:
        now = facts.now.astimezone(clock)
        return "" if any(h.contains(now) for h in spans) else f"{now:%a %H:%M} in {zone} is not {' or '.join(texts)}"

    return check
