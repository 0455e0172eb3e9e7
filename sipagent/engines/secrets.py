# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of services: read from where the configuration says they are, and crossed out of whatever is told to people."""

from __future__ import annotations

import os

from sipagent.config_engines import Service
from sipagent.engines.base import EngineMissing

MAX_TOLD = 300  # characters of what a service says about an error


def read_key(service: Service, table: str) -> str:
    """Empty when the service wants none. `table` is the configuration's, such as engines.deepgram. Raises EngineMissing."""
    if service.key_file is not None:
        try:
            key = service.key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as e:
            raise EngineMissing(f"{table}.key_file: {service.key_file} can't be read ({e}); write the key into it") from None
        return _sent_as_header(key, f"{table}.key_file: {service.key_file}")
    if not service.key_env:
        return ""
    key = os.environ.get(service.key_env, "").strip()
    if not key:
        fix = f'set it, or {table}.key_file; {table}.key_env = "" for a server that wants no key'
        raise EngineMissing(f"{table}: environment variable {service.key_env} holds no key; {fix}")
    return _sent_as_header(key, f"{table}: environment variable {service.key_env}")


def _sent_as_header(key: str, where: str) -> str:
    if not key or not key.isascii() or not key.isprintable():
        raise EngineMissing(f"{where} holds no key; it must be one line of printable ASCII")
    return key


def told(text: str, key: str) -> str:
    """One short line without the key, for errors and logs: servers repeat what they were sent, terminals obey controls."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    if key:
        line = line.replace(key, "***")
    return line if len(line) <= MAX_TOLD else f"{line[:MAX_TOLD]}..."
