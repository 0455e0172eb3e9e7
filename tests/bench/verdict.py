# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark's report says of its goals, in words.

A report has `goal` (name -> bound, an upper one unless the name is in `at_least`), `met` (name -> True, False, or None where
it could not be judged), `measured` or `ratios` (name -> value, or a spread with its median), `valid`, and `missing_peers`
(name -> why it is not in this run).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def judged(
    goal: Mapping[str, float], measured: Mapping[str, float | None], at_least: frozenset[str] = frozenset()
) -> dict[str, bool | None]:
    """`met` of a report. None and nan are no measurement: a goal beside a peer that is missing is not met."""
    met: dict[str, bool | None] = {}
    for name, bound in goal.items():
        value = measured.get(name)
        if value is None or value != value:
            met[name] = None
        else:
            met[name] = value >= bound if name in at_least else value <= bound
    return met


def verdict(report: Mapping[str, Any], name: str) -> str:
    """Of one goal: "met", "NOT met", "NOT MEASURED" or "proves nothing"."""
    found = report["met"].get(name)
    if found is None:
        return "NOT MEASURED"
    if not report.get("valid", False):
        return "proves nothing"
    return "met" if found else "NOT met"


def rows(report: Mapping[str, Any]) -> list[list[str]]:
    """One for each goal: name, bound, value, verdict."""
    found = []
    for name, bound in report["goal"].items():
        sign = ">=" if name in report.get("at_least", []) else "<="
        value = report.get("measured", {}).get(name, report.get("ratios", {}).get(name))
        value = value["median"] if isinstance(value, dict) else value
        shown = "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        found.append([name, f"{sign} {bound:g}", shown, verdict(report, name)])
    return found


def lines(report: Mapping[str, Any]) -> list[str]:
    """For the foot of a benchmark's table."""
    text = [f"goal {name} {bound}: {value + ', ' if value else ''}{words}" for name, bound, value, words in rows(report)]
    return [*text, *missing(report)]


def missing(report: Mapping[str, Any]) -> list[str]:
    absent = report.get("missing_peers") or {}
    return [f"!!! MISSING PEER {name}: {why}" for name, why in absent.items()]
