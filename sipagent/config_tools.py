# SPDX-License-Identifier: GPL-3.0-or-later
"""[[tools]] of an agent: what a language model may have done, and with which words it is announced and confirmed."""

from __future__ import annotations

import re
import string
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sipagent.config_engines import Service
from sipagent.config_types import Section
from sipagent.signalling.uri import parse_uri


def fields_of(template: str) -> list[str]:
    """The {names} in a text. ValueError when its braces don't match, or hold more than a name."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}; write {{name}} for an argument and {{{{ for a brace") from None
    for _, name, spec, conversion in parts:
        if name is not None and (spec or conversion or not name.isidentifier()):
            raise ValueError(f"{template!r}: {{{name}}} is not the name of an argument")
    return [name for _, name, _, _ in parts if name is not None]


class Argument(Section):
    """One argument of a tool."""

    type: Literal["string", "integer", "number", "boolean"] = Field(default="string", description="As JSON has it.")
    description: str = Field(default="", description="For the model.")
    choices: list[str] = Field(default=[], description="The only texts that are allowed; empty = any.")
    required: bool = Field(default=True, description="The model must give it.")


class HttpCall(Service):
    """A request. Arguments that are not in the address go into the query (GET, DELETE) or as JSON into the body."""

    base_url: str = Field(description="Address of the service; no argument may stand in it.")
    path: str = Field(default="", description='Behind it; {argument}s are filled in, as in "/orders/{number}".')
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(default="POST", description="Method.")
    key_header: str = Field(default="Authorization", description="Header that carries the key, there as a bearer token.")


class ToolRow(Section):
    """A tool: exactly one of http, python, transfer and hangup says what it does."""

    name: str = Field(description="For the model: letters, digits, - and _.")
    description: str = Field(description="For the model: what it does, and when to use it.")
    arguments: dict[str, Argument] = Field(default={}, description="By name.")
    http: HttpCall | None = Field(default=None, description="A request to a service.")
    python: str = Field(default="", description='A function, "module:function"; it gets the arguments by name.')
    hangup: bool = Field(default=False, description="The call ends, after what the model says with it.")
    transfer: str = Field(
        default="", description="SIP URI that the caller is handed over to, after what the model says with it."
    )
    via: str = Field(default="", description="Account or trunk of a transfer; empty = the call's own.")
    timeout_s: Annotated[float, Field(gt=0, le=120)] = Field(default=10.0, description="Given up after so long.")
    slow_s: Annotated[float, Field(gt=0, le=7)] = Field(default=1.5, description="After so long the caller is told to wait.")
    say_slow: str = Field(default="", description="With these words; empty = the dialogue's own.")
    confirm: str = Field(
        default="",
        description='Question to the caller before it runs, as in "Shall I book for {guests}?"; empty = none.',
    )

    @field_validator("name")
    @classmethod
    def _named_for_models(cls, name: str) -> str:
        if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) is None:
            raise ValueError(f"{name!r}: a tool's name has 1 to 64 letters, digits, - and _")
        return name

    @field_validator("python")
    @classmethod
    def _module_and_function(cls, where: str) -> str:
        if where and re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", where) is None:
            raise ValueError(f"{where!r} is not module:function; write for example 'mytools:book_table'")
        return where

    @field_validator("transfer")
    @classmethod
    def _somewhere(cls, uri: str) -> str:
        if uri:
            parse_uri(uri)
        return uri

    @field_validator("http")
    @classmethod
    def _fixed_address(cls, http: HttpCall | None) -> HttpCall | None:
        if http is not None and "{" in http.base_url:
            raise ValueError("http.base_url is not filled in: a model must not choose the server; use http.path")
        return http

    @model_validator(mode="after")
    def _one_way_to_do_it(self) -> Self:
        if sum((self.http is not None, bool(self.python), bool(self.transfer), self.hangup)) != 1:
            raise ValueError(f"tool {self.name!r}: set exactly one of http, python, transfer and hangup")
        if self.confirm and (self.transfer or self.hangup):
            raise ValueError(f"tool {self.name!r}: a transfer or hang-up is not confirmed; leave confirm out")
        for where, template in (("confirm", self.confirm), ("http.path", self.http.path if self.http else "")):
            for name in fields_of(template):
                if name not in self.arguments:
                    raise ValueError(f"tool {self.name!r}: {where} names {{{name}}}, which is none of its arguments")
                if not self.arguments[name].required:
                    raise ValueError(f"tool {self.name!r}: {where} names {{{name}}}, so that argument must be required")
        return self
