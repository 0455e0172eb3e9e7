# SPDX-License-Identifier: GPL-3.0-or-later
"""The number or name that a SIP or tel URI is about, in one form however it was written."""

from __future__ import annotations

import re
from urllib.parse import unquote

from sipagent.signalling.text import readable

# phonedigits with their visual separators (RFC 3966 section 3), without the hexadecimal ones that names are made of
_DIALLED = re.compile(r"\+?[\-.()]*[0-9*#][0-9*#\-.()]*")
_SEPARATORS = re.compile(r"[\-.()]")
_URI = re.compile(r"(?:^|<)\s*(?P<scheme>sips?|tel):(?P<rest>[^>?]*)", re.IGNORECASE)


def number_of(uri: str) -> str:
    """The user part of `"Name" <sip:+49-30-123;ext=5@host>`: "+4930123". Percent-encoding is undone (RFC 3261 section
    19.1.2), parameters of a telephone subscriber and visual separators are left out (RFC 3966 section 5.1.1), "" when there is
    none. A name stays as it is: the user part has case (RFC 3261 section 19.1.4)."""
    found = _URI.search(uri)
    if found is None:
        return ""
    rest = found["rest"]
    if found["scheme"].lower() == "tel":
        user = rest
    else:
        user, at, _ = rest.rpartition("@")
        if not at:
            return ""
        user = user.partition(":")[0]  # a password: deprecated, RFC 3261 section 19.1.1
    return plain(readable(unquote(user.partition(";")[0])))


def plain(user: str) -> str:
    """A dialled number without its visual separators; anything else as it is."""
    return _SEPARATORS.sub("", user) if _DIALLED.fullmatch(user) else user
