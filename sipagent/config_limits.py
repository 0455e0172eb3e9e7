# SPDX-License-Identifier: GPL-3.0-or-later
"""What one account, one trunk, or all direct calls together may use of the switch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sipagent.config_types import Section


class CallLimits(Section):
    """Calls in and out count alike. 0 = no limit."""

    max_calls: Annotated[int, Field(ge=0, le=8000)] = Field(default=0, description="Calls at once, in and out; 0 = no limit.")
    calls_per_s: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=0.0, description="New calls a second, in and out, twice as many at once; 0.1 is one in ten seconds. 0 = any."
    )
    minutes_per_day: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        default=0.0,
        description="Minutes of answered calls in a day (UTC); then no new one, those that are up go on. 0 = any.",
    )
    max_call_s: Annotated[float, Field(ge=0, le=604_800)] = Field(
        default=0.0, description="An answered call ends after so long; 0 = protection.max_call_s."
    )
