# SPDX-License-Identifier: GPL-3.0-or-later
"""[memory]: which callers are known again, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sipagent.config_types import Section


class Memory(Section):
    """Conversations that outlive their call."""

    file: Path | None = Field(
        default=None,
        description="SQLite file that conversations are kept in; none = nothing is kept, and nobody is known again.",
    )
    callers: Literal["asserted", "account"] = Field(
        default="asserted",
        description='Who is known: "asserted" = by the identity that a trusted peer asserts (P-Asserted-Identity, RFC 3325); '
        '"account" = also by From, if the call comes by an account or trunk.',
    )
    return_s: Annotated[float, Field(ge=0)] = Field(
        default=3600.0,
        description="Who calls again within so many seconds of the last exchange goes on from there; 0 = all begin anew.",
    )
    keep_s: Annotated[float, Field(gt=0)] = Field(
        default=86_400.0, description="A conversation is deleted so many seconds after its last exchange."
    )
    max_callers: Annotated[int, Field(ge=1)] = Field(
        default=100_000, description="Of so many the newest conversations are kept; whose last exchange is oldest goes first."
    )

    @model_validator(mode="after")
    def _kept_as_long_as_needed(self) -> Self:
        if self.return_s > self.keep_s:
            raise ValueError(
                f"return_s = {self.return_s:g} is longer than anything is kept (keep_s = {self.keep_s:g}); raise keep_s"
            )
        return self
