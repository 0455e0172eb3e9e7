# SPDX-License-Identifier: GPL-3.0-or-later
"""[tracing]: turns of conversations as OpenTelemetry spans."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from sipagent.config_types import Section


class Tracing(Section):
    """Turns of conversations as OpenTelemetry spans, a trace for each call. Needs the extra "otel"."""

    exporter: Literal["none", "otlp"] = Field(default="none", description='"otlp" = OTLP over HTTP.')
    endpoint: str = Field(
        default="http://127.0.0.1:4318/v1/traces",
        description="Where spans go; headers for it, such as a key, come from OTEL_EXPORTER_OTLP_TRACES_HEADERS.",
    )
    timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        default=5.0, description="A collector that takes longer has lost those spans; so long they may also hold up the stop."
    )
    content: bool = Field(default=False, description="Spans carry what was said and heard.")

    @field_validator("endpoint")
    @classmethod
    def _address(cls, url: str) -> str:
        if re.fullmatch(r"https?://[^\s/@?#]+/[^\s?#]*", url) is None:
            raise ValueError(
                "must be an address with its path such as http://127.0.0.1:4318/v1/traces, without a user or a query"
            )
        return url
