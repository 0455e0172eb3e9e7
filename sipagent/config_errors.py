# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what pydantic says into lines a person can act on: the key as it stands in the file, the value, and the fix."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from rapidfuzz import fuzz, process

SECRET_KEYS = frozenset({"password"})
CLOSE_ENOUGH = 60.0  # rapidfuzz ratio, per cent


class ConfigError(Exception):
    """The configuration can't be used; the text names each key and the fix."""


class OptionError(ConfigError):
    """A value on the command line can't be read; the text names the option and the form."""


def key_name(loc: Sequence[str | int]) -> str:
    """('sip', 'listen', 0, 'port') -> 'sip.listen[0].port'."""
    name = ""
    for part in loc:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def closest(word: str, choices: Sequence[str]) -> str | None:
    """The choice that `word` was probably meant to be."""
    hit = process.extractOne(word.lower(), choices, scorer=fuzz.ratio, score_cutoff=CLOSE_ENOUGH)
    return hit[0] if hit else None


def section_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that holds the last part of `loc`; None when the path leaves the tree."""
    here: type[BaseModel] | None = model
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        field = here.model_fields.get(part) if here else None
        here = model_in(field.annotation) if field else None
    return here


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The section type inside `X`, `list[X]` or `X | None`."""
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def explain(model: type[BaseModel], exc: ValidationError) -> list[str]:
    """One line for each thing that is wrong, in the order of the tree."""
    return [_line(model, error) for error in exc.errors()]


def _line(model: type[BaseModel], error: Any) -> str:
    loc, kind, value = error["loc"], error["type"], error["input"]
    name = key_name(loc)
    if kind == "extra_forbidden":
        return _unknown_key(model, loc, name)
    if kind == "missing":
        return f"{name}: missing; add {name.rpartition('.')[2]} = ..."
    shown = "a value that is not shown" if loc and loc[-1] in SECRET_KEYS else repr(value)
    if kind == "value_error":
        return f"{name}: {error['ctx']['error']}" if name else str(error["ctx"]["error"])
    if kind == "literal_error":
        return f"{name} = {shown}: use {error['ctx']['expected']}{_meant(value, error['ctx']['expected'])}"
    if kind in ("model_type", "dict_type"):
        return f"{name} = {shown}: must be a table, as in [{name}]"
    return f"{name} = {shown}: {_plain(error['msg'])}"


def _unknown_key(model: type[BaseModel], loc: Sequence[str | int], name: str) -> str:
    here = section_at(model, loc)
    known = list(here.model_fields) if here else []
    hit = closest(str(loc[-1]), known)
    if hit:
        return f"{name}: unknown key; did you mean {hit!r}?"
    return f"{name}: unknown key; known here: {', '.join(known)}"


def _meant(value: object, expected: str) -> str:
    if not isinstance(value, str):
        return ""
    hit = closest(value, [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")])
    return f"; did you mean {hit!r}?" if hit else ""


def _plain(message: str) -> str:
    """'Input should be greater than 0' -> 'must be greater than 0'."""
    return message.replace("Input should be", "must be")
