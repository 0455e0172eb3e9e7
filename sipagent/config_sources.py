# SPDX-License-Identifier: GPL-3.0-or-later
"""Where settings come from besides the file: command-line values and the environment. Text in, plain tables out; the types of
`sipagent.config` check them afterwards, so limits stand in one place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from sipagent.config_errors import OptionError

ENV_PREFIX = "SIPAGENT_"
TRANSPORTS = ("udp", "tcp", "tls")

_HOST_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s@;/]+))(?::(?P<port>\d{1,5}))?")


def host_port(text: str, option: str, default_port: int | None = None) -> tuple[str, int]:
    """'192.0.2.1:5060', 'name:5060' or '[2001:db8::1]:5060' -> (host, port). Without a default the port must be there."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or (match["port"] is None and default_port is None):
        raise OptionError(f"{option}: {text!r} is not HOST:PORT; write for example 127.0.0.1:5060 or [::1]:5060")
    port = int(match["port"]) if match["port"] else default_port
    if port is None or port > 65535:
        raise OptionError(f"{option}: port {port} is out of range; use 0 to 65535")
    return match["v6"] or match["host"], port


def parse_listen(text: str) -> dict[str, Any]:
    """`--sip udp:IP:PORT` -> a row of sip.listen."""
    transport, colon, address = text.partition(":")
    if not colon or transport.lower() not in TRANSPORTS:
        raise OptionError(f"--sip: {text!r} must start with udp:, tcp: or tls:, for example udp:127.0.0.1:5060")
    host, port = host_port(address, "--sip")
    return {"transport": transport.lower(), "host": host, "port": port}


def parse_register(text: str) -> dict[str, Any]:
    """`--register sip:user:password@host[:port][;transport=tls]` -> a row of sip.accounts.

    User and password may be percent-encoded (RFC 3261 section 19.1.2). Errors never repeat the text: it holds a password.
    """
    form = "sip:USER:PASSWORD@HOST[:PORT][;transport=udp|tcp|tls]"
    scheme, _, rest = text.partition(":")
    credentials, at, address = rest.rpartition("@")
    if scheme.lower() not in ("sip", "sips") or not at:
        raise OptionError(f"--register: write it as {form}")
    user, _, password = credentials.partition(":")
    if not user:
        raise OptionError(f"--register: the user is missing; write it as {form}")
    address, *parameters = address.split(";")
    transport = "tls" if scheme.lower() == "sips" else "udp"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.lower() != "transport" or value.lower() not in TRANSPORTS:
            raise OptionError(f"--register: {parameter!r} after the host is not understood; only ;transport=udp, tcp or tls")
        transport = value.lower()
    host, port = host_port(address, "--register", default_port=0)
    return {"user": unquote(user), "password": unquote(password), "host": host, "port": port, "transport": transport}


def parse_range(text: str) -> list[int]:
    """`--rtp LO-HI` -> media.ports."""
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text.strip())
    if match is None:
        raise OptionError(f"--rtp: {text!r} is not LO-HI; write for example 20000-29999")
    return [int(match[1]), int(match[2])]


def parse_api(text: str) -> dict[str, Any]:
    """`--api IP:PORT` or `--api off` -> the api table."""
    if text == "off":
        return {"enabled": False}
    host, port = host_port(text, "--api")
    return {"enabled": True, "host": host, "port": port}


def from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """SIPAGENT_SIP__MAX_CALLS=100 is sip.max_calls; a list row is numbered: SIPAGENT_SIP__ACCOUNTS__0__PASSWORD.

    Values are read as TOML where they are TOML (numbers, true, lists) and as text otherwise. Names without a double underscore
    are not settings and are left alone.
    """
    tree: dict[str, Any] = {}
    for name in sorted(env):
        path = name.removeprefix(ENV_PREFIX).lower().split("__")
        if name.startswith(ENV_PREFIX) and len(path) > 1:
            here = tree
            for part in path[:-1]:
                here = here.setdefault(part, {})
            here[path[-1]] = _value(env[name])
    return tree


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def merge(base: Any, over: Any) -> Any:
    """`over` wins. Tables are merged key by key; a list is replaced, except by a table of row numbers, which changes rows."""
    if isinstance(over, Mapping) and over and all(key.isdigit() for key in over):
        rows = list(base) if isinstance(base, list) else []
        for key in sorted(over, key=int):
            if int(key) < len(rows):
                rows[int(key)] = merge(rows[int(key)], over[key])
            else:
                rows.append(over[key])
        return rows
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}
    if isinstance(over, Mapping):
        return merge({}, over)
    return over
