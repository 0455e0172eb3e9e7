# SPDX-License-Identifier: GPL-3.0-or-later
"""The fact file of the reception agent: what a business wants its callers told, as TOML, checked when it is loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

DEFAULT = Path(__file__).with_name("facts.toml")


class FactsError(ValueError):
    """The fact file can't be used; the text names the file, the key and the fix."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Business(_Table):
    """Who answers the telephone."""

    name: str = Field(min_length=1)
    greeting: str = Field(min_length=1)
    goodbye: str = "Thank you for calling. Goodbye."


class Fact(_Table):
    """One thing callers ask about."""

    topic: str = Field(min_length=1, description="Named when the agent tells what it knows about.")
    ask: list[str] = Field(min_length=1, description="Some ways to ask for it; their distinctive words matter.")
    answer: str = Field(min_length=1)


class Facts(_Table):
    """The whole file."""

    business: Business
    fact: list[Fact] = Field(min_length=1)


def load(path: Path | None) -> Facts:
    """Reads a fact file; None = the one that is shipped. FactsError names every bad key."""
    file = path or DEFAULT
    try:
        return Facts.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as e:
        raise FactsError(f"dialogue.facts: {file} can't be read: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise FactsError(f"dialogue.facts: {file} is not TOML: {e}") from e
    except ValidationError as e:
        wrong = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors())
        raise FactsError(f"dialogue.facts: {file}: {wrong}") from e
