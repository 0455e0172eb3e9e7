# SPDX-License-Identifier: GPL-3.0-or-later
"""The latency ledger (`call.notes["ledger"]`) as metrics see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOTAL = "total"


def stages_s(turn: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of each stage of a turn, and of the whole under "total". A turn that was never answered has none."""
    if turn.get("gap_ms") is None:
        return {}
    return {**{stage.removesuffix("_ms"): ms / 1e3 for stage, ms in turn["stages"].items()}, TOTAL: turn["gap_ms"] / 1e3}


def barge_in_s(turn: Mapping[str, Any]) -> float | None:
    """Seconds from the first voiced sample of an interruption to the agent's last packet; None when there was none."""
    barge_in = turn.get("barge_in")
    return None if barge_in is None or barge_in["latency_ms"] is None else float(barge_in["latency_ms"]) / 1e3
