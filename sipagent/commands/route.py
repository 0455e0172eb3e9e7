# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent route`: the routing table, asked about a call."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from sipagent.commands.common import FAILED, exit_codes, settings
from sipagent.commands.usable import usable
from sipagent.config_errors import OptionError
from sipagent.routing.number import number_of, plain
from sipagent.routing.table import Facts, Table, Verdict
from sipagent.signalling.headers import Headers


@dataclass(frozen=True)
class Question:
    """A call as the user describes it."""

    called: str
    calling: str
    account: str
    headers: list[str]
    at: datetime | None

    def facts(self) -> Facts:
        """OptionError when a header is not NAME:VALUE."""
        pairs = [line.partition(":") for line in self.headers]
        if bad := [line for line, pair in zip(self.headers, pairs, strict=True) if not pair[0].strip() or not pair[1]]:
            raise OptionError(f"--header: {bad[0]!r} is not NAME:VALUE; write for example 'X-Queue: sales'")
        headers = Headers((name.strip(), value.strip()) for name, _, value in pairs)
        now = (self.at or datetime.now()).astimezone()
        return Facts(_number(self.called), _number(self.calling), now, self.account, headers)


def _number(text: str) -> str:
    return number_of(text) if ":" in text else plain(text)


@exit_codes
def route(question: Question, path: Path | None, *, as_json: bool) -> int:
    """Prints every row's verdict, up to the one that is taken."""
    cfg = usable(settings(path, {}))
    table, facts = Table(cfg.routes), question.facts()
    verdicts, taken = table.examine(facts), table.route(facts)
    shown = [v for v in verdicts if taken is None or v.place <= taken.place]
    outcome = "no routes: " + f'agent "{cfg.dialogue.agent}"' if not cfg.routes else what(taken)
    if as_json:
        rows = [{"route": v.name, "fits": not v.unfit, "why_not": v.unfit} for v in shown]
        answer = {
            "called": facts.called,
            "calling": facts.calling,
            "route": taken.name if taken else None,
            "outcome": outcome,
            "examined": rows,
        }
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    else:
        _print(facts, shown, outcome)
    return FAILED if cfg.routes and taken is None else 0


def what(verdict: Verdict | None) -> str:
    """What is done with the call, in words."""
    if verdict is None:
        return "404: no route fits"
    row = verdict.route
    value = getattr(row, row.action)
    words = ", then ".join(value) if isinstance(value, list) else str(value)
    return f"{verdict.name}: {row.action} {words}".rstrip() + (f" by {row.via}" if row.via else "")


def _print(facts: Facts, shown: list[Verdict], outcome: str) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"call to {facts.called!r} from {facts.calling!r} by {facts.account}, {facts.now:%a %Y-%m-%d %H:%M %Z}")
    grid = Grid(show_header=False, box=None)
    for verdict in shown:
        grid.add_row(verdict.name, verdict.unfit or "fits")
    if shown:
        console.print(grid)
    console.print(outcome)
