# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP URIs (RFC 3261 section 19.1), as far as dialling needs them. Checked here, before anything reaches PJSIP's parser."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

from sipagent.signalling.errors import UriError

Transport = Literal["udp", "tcp", "tls"]

DEFAULT_PORT: Final[dict[Transport, int]] = {"udp": 5060, "tcp": 5060, "tls": 5061}  # RFC 3261 section 19.1.2
MAX_URI = 256  # PJSIP's own limit (PJSIP_MAX_URL_SIZE)

# scheme ":" [user [":" password] "@"] host [":" port] *(";" parameter) ["?" headers]
_URI = re.compile(
    r"(?P<scheme>sips?):"
    r"(?:(?P<user>[A-Za-z0-9\-_.!~*'()&=+$,;?/%#]+)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<params>(?:;[A-Za-z0-9\-_.!~*'()%+\[\]/:&$=]+)*)",
    re.IGNORECASE,
)
_MADDR = re.compile(
    r";\s*maddr\s*=", re.IGNORECASE
)  # RFC 3261 section 19.1.1: it would go round whatever is decided by the host


@dataclass(frozen=True, slots=True)
class SipUri:
    """The parts; `str()` writes them back."""

    scheme: str
    user: str
    host: str  # without the brackets of an IPv6 address
    port: int  # 0 = not given
    params: str  # with the leading ";"

    @property
    def transport(self) -> Transport | None:
        """What the URI asks for; None when it leaves it to DNS (RFC 3263 section 4.1)."""
        if self.scheme == "sips":
            return "tls"
        match = re.search(r";transport=(udp|tcp|tls)(?:;|$)", self.params, re.IGNORECASE)
        if match is None:
            return None
        name = match[1].lower()
        return "tls" if name == "tls" else "tcp" if name == "tcp" else "udp"

    @property
    def host_port(self) -> str:
        """As it stands in the URI: the port only where one is given."""
        return host_port(self.host, self.port)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{self.scheme}:{user}{self.host_port}{self.params}"


def parse_uri(text: str) -> SipUri:
    """Takes `sip:user@host:port;transport=tcp`, with or without angle brackets. UriError says what is wrong."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1]
    if not bare:
        raise UriError("empty SIP URI; give one like sip:600@192.0.2.1")
    if len(bare) > MAX_URI:
        raise UriError(f"SIP URI of {len(bare)} characters; at most {MAX_URI} are allowed")
    if ":" not in bare.split("@")[0]:
        raise UriError(f"{bare!r} has no scheme; write sip:{bare}")
    match = _URI.fullmatch(bare)
    if match is None:
        raise UriError(f"{bare!r} is not a SIP URI; give one like sip:600@192.0.2.1:5060;transport=tcp")
    port = int(match["port"] or 0)
    if port > 65535:
        raise UriError(f"port {port} in {bare!r} is above 65535")
    host = match["host"].strip("[]")
    if match["host"].startswith("["):
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise UriError(f"{match['host']} in {bare!r} is not an IPv6 address") from error
    if _MADDR.search(unquote(match["params"])):
        raise UriError(f"{bare!r} names another address to send to (maddr); give that one as the host")
    return SipUri(match["scheme"].lower(), match["user"] or "", host, port, match["params"])


_CALLED = re.compile(r"[A-Z]+ sips?:([^@;>\s]{0,128})@", re.IGNORECASE)


def called_user(message: str) -> str:
    """The user part of a request's URI, "" when it has none."""
    match = _CALLED.match(message)
    return match[1] if match else ""


def host_port(host: str, port: int) -> str:
    """`host:port`, or the host alone for port 0; with brackets round an IPv6 address."""
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
