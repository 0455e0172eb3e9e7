# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sip thread tells the main thread. Plain values only: no pjsua2 object crosses."""

from __future__ import annotations

from dataclasses import dataclass

from mediacore import Leg
from sipagent.config_types import Transport
from sipagent.signalling.causes import Reason
from sipagent.signalling.parties import InviteFacts
from sipagent.signalling.transfer import ReferTo


@dataclass(frozen=True, slots=True)
class Incoming:
    """An INVITE was admitted and 100 sent."""

    key: str
    leg: Leg
    remote_uri: str
    local_uri: str
    sip_call_id: str
    facts: InviteFacts
    t_us: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The INVITE session of a call went on; `invite` is a `call_state.Invite`."""

    key: str
    invite: int
    t_us: int
    sip_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """A provisional response to our INVITE; `early`: the leg runs."""

    key: str
    code: int
    early: bool


@dataclass(frozen=True, slots=True)
class MediaReady:
    """SDP is settled and the leg runs."""

    key: str


@dataclass(frozen=True, slots=True)
class Held:
    """The peer wants no sound of us any more, or wants it again (RFC 3264 section 8.4)."""

    key: str
    held: bool


@dataclass(frozen=True, slots=True)
class Digit:
    """A DTMF digit by SIP INFO."""

    key: str
    digit: str
    ms: int


@dataclass(frozen=True, slots=True)
class ReferRequest:
    """The peer sent a REFER and was told 202."""

    key: str
    target: ReferTo


@dataclass(frozen=True, slots=True)
class Referral:
    """What became of our REFER: 100 = taken, else what its target answered, or the peer's refusal."""

    key: str
    code: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The last message about a call, exactly one for each."""

    key: str
    code: int
    reason: str
    t_us: int
    unreached: bool = False  # an INVITE that another server may take (RFC 3263 section 4.3)
    peer_reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Unused:
    """A leg whose call ended before main heard of it: main closes it."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Refused:
    """An INVITE that never became a call."""

    remote_uri: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome of a REGISTER; `expires_s` 0 and code 2xx = we are unregistered."""

    account: str
    code: int
    reason: str
    expires_s: int
    t_us: int
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """The outcome of an OPTIONS to a trunk's host; `heard`: by a response, else by our own giving up."""

    host: str  # its key, "name#0"
    code: int
    heard: bool


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection that an account is registered over is gone."""

    account: str


@dataclass(frozen=True, slots=True)
class Question:
    """PJSIP needs the addresses of a name; `Stack.answer_question` takes them."""

    id: int
    transport: Transport
    port: int  # 0 = not given
    host: str
