# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls, who asserts it, who wants to stay unnamed and who sent the call on, read from an INVITE; and the same written
into ours."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from sipagent.signalling.errors import UriError
from sipagent.signalling.headers import Headers
from sipagent.signalling.locate import Target
from sipagent.signalling.text import readable
from sipagent.signalling.uri import SipUri, parse_uri

MAX_DIVERSIONS = 20
MAX_FORWARDS = 70  # RFC 3261 section 8.1.1.6
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'  # RFC 3323 section 4.1.1.3
PRIVACY = frozenset({"none", "header", "session", "user", "id", "critical", "history"})  # RFC 3323, 3325, 7044

_CALLER = re.compile(r'(?:(?:"(?P<quoted>[^"\\]{0,128})"|(?P<name>[^"\\<>]{0,128}))\s*<(?P<uri>[^<>\s]+)>|(?P<bare>[^<>"\s]+))')
_INDEX = re.compile(r";\s*index\s*=\s*([0-9.]+)", re.IGNORECASE)
_VIA = re.compile(r"^(?:Via|v)[ \t]*:[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*(UDP|TCP|TLS)\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class InviteFacts:
    """What an incoming INVITE says besides its session description."""

    account: str = ""
    source: str = ""
    request_uri: str = ""
    headers: Headers = field(default_factory=Headers)
    identity: str = ""
    privacy: frozenset[str] = frozenset()
    diversion: tuple[str, ...] = ()
    max_forwards: int = MAX_FORWARDS
    replaces: str = ""  # key of our call


@dataclass(frozen=True, slots=True)
class OutgoingInvite:
    """A call to be made."""

    uri: SipUri
    target: Target | None = None  # where the host of `uri` is, when no account carries the call
    account: str | None = None  # None: directly
    caller: str = ""  # see `from_of`
    privacy: frozenset[str] = frozenset()
    headers: tuple[tuple[str, str], ...] = ()
    offer: bool = True  # False: the callee makes the offer (RFC 3261 section 13.2.1)
    max_forwards: int = MAX_FORWARDS
    replaces: str = ""  # a dialog of the callee's (RFC 3891)

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """All header fields that are not the stack's own."""
        rows = [("Max-Forwards", str(self.max_forwards))] if self.max_forwards != MAX_FORWARDS else []
        if self.replaces:
            rows += [("Replaces", self.replaces), ("Require", "replaces")]
        return (*rows, *self.headers)


def _hops(text: str) -> int:
    """More than ours are no use but to loops (RFC 3261 section 20.22: 70 is recommended, 255 the most)."""
    return min(int(text), MAX_FORWARDS) if re.fullmatch(r"[0-9]{1,3}", text) else MAX_FORWARDS


def read_invite(message: str, account: str, source: str, trusted: bool, replaces: str = "") -> InviteFacts:
    """`source`: address and port that it came from. `trusted`: whether this peer's word on who calls is taken (RFC 3325 section
    5). `replaces`: key of our call."""
    headers = Headers.parse(message)
    return InviteFacts(
        account=account,
        source=f"{via_transport(message)}:{source}",
        request_uri=readable(message.partition("\r\n")[0].partition(" ")[2].rpartition(" ")[0]),
        headers=headers,
        identity=identity_of(headers) if trusted else "",
        privacy=frozenset(v.strip().lower() for line in headers.split("privacy") for v in line.split(";")) & PRIVACY,
        diversion=diversions_of(headers),
        max_forwards=_hops(headers.get("max-forwards")),
        replaces=replaces,
    )


def may_sound_early(headers: Headers, reliable: bool) -> bool:
    """Whether a 183 can open the way for sound. An INVITE without an offer gets ours in the first reliable message: a 183 that
    is acknowledged with the answer, else the 200 only (RFC 3261 section 13.2.1, RFC 3262 section 5). `reliable`: sip.calls has
    it on."""
    acknowledged = "100rel" in headers.split("require") or (reliable and "100rel" in headers.split("supported"))
    return "content-type" in headers or acknowledged


def name_of(name_addr: str) -> str:
    """Its display name, fit for another one; "" = none."""
    match = re.match(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*<', name_addr)
    return readable(re.sub(r'[\\"<>]+', " ", match[1] or match[2] or ""), 64) if match else ""


def uri_of(name_addr: str) -> str:
    """The URI of a name-addr or addr-spec (RFC 3261 section 25.1), without the header's parameters."""
    quoted = re.sub(
        r'"(?:[^"\\]|\\.)*(?:"|$)', "", name_addr
    )  # an open quote ends it: looked for again from each, it took long
    inside = re.search(r"<([^<>]*)>", quoted)
    return inside[1].strip() if inside else quoted.partition(";")[0].strip()


def identity_of(headers: Headers) -> str:
    """P-Asserted-Identity: of a SIP and a tel URI (RFC 3325 section 9.1) the SIP one."""
    uris = [uri_of(value) for value in headers.split("p-asserted-identity")[:2]]
    return next((u for u in uris if u.lower().startswith(("sip:", "sips:"))), uris[0] if uris else "")


def diversions_of(headers: Headers) -> tuple[str, ...]:
    """Who sent the call on, the last one first: Diversion (RFC 5806 section 5), else History-Info (RFC 7044 section 5), whose
    last entry is the target of now."""
    said = [uri_of(value) for value in headers.split("diversion")]
    if not said:
        entries = [(_index(value), uri_of(value)) for value in headers.split("history-info")]
        said = [uri for _, uri in sorted(entries)][-2::-1]
    return tuple(said[:MAX_DIVERSIONS])


def _index(entry: str) -> tuple[int, ...]:
    match = _INDEX.search(entry)
    return tuple(int(part) for part in match[1].split(".") if part)[:16] if match else ()


def from_of(caller: str, own: str) -> str:
    """The From of a call: `caller` is a number or user of our own host, a URI, or a name-addr; `own`: the account's URI.
    UriError when it is none of these. "" = the account's own."""
    if not caller:
        return ""
    match = _CALLER.fullmatch(caller.strip())
    if match is None or readable(caller, len(caller)) != caller:
        raise UriError(f'{caller!r} is not a caller; give a number, a SIP URI, or "Name" <URI>')
    name, uri = match["quoted"] or match["name"] or "", match["uri"] or match["bare"]
    if not uri.lower().startswith(("sip:", "sips:")):
        uri = f"sip:{uri}@{parse_uri(uri_of(own)).host_port}"
    return f'"{name.strip()}" <{parse_uri(uri)}>' if name.strip() else f"<{parse_uri(uri)}>"


def identity_headers(origin: str, privacy: Collection[str], trusted: bool) -> tuple[str, tuple[tuple[str, str], ...]]:
    """(From, headers) of a call by `origin`. Who withholds the number is named to a trusted peer only, as its asserted
    identity (RFC 3325 sections 6 and 9.1); to all others From is anonymous and nothing else tells (RFC 3323 section 4.1)."""
    wanted = {value.lower() for value in privacy} - {"none"}
    if unknown := wanted - PRIVACY:
        raise UriError(f"privacy {', '.join(sorted(unknown))}: choose from {', '.join(sorted(PRIVACY))}")
    headers = [("P-Asserted-Identity", origin)] if trusted else []
    if wanted:
        headers.append(("Privacy", ";".join(sorted(wanted))))
    return ANONYMOUS if wanted & {"id", "user"} else origin, tuple(headers)


def via_transport(message: str) -> str:
    """ "udp", "tcp" or "tls", as the sender wrote it (RFC 3261 section 18.1.1)."""
    match = _VIA.search(message)
    return match[1].lower() if match else "udp"
