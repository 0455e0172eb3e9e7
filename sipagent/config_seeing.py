# SPDX-License-Identifier: GPL-3.0-or-later
"""[seeing]: what is kept of the signalling, for whoever asks later what happened in a call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sipagent.config_types import Section
from sipagent.routing.pattern import Pattern, PatternError


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
    pcap_dir: Path | None = Field(
        default=None, description="Where capture files of calls go, CALL.pcap, written while they run; none = no files."
    )
    pcap_calls: list[str] = Field(
        default=["_!"],
        description="Whose calls get one: numbers and names, called or calling, accounts and trunks; patterns as in routes.",
    )
    pcap_rtp: Literal["none", "headers", "packets"] = Field(
        default="none", description="RTP in these files: packets = with what was said, encrypted where it was. RTCP is whole."
    )
    pcap_mb: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=64, description="A file that has so many MB does not grow any more."
    )
    pcap_total_mb: Annotated[int, Field(ge=0, le=1 << 24)] = Field(
        default=4096, description="Beyond so many MB of them the oldest files go, but those of calls that run. 0 = any number."
    )
    pcap_days: Annotated[float, Field(ge=0, le=36500)] = Field(
        default=30.0, description="A file last written before so many days goes. 0 = at any age."
    )

    @field_validator("pcap_calls")
    @classmethod
    def _patterns_can_be_read(cls, texts: list[str]) -> list[str]:
        for text in texts:
            try:
                Pattern(text)
            except PatternError as error:
                raise ValueError(str(error)) from None
        return texts

    @model_validator(mode="after")
    def _files_have_something_to_hold(self) -> Self:
        if self.pcap_dir is not None and self.sip_mb == 0:
            raise ValueError("pcap_dir: capture files take their SIP from what is kept of it; set sip_mb above 0")
        return self
