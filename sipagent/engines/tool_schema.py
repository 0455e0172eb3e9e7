# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that a model wrote, checked against the tool's JSON Schema: the part of it that tools for speech need (a flat
object with types, choices and required names). What it can't judge, it lets pass: the tool looks at its arguments itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sipagent.config_tools import Argument
from sipagent.engines.base import EngineError

SHOWN = 200  # characters of what was not understood

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def schema(arguments: Mapping[str, Argument]) -> dict[str, Any]:
    """JSON Schema of a tool's arguments."""
    properties: dict[str, dict[str, Any]] = {}
    for name, argument in arguments.items():
        properties[name] = {"type": argument.type, "description": argument.description}
        if argument.choices:
            properties[name]["enum"] = argument.choices
    required = [name for name, argument in arguments.items() if argument.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def read_arguments(text: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in JSON text. EngineError says what is wrong, for the model to mend."""
    try:
        values = json.loads(text or "{}")
    except (ValueError, RecursionError) as e:
        raise EngineError(f"the arguments are not JSON ({e}): {text[:SHOWN]}") from None
    if not isinstance(values, dict):
        raise EngineError(f"the arguments are not a JSON object: {text[:SHOWN]}")
    known = parameters.get("properties", {})
    for name in parameters.get("required", ()):
        if name not in values:
            raise EngineError(f"argument {name} is missing")
    for name, value in values.items():
        if name in known:
            _check(name, value, known[name])
        elif parameters.get("additionalProperties") is False:
            raise EngineError(f"there is no argument {name}; known: {', '.join(known)}")
    return values


def _check(name: str, value: Any, rule: Mapping[str, Any]) -> None:
    kinds = _TYPES.get(str(rule.get("type")), ())
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        raise EngineError(f"argument {name} must be of type {rule['type']}")
    if "enum" in rule and value not in rule["enum"]:
        raise EngineError(f"argument {name} must be one of: {', '.join(map(str, rule['enum']))}")
