# SPDX-License-Identifier: GPL-3.0-or-later
"""The commented sample file and the reference page, written from the types of `sipagent.config`."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union

from pydantic.fields import FieldInfo

from sipagent.config import IP_RULE, Config, Section
from sipagent.config_errors import model_in

# A row of a list that is empty by default is shown with these.
EXAMPLES = {
    "user": "1000",
    "password": "secret",
    "host": "pbx.example",
    "address": "192.0.2.53",
    "name": "provider",
    "realm": "pbx.example",
    "agent": "reception",
    "hosts": ["sip.provider.example"],
    "accounts": ["provider"],
}

SAMPLE_HEAD = """\
# Sample configuration of sipagent: every setting with its default. Uncomment what you change.
# Generated from the types; docs/configuration.md is the same as a page.
"""

REFERENCE_HEAD = """\
# Configuration

Generated from the types by `scripts/docs`; `sipagent config --reference` prints this page, `sipagent config --sample` the
[sample file](sipagent.sample.toml).

`sipagent serve -c FILE` reads a TOML file. Every setting has a default, so an empty file is a valid one. An unknown key, a
value of the wrong type or one outside its limits is an error that names the key and the fix. `sipagent config --check FILE`
only checks.

What wins, weakest first: the default, the file, the environment, the command line. In the environment a setting is
`SIPAGENT_<TABLE>__<KEY>`, as in `SIPAGENT_SIP__MAX_CALLS=100`; rows of a list are numbered from 0, as in
`SIPAGENT_SIP__ACCOUNTS__0__PASSWORD=secret`. On the command line `--sip` replaces `sip.listen`, `--register` replaces
`sip.accounts`, `--rtp` `media.ports`, `--api` `api.host` and `api.port`, `--agent` `dialogue.agent`.
"""


class Table(NamedTuple):
    """One table of the file."""

    name: str  # "sip.tls"; "" is the root
    model: type[Section]
    rows: bool  # [[name]]
    filled: bool  # has a row by default


def tables(model: type[Section] = Config, name: str = "") -> Iterator[Table]:
    """The tables below `model`, in file order: a table before those inside it."""
    for key, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is not None and issubclass(inner, Section):
            path = f"{name}.{key}" if name else key
            rows = typing.get_origin(field.annotation) is list
            yield Table(path, inner, rows, bool(field.get_default(call_default_factory=True)))
            yield from tables(inner, path)


def settings(model: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a table that are not tables themselves."""
    return ((key, field) for key, field in model.model_fields.items() if model_in(field.annotation) is None)


def toml(value: Any) -> str:
    """A default as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {toml(item)}' for key, item in value.items())}}}"
    return json.dumps(str(value) if isinstance(value, Path) else value)


def kind(annotation: Any, metadata: list[Any] | None = None) -> str:
    """A type in words: 'integer, 1 to 8000', '"off" or "on"', 'text or none'."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return kind(args[0], [m for a in args[1:] for m in (a.metadata if isinstance(a, FieldInfo) else [a])])
    if origin is Literal:
        return " or ".join(json.dumps(a) for a in args)
    if origin in (Union, types.UnionType):
        return f"{kind(next(a for a in args if a is not type(None)), metadata)}, or none"
    if origin is list:
        return f"list of {kind(args[0])}"
    if origin is dict and args[1] is Any:
        return "table"
    if origin is dict:
        return f"table of {kind(args[1])}"
    if origin is tuple:
        return f"[{'; '.join(kind(a) for a in args)}]"
    if any(m is IP_RULE for m in metadata or []):
        return "IP address"
    words = {bool: "true or false", int: "integer", float: "number", str: "text", Path: "path"}
    return words[annotation] + _limits(metadata or [])


def _limits(metadata: list[Any]) -> str:
    """', 1 to 8000' from pydantic's bounds."""
    bound = {name: getattr(m, name) for m in metadata for name in ("ge", "gt", "le", "lt") if hasattr(m, name)}
    if "ge" in bound and "le" in bound:
        return f", {bound['ge']} to {bound['le']}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return "".join(f", {words[name]} {value}" for name, value in bound.items())


def default_of(field: FieldInfo) -> Any:
    """The default; None for required ones."""
    return None if field.is_required() else field.get_default(call_default_factory=True)


def sample() -> str:
    """The sample file. As it stands it loads to the defaults, and so it does with every setting uncommented."""
    lines = [SAMPLE_HEAD]
    for table in tables():
        mark = "" if not table.rows or table.filled else "#"
        lines.append(f"# {_doc(table.model)}")
        lines.append(f"{mark}{_header(table)}")
        for key, field in settings(table.model):
            lines.append(f"# {field.description} ({kind(field.annotation, field.metadata)})")
            default = EXAMPLES[key] if table.rows and not table.filled and key in EXAMPLES else default_of(field)
            lines.append(f"# {key} =" if default is None else f"#{key} = {toml(default)}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def reference() -> str:
    """docs/configuration.md."""
    return page(REFERENCE_HEAD, tables())


def page(head: str, sections: Iterable[Table]) -> str:
    """A page with a table for each section."""
    lines = [head]
    for table in sections:
        lines += [f"## `{_header(table)}`", "", _doc(table.model), ""]
        lines += ["| key | type | default | what it is |", "|---|---|---|---|"]
        for key, field in settings(table.model):
            lines.append(
                f"| `{key}` | {kind(field.annotation, field.metadata)} | {_default_cell(field)} | {field.description} |"
            )
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _default_cell(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = default_of(field)
    return "none" if default is None else f"`{toml(default)}`"


def _header(table: Table) -> str:
    return f"[[{table.name}]]" if table.rows else f"[{table.name}]"


def _doc(model: type[Section]) -> str:
    return " ".join((model.__doc__ or "").split())
