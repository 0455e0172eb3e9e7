# SPDX-License-Identifier: GPL-3.0-or-later
"""REFER (RFC 3515) as it stands in messages: where a call is to go, and what its sender is told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sipagent.signalling.causes import sip_phrase
from sipagent.signalling.errors import UriError
from sipagent.signalling.parties import uri_of
from sipagent.signalling.uri import parse_uri

# What our `onCallTransferRequest` answers for "taken, without a call by PJSIP": csrc/pjsip/b2bua.c makes a 202 of it.
REFER_TAKEN = 399
SIPFRAG = "message/sipfrag;version=2.0"  # RFC 3420, RFC 3515 section 2.4.5
NOTIFY_S = 60  # that the subscription lasts, told anew with each NOTIFY

_DIALOG = re.compile(r"(?P<call_id>[^;\s]{1,256})(?P<params>(?:\s*;\s*[^;\s=]+(?:\s*=\s*[^;\s]+)?)*)")


@dataclass(frozen=True, slots=True)
class Replaces:
    """A dialog, as who is asked to replace it knows it (RFC 3891 section 3)."""

    call_id: str
    to_tag: str  # of the one who is asked
    from_tag: str
    early_only: bool = False

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Whom to call, and which of its calls to replace."""

    uri: str
    replaces: Replaces | None = None


def parse_refer_to(value: str) -> ReferTo:
    """A Refer-To value: `<sip:600@host?Replaces=...>`. UriError: it can't be called."""
    uri, _, headers = uri_of(value).partition("?")
    wanted = parse_uri(uri)
    if re.search(r";method=(?!invite)", wanted.params, re.IGNORECASE):
        raise UriError(f"{uri!r} asks for something else than a call")
    for header in headers.split("&"):
        name, _, text = header.partition("=")
        if name.lower() == "replaces":
            return ReferTo(str(wanted), parse_replaces(unquote(text)))
    return ReferTo(str(wanted))


def parse_replaces(text: str) -> Replaces:
    """A Replaces value. UriError: it names no dialog."""
    match = _DIALOG.fullmatch(text.strip())
    params = {}
    if match is not None:
        pairs = (item.partition("=") for item in match["params"].split(";") if item.strip())
        params = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if match is None or not params.get("to-tag") or not params.get("from-tag"):
        raise UriError(f"Replaces {text!r} names no dialog (RFC 3891 section 6.1)")
    return Replaces(match["call_id"], params["to-tag"], params["from-tag"], "early-only" in params)


def sipfrag(code: int, reason: str = "") -> str:
    """The body of a NOTIFY."""
    return f"SIP/2.0 {code} {reason or sip_phrase(code)}\r\n"


def subscription_state(code: int) -> str:
    """Subscription-State of the NOTIFY that tells a status (RFC 3515 section 2.4.7)."""
    return "terminated;reason=noresource" if code >= 200 else f"active;expires={NOTIFY_S}"
