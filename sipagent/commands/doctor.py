# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent doctor`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sipagent import log
from sipagent.commands.common import FAILED, Overrides, exit_codes, raise_file_limit, settings
from sipagent.doctor import Finding, examine

MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "fatal": "[red]FATAL[/]"}


@exit_codes
def doctor(path: Path | None, overrides: Overrides, *, as_json: bool) -> int:
    """Prints what was found; FAILED when anything is fatal."""
    cfg = settings(path, overrides.tree())
    log.setup(cfg.log.model_copy(update={"level": "error"}))
    raise_file_limit()
    findings = asyncio.run(examine(cfg))
    healthy = all(finding.status != "fatal" for finding in findings)
    if as_json:
        report = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        Console(highlight=False).print(table(findings))
    return 0 if healthy else FAILED


def table(findings: Sequence[Finding]) -> Table:
    """One row a finding; what to do stands below it."""
    rows = Table(show_header=False, box=None, pad_edge=False)
    for finding in findings:
        fix = f"\n[bold]-> {escape(finding.fix)}[/]" if finding.fix else ""
        rows.add_row(MARKS[finding.status], escape(finding.name), escape(finding.detail) + fix)
    return rows
