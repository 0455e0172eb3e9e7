# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation on the terminal: lines as they happen, the table at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sipagent.demo.report import AGREEMENT_MS, Turn

console = Console(highlight=False, soft_wrap=True)


def note(text: str) -> None:
    console.print(f"[dim]{escape(text)}[/dim]")


def said(text: str) -> None:
    console.print(f"[bold cyan]caller[/bold cyan]  {escape(text)}")


def turn(entry: Mapping[str, Any]) -> None:
    """One turn of the ledger: what was heard, what was answered, and where the time went."""
    console.print(f"        [dim]heard:[/dim] {escape(str(entry['caller_heard']))}")
    stages = " + ".join(
        f"{name.removesuffix('_ms')} {value:.0f}" for name, value in entry["stages"].items() if value is not None
    )
    gap = f"{entry['gap_ms']:.0f} ms" if entry["gap_ms"] is not None else "no answer"
    cut = " [yellow](interrupted)[/yellow]" if entry["interrupted"] else ""
    console.print(f"[bold green]agent[/bold green]   {escape(str(entry['agent_said']))}{cut}")
    console.print(f"        [dim]gap {gap}[/dim]" + (f" [dim]= {stages}[/dim]" if stages else ""))


def greeting(text: str) -> None:
    console.print(f"[bold green]agent[/bold green]   {escape(text)}")


def summary(turns: Sequence[Turn], report: Mapping[str, Any]) -> None:
    """The table at the end, and the verdict."""
    table = Table(
        title="ms from the caller's last word to the agent's first sound", box=SIMPLE, padding=(0, 1), collapse_padding=True
    )
    stages = list(dict.fromkeys(name for t in turns for name in t.stages))
    for head in ("turn", "wrong words", "gap", *(s.removesuffix("_ms") for s in stages), "in WAV", "differs"):
        table.add_column(head, justify="right")
    for number, t in enumerate(turns, 1):
        times = [_ms(t.gap_ms), *(_ms(t.stages.get(s)) for s in stages), _ms(t.recording_gap_ms), _ms(t.ledger_vs_recording_ms)]
        table.add_row(str(number), f"{t.words_wrong}/{t.words}", *times)
    console.print(table)
    console.print(f"word error rate        {report['word_error_rate']:.1%}")
    console.print(f"last word to answer    p50 {_ms(report['gap_p50_ms'])} ms, p95 {_ms(report['gap_p95_ms'])} ms")
    console.print(f"interruption           {_interruption(report['barge_in'])}")
    worst = report["ledger_vs_recording_worst_ms"]
    if worst is not None:
        agrees = "agrees" if worst <= AGREEMENT_MS else "DOES NOT AGREE"
        console.print(f"ledger and recording   {agrees}: {worst:.0f} ms apart at most ({AGREEMENT_MS:.0f} allowed)")
    console.print(f"codec                  {report['codec']}")
    console.print(f"agent's first word     {report['seconds_to_first_word']} s after the start")
    console.print(f"recording              {report['recording']} (left: caller, right: bot)")
    for failure in report["failures"]:
        console.print(f"[bold red]failed[/bold red]: {escape(failure)}")


def _interruption(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "was not noticed"
    sounded = found["sounded_ms"]
    heard = "the bot was between two words" if sounded is None else f"the bot's last sound {_ms(sounded)} ms"
    return (
        f"{heard}, its playing stopped {_ms(found['stopped_ms'])} ms after the caller's first sound "
        f"(decided at {_ms(found['decided_ms'])} ms)"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
