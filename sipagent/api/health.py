# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the switch able to take a call now? Each question is put to the part itself: signalling answers an OPTIONS that really
travels, the worker shows a fresh tick, the loop shows how late it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, Field

from sipagent import agents
from sipagent.api.lag import LoopLag
from sipagent.api.view import SwitchView

PING_TIMEOUT_S = 1.0
TICK_AGE_MAX_US = 1_000_000  # the worker turns every 20 ms with media, and twice a second without
LOOP_LAG_MAX_S = 0.5  # turns get slow to hear and answer

Status = Literal["ok", "degraded", "failing"]


def monotonic_us() -> int:
    """CLOCK_MONOTONIC, microseconds: the same clock as `mediacore.clock_us`."""
    return time.monotonic_ns() // 1000


class Check(BaseModel):
    """One part."""

    status: Status
    detail: str = Field(description="What was seen, for people.")
    value: float | None = Field(default=None, description="What was measured; its unit is in the name of the check.")


class Health(BaseModel):
    """failing (503): new calls would suffer. degraded (200): calls work, but something needs attention."""

    status: Status
    checks: dict[str, Check]


async def examine(switch: SwitchView, lag: LoopLag, clock_us: Callable[[], int] = monotonic_us) -> Health:
    """Asks every part; the worst answer is the switch's."""
    checks = {
        "options_ms": await _options(switch),
        "worker_tick_age_ms": _worker(switch, clock_us()),
        "loop_lag_ms": _loop(lag),
        "engines": _engines(switch),
        "agents": _agents(switch),
        "accounts": _accounts(switch),
        "trunks": _trunks(switch),
    }
    statuses = {check.status for check in checks.values()}
    worst: Status = "failing" if "failing" in statuses else "degraded" if "degraded" in statuses else "ok"
    return Health(status=worst, checks=checks)


async def _options(switch: SwitchView) -> Check:
    try:
        took_s = await switch.user_agent.ping(PING_TIMEOUT_S)
    except TimeoutError:
        return Check(status="failing", detail=f"no answer to OPTIONS within {PING_TIMEOUT_S:g} s")
    except Exception as exc:  # whatever broke signalling, the answer is 503 with its name, not a 500 without
        return Check(status="failing", detail=f"OPTIONS failed: {exc!r}")
    return Check(
        status="ok",
        detail=f"OPTIONS answered, listening on {', '.join(switch.user_agent.listening())}",
        value=round(took_s * 1e3, 3),
    )


def _worker(switch: SwitchView, now_us: int) -> Check:
    stats = switch.worker.stats()
    age_us = now_us - int(stats["last_tick_us"])
    if age_us > TICK_AGE_MAX_US:
        return Check(status="failing", detail="the media worker has stopped ticking", value=round(age_us / 1e3, 3))
    return Check(status="ok", detail=f"{stats['legs']} legs", value=round(max(0, age_us) / 1e3, 3))


def _loop(lag: LoopLag) -> Check:
    status: Status = "degraded" if lag.worst_s > LOOP_LAG_MAX_S else "ok"  # a loop that stands still answers nobody
    return Check(status=status, detail="worst lateness of the event loop in 10 s", value=round(lag.worst_s * 1e3, 3))


def _engines(switch: SwitchView) -> Check:
    speaking = [name for name in agents.needed(switch.cfg) if agents.speaks(name)]
    if not speaking:
        return Check(status="ok", detail="no agent needs any")
    if switch.engines is None:
        return Check(status="failing", detail="engines are not loaded")
    return Check(status="ok", detail=f"loaded for {', '.join(speaking)}")


def _agents(switch: SwitchView) -> Check:
    wrong = agents.problems(switch.agents)
    if wrong:
        detail = "; ".join(f"{name} can't be read, calls go on with the one before: {why}" for name, why in wrong.items())
        return Check(status="degraded", detail=detail, value=len(wrong))
    return Check(status="ok", detail=", ".join(switch.agents) or "none", value=0)


def _accounts(switch: SwitchView) -> Check:
    accounts = switch.user_agent.accounts()
    missing = [f"{a.user}@{a.host} ({a.code or 'no answer'} {a.reason}".rstrip() + ")" for a in accounts if not a.registered]
    registered = len(accounts) - len(missing)
    if missing:
        return Check(status="degraded", detail=f"not registered: {', '.join(missing)}", value=registered)
    return Check(status="ok", detail=f"{registered} of {len(accounts)} registered", value=registered)


def _trunks(switch: SwitchView) -> Check:
    trunks = switch.user_agent.trunks()
    down = [trunk.name for trunk in trunks if not trunk.up]
    up = len(trunks) - len(down)
    if down:
        return Check(status="degraded", detail=f"down: {', '.join(down)}", value=up)
    return Check(status="ok", detail=f"{up} of {len(trunks)} up", value=up)
