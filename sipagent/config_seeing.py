# SPDX-License-Identifier: GPL-3.0-or-later
"""[seeing]: what is kept of the signalling, for whoever asks later what happened in a call."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sipagent.config_types import Section


class Seeing(Section):
    """What is kept of the signalling, for whoever asks later what happened in a call."""

    sip_mb: Annotated[int, Field(ge=0, le=4096)] = Field(
        default=16, description="Memory for SIP messages, MB; what is over longest goes first. 0 = keep none."
    )
    sip_call_kb: Annotated[int, Field(ge=8, le=16384)] = Field(
        default=64, description="Of that for one Call-ID, kB: beyond it the first messages and the newest stay."
    )
    keep_s: Annotated[float, Field(ge=0, le=604_800)] = Field(
        default=600.0, description="The messages of a call are kept for so long after its end, seconds."
    )
