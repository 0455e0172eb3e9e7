# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a conversation, and under which key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sipagent.call import Call
from sipagent.routing.number import number_of
from sipagent.signalling.errors import UriError
from sipagent.signalling.parties import uri_of
from sipagent.signalling.uri import parse_uri


class StoreError(Exception):
    """The store can't be used; the text names the file and the fix."""


class Key(NamedTuple):
    """Whose conversation it is: nobody is ever met with that of another."""

    account: str  # account or trunk the caller comes by, "" = direct
    caller: str
    agent: str


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation. `body`: `Context.to_dict()` as JSON; `updated_s`: its last exchange, seconds since 1970."""

    key: Key
    call_id: str
    updated_s: float
    body: str


def key_of(call: Call, agent: str, *, by_from: bool) -> Key | None:
    """None for a caller whom nobody vouches for, who withholds his number (RFC 3323), or whom we called. `by_from`: From is as
    good as an asserted identity, if the call came by an account or trunk."""
    uri = call.identity
    if not uri and by_from and call.account:
        uri = uri_of(call.remote_uri)
    if not uri or call.direction != "in" or call.privacy & {"id", "user"}:
        return None
    caller = caller_of(uri)
    return Key(call.account, caller, agent) if caller else None


def caller_of(uri: str) -> str:
    """One name for a caller however his URI is written: a global number (RFC 3966 section 5.1.4) alone, for it is the same
    whoever asserts it; any other user with his host. "" = nobody."""
    number = number_of(uri)
    if not number or number.lower() == "anonymous":
        return ""
    if number.startswith("+"):
        return number
    try:
        host = parse_uri(uri).host.lower()
    except UriError:
        return ""
    return "" if host == "anonymous.invalid" else f"{number}@{host}"
