# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a call ended: SIP status codes, Q.850 causes and the Reason header (RFC 3326) that carries them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from sipagent.signalling.text import readable

MAX_TEXT = 128

# SIP status -> Q.850 cause (RFC 3398 section 8.2.6.1).
_Q850: Final[dict[int, int]] = {
    400: 41,  # temporary failure
    401: 21,  # call rejected
    402: 21,
    403: 21,
    404: 1,  # unallocated number
    405: 63,  # service not available
    406: 79,  # service not implemented
    407: 21,
    408: 102,  # recovery on timer expiry
    410: 22,  # number changed
    413: 127,  # interworking
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,  # no user responding
    481: 41,
    482: 25,  # exchange routing error
    483: 25,
    484: 28,  # invalid number format
    485: 1,
    486: 17,  # user busy
    487: 16,  # normal call clearing (a CANCEL has no row in the RFC)
    488: 65,  # bearer capability not implemented (RFC 6432 leaves it to the server)
    500: 41,
    501: 79,
    502: 38,  # network out of order
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 58,  # bearer capability not presently available
}

_NAMES: Final[dict[int, str]] = {
    1: "unallocated number",
    16: "normal call clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer",
    21: "call rejected",
    22: "number changed",
    27: "destination out of order",
    28: "invalid number format",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    58: "bearer capability not available",
    65: "bearer capability not implemented",
    79: "service not implemented",
    102: "recovery on timer expiry",
    127: "interworking",
}

_SIP_NAMES: Final[dict[int, str]] = {
    180: "Ringing",
    183: "Session Progress",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",  # RFC 4028 section 6; HTTP has other words for these three
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    493: "Undecipherable",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}

# Reason = "Reason" HCOLON reason-value; reason-value = protocol *(SEMI reason-params) (RFC 3326 section 2)
_HEADER = re.compile(r"^reason[ \t]*:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)
_VALUE = re.compile(r"(?P<protocol>[\w.]+)(?P<params>(?:\s*;\s*[\w-]+(?:\s*=\s*(?:\"[^\"]*\"|[^;,\s\"]+))?)*)")
_CAUSE = re.compile(r";\s*cause\s*=\s*(\d{1,3})(?!\d)", re.IGNORECASE)
_TEXT = re.compile(r";\s*text\s*=\s*\"([^\"]*)\"", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of a Reason header."""

    protocol: str  # "Q.850" or "SIP"
    cause: int
    text: str = ""

    def __str__(self) -> str:
        name = self.text or (_NAMES.get(self.cause, "") if self.protocol == "Q.850" else sip_phrase(self.cause))
        return f"{self.protocol} {self.cause} {name}".rstrip()

    @property
    def value(self) -> str:
        """As it stands in a message of ours."""
        return f"{self.protocol};cause={self.cause}" + (f';text="{self.text}"' if self.text else "")


def sip_phrase(code: int) -> str:
    """The usual reason phrase of a status code, "" when there is none."""
    if code in _SIP_NAMES:
        return _SIP_NAMES[code]
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return ""


def q850_of(code: int) -> int:
    """The Q.850 cause for a SIP status; 0 and 2xx are normal clearing, unknown ones 31 (normal, unspecified)."""
    if code == 0 or 200 <= code < 300:
        return 16
    return _Q850.get(code, 31)


def clean(text: str) -> str:
    """A text that may stand in a quoted string of a header: no line breaks, no quotes, bounded."""
    return re.sub(r"[\"\\]+", " ", readable(text, MAX_TEXT)).strip()


def reason_values(code: int, text: str = "") -> list[str]:
    """Values of the Reason headers that we send with a BYE, a CANCEL or a refusal."""
    cause = q850_of(code)
    words = clean(text) or _NAMES.get(cause, "")
    values = [f'Q.850;cause={cause};text="{words}"' if words else f"Q.850;cause={cause}"]
    if code >= 300:
        values.append(f'SIP;cause={code};text="{clean(text) or sip_phrase(code)}"')
    return values


def parse_reason(message: str) -> Reason | None:
    """The Reason of a whole SIP message, Q.850 before SIP; None when it has none that can be read."""
    head = message.split("\r\n\r\n", 1)[0][:16384]
    if "reason" not in head.lower():  # most have none
        return None
    found = [
        Reason(value["protocol"].upper(), int(cause[1]), clean(text[1]) if text else "")
        for header in _HEADER.finditer(head)
        for value in _VALUE.finditer(header[1][:1024])
        if (cause := _CAUSE.search(value["params"])) is not None
        for text in [_TEXT.search(value["params"])]
    ]
    return next((r for r in found if r.protocol == "Q.850"), found[0] if found else None)
