# SPDX-License-Identifier: GPL-3.0-or-later
"""[sip.calls]: how SIP dialogs are kept."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sipagent.config_types import Section


class Calls(Section):
    """How calls are set up and kept."""

    ring_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=180.0,
        description="A call that nobody answers ends after so long: 408 where we call (RFC 3261 section 16.6, timer C), "
        "480 where we are called.",
    )
    reliable: Literal["off", "optional", "required"] = Field(
        default="optional",
        description="Provisional responses that are acknowledged (PRACK, RFC 3262): off = with peers that "
        "require it, optional = with all that support it, required = calls without are refused.",
    )
    session_timer: Literal["off", "optional", "always", "required"] = Field(
        default="optional",
        description="Session timers (RFC 4028): optional = with peers that support them, always = towards others too, "
        "required = calls without are refused.",
    )
    session_expires_s: Annotated[int, Field(ge=90, le=86400)] = Field(
        default=1800, description="Session interval that we ask for, seconds; refreshed at half of it."
    )
    min_session_expires_s: Annotated[int, Field(ge=90, le=86400)] = Field(
        default=90, description="Shorter intervals are answered with 422 (Min-SE, RFC 4028 section 5)."
    )
    follow_redirects: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="3xx responses to one call of ours that are followed; 0 = the call ends with the 3xx."
    )
    hold_s: Annotated[float, Field(gt=0, le=86400)] = Field(
        default=3600.0, description="A peer that holds us for so long is hung up on. RTP may stay away meanwhile."
    )

    @model_validator(mode="after")
    def _interval_is_allowed(self) -> Self:
        if self.session_expires_s < self.min_session_expires_s:
            raise ValueError(
                f"session_expires_s {self.session_expires_s} is below min_session_expires_s {self.min_session_expires_s}; "
                "raise it, or lower the other"
            )
        return self
