# SPDX-License-Identifier: GPL-3.0-or-later
"""[sip.calls]: how SIP dialogs are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sipagent.config_types import Section


class Calls(Section):
    """How calls are set up and kept."""

    ring_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=180.0,
        description="A call that nobody answers ends after so long: 408 where we call (RFC 3261 section 16.6, timer C), "
        "480 where we are called.",
    )
    hold_s: Annotated[float, Field(gt=0, le=86400)] = Field(
        default=3600.0, description="A peer that holds us for so long is hung up on. RTP may stay away meanwhile."
    )
