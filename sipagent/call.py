# SPDX-License-Identifier: GPL-3.0-or-later
"""A call as agents, API and store see it. Signalling makes it and moves its state; it lives on the main thread."""

from __future__ import annotations

import asyncio
import enum
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import mediacore
from sipagent.dialogue.context import Context
from sipagent.log import CALLS, call_context
from sipagent.media import EventHandler, MediaLeg
from sipagent.signalling.causes import Reason
from sipagent.signalling.headers import Headers, Pairs
from sipagent.signalling.transfer import ReferTo
from sipagent.waiting import Flag


class CallState(enum.StrEnum):
    """RFC 3261 section 13, as far as an application needs it. The moves are in `sipagent.signalling.call_state`."""

    CALLING = "calling"
    RINGING = "ringing"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class CallControl(Protocol):
    """What signalling does for a call. Safe to call from the main thread at any time; a call that ended takes no harm."""

    async def answer(self, code: int = 200, headers: Pairs = ()) -> None:
        """180 rings, 183 lets sound through before the answer, 200 answers. `headers`: see `signalling.headers.checked`."""
        ...

    async def hangup(self, code: int = 0, reason: str = "", headers: Pairs = ()) -> None: ...

    async def hold(self, on: bool) -> None:
        """Puts the peer on hold (it hears what is written, and is not heard), or takes it back. Returns when it has agreed;
        SignallingError when it refused. Glare is tried again (RFC 3261 section 14.1)."""
        ...

    async def update(self, codec: str = "", ptime_ms: int = 0) -> None:
        """Asks the peer for another codec of media.codecs ("PCMA" or "PCMA/8000"; "" = the one in use) and packet time (10, 20,
        40 or 60 ms; 0 = as it is) without a gap in the sound. Returns when it has agreed: what both do then stands in the
        leg's `params`. SignallingError: not a codec or time of ours, or the peer refused; the call goes on as it was. Glare is
        tried again."""
        ...

    async def redirect(self, contact: str) -> None:
        """Sends a caller who is not answered yet elsewhere (302). UriError: not a SIP URI."""
        ...

    async def send_info(self, digits: str, ms: int) -> bool:
        """Digits by SIP INFO; False: the peer does not take them."""
        ...

    async def refer(self, uri: str) -> tuple[bool, int]:
        """Asks the peer to call `uri` instead of us (REFER). Whether it agreed, and the status that it was answered, there or
        here; 0: it told nothing. UriError."""
        ...

    async def notify(self, code: int, reason: str = "") -> None:
        """Tells who sent us a REFER how it goes: a status of the target's; from 200 on the last one."""
        ...


class TransferError(Exception):
    """A caller could not be handed over. `code`: the SIP status, 0 = none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}" if code else reason)
        self.code = code


class Switchboard(Protocol):
    """What a switch does with an agent's call: see the methods of `Call`."""

    async def transfer(self, call: Call, uri: str, via: str) -> None: ...

    async def consult(self, call: Call, uri: str, via: str) -> Call: ...

    async def connect(self, call: Call, other: Call) -> None: ...

    async def release(self, call: Call, other: Call) -> None: ...

    async def bridge(self, call: Call, uri: str, via: str) -> bool: ...

    async def answer(self, call: Call) -> bool:
        """Answers a call that came and waits for its sound. False: it ended before."""
        ...

    def record(self, call: Call, path: Path) -> CallRecording:
        """Records the call from now to its end, unless it is recorded already."""
        ...


class CallRecording(Protocol):
    """The recording of a call: `sipagent.recorder.Recording`."""

    @property
    def lost_ms(self) -> int:
        """Time that is missing in the file, up to now."""
        ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(slots=True, weakref_slot=True)
class Call:
    """One SIP call with one audio leg. Takes the leg's `on_event` for itself; listeners set `on_event` here."""

    leg: MediaLeg
    control: CallControl
    direction: str  # "in" or "out"
    remote_uri: str
    local_uri: str
    sip_call_id: str = ""
    account: str = ""  # account or trunk it came by, or goes by; "" = direct
    source: str = ""  # who sent the INVITE: "udp:192.0.2.7:5060"
    request_uri: str = ""
    headers: Headers = field(default_factory=Headers)  # of the INVITE that came
    identity: str = ""  # URI that a trusted peer asserts (P-Asserted-Identity, RFC 3325), else ""
    privacy: frozenset[str] = frozenset()  # asked for by the caller: RFC 3323, 3325
    diversion: tuple[str, ...] = ()  # who sent the call on, the last one first: Diversion, else History-Info
    max_forwards: int = 70  # of the INVITE that came (RFC 3261 section 8.1.1.6)
    replaces: str = ""  # id of our call that this one is to replace (RFC 3891)
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    route: str = ""  # row of the routing table that it took
    other_id: str = ""  # of the call that it is joined with, or was
    other_ids: tuple[str, ...] = ()  # of all that it was joined with, or was to be
    room: str = ""  # the conference room that it is in
    parked: str = ""  # the parking slot that it is in
    state: CallState = CallState.CALLING
    started_us: int = 0
    answered_us: int = 0
    ended_us: int = 0
    end_code: int = 0  # SIP status; 0 = a normal BYE
    end_reason: str = ""  # who and why, for people
    peer_reason: Reason | None = None  # of the message that the peer ended it with (RFC 3326)
    ended: Flag = field(default_factory=Flag)
    answered: Flag = field(default_factory=Flag)  # CONFIRMED; never set when the call ends before
    media_ready: Flag = field(default_factory=Flag)  # may come before the answer (early media)
    on_dtmf: Callable[[str, int], None] | None = None  # digit, milliseconds; RFC 4733 and SIP INFO alike
    held: bool = False  # by the peer: it hears nothing, what is written waits
    on_hold: Callable[[bool], None] | None = None
    progress: tuple[int, bool] = (
        0,
        False,
    )  # the newest 18x of a call that we make: its code, and whether its sound can be heard
    on_progress: Callable[[int, bool], None] | None = None  # the same, when it comes
    on_info_digit: Callable[[str, int], None] | None = None  # one of them that came by SIP INFO: no media path carries it on
    on_refer: Callable[[ReferTo], None] | None = None  # the peer asks us to call somebody (REFER), and was told 202
    switchboard: Switchboard | None = None
    on_event: EventHandler | None = None  # every event of the leg, see mediacore.EV_*
    recording: CallRecording | None = None
    context: Context = field(default_factory=Context)  # what the agent that talks, or talked last, remembers of the caller
    contexts: dict[str, Context] = field(default_factory=dict)  # the same of each agent that talked, by its name
    listeners: dict[str, str] = field(default_factory=dict)  # supervisors' calls that listen to this one, and how
    on_listeners: Callable[[], None] | None = None  # they changed
    notes: dict[str, Any] = field(default_factory=dict)  # agent's own: ledger, transcript; shown by the API
    _hanging_up: asyncio.Future[None] | None = None

    def __post_init__(self) -> None:
        self.leg.on_event = self._leg_event
        CALLS[self.id] = self

    async def hangup(self, code: int = 0, reason: str = "", because: Reason | None = None) -> None:
        """Ends the call (BYE, CANCEL or a final response, whichever the state asks for). `because`: the Reason that somebody
        else gave; None: ours."""
        await self.control.hangup(code, reason, (("Reason", because.value),) if because is not None else ())

    def meets(self, other: Call) -> None:
        """The two are one conversation from now on."""
        for call, beside in ((self, other), (other, self)):
            call.other_id = beside.id
            call.other_ids = tuple(dict.fromkeys((*call.other_ids, beside.id)))

    def hold_changed(self, held: bool) -> None:
        """The peer holds us, or takes us back."""
        self.held = held
        if self.on_hold is not None:
            self.on_hold(held)

    async def transfer(self, uri: str, via: str = "") -> None:
        """Hands the caller to somebody: the peer is asked to call there itself (REFER); if it does not take that, we call, by
        the account or trunk `via`, and join the two. The caller hears ringing. Afterwards the call is no longer the agent's,
        and `on_call` returns. TransferError: it was not taken, and the caller is the agent's again."""
        await self.board().transfer(self, uri, via)

    async def consult(self, uri: str, via: str = "") -> Call:
        """Calls somebody while the caller hears music, to `connect` the two afterwards, or to `release` who was called. The
        agent speaks by the new call's leg. TransferError: not answered, and the caller is the agent's again."""
        return await self.board().consult(self, uri, via)

    async def connect(self, other: Call) -> None:
        """Joins the caller with who was consulted. Afterwards neither is the agent's. TransferError: one hung up."""
        await self.board().connect(self, other)

    async def bridge(self, uri: str, via: str = "") -> bool:
        """Joins the caller with somebody until that one hangs up, or the task is cancelled; then the caller is the agent's
        again. False: that one has transferred him, and he is no longer the agent's. TransferError: nobody answered."""
        return await self.board().bridge(self, uri, via)

    async def release(self, other: Call) -> None:
        """Hangs up on who was consulted; the caller is the agent's again."""
        await self.board().release(self, other)

    def board(self) -> Switchboard:
        """The switch behind this call. TransferError: there is none."""
        if self.switchboard is None:
            raise TransferError(501, "this call has no switch behind it")
        return self.switchboard

    def dtmf(self, digit: str, ms: int, *, by_info: bool = False) -> None:
        """A digit came in."""
        if by_info and self.on_info_digit is not None:
            self.on_info_digit(digit, ms)
        if self.on_dtmf is not None:
            self.on_dtmf(digit, ms)

    async def send_dtmf(self, digits: str, ms: int = 100) -> None:
        """Digits (0-9 * # A-D) to the peer: telephone-events (RFC 4733), else SIP INFO, else as sound."""
        if self.leg.takes_events or not await self.control.send_info(digits, ms):
            self.leg.send_dtmf(digits, ms)

    def to_dict(self) -> dict[str, Any]:
        """The record of the call, ready for JSON."""
        return {
            "id": self.id,
            "sip_call_id": self.sip_call_id,
            "direction": self.direction,
            "account": self.account,
            "remote_uri": self.remote_uri,
            "local_uri": self.local_uri,
            "state": self.state.value,
            "held": self.held,
            "started_us": self.started_us,
            "answered_us": self.answered_us,
            "ended_us": self.ended_us,
            "end_code": self.end_code,
            "end_reason": self.end_reason,
            "route": self.route,
            "other_id": self.other_id,
            "notes": self.notes,
        }

    def _leg_event(self, kind: int, a: int, b: int, t_us: int) -> None:
        with call_context(self.id):
            self._take_event(kind, a, b, t_us)

    def _take_event(self, kind: int, a: int, b: int, t_us: int) -> None:
        if kind == mediacore.EV_DTMF:
            self.dtmf(chr(a), b)
        elif kind == mediacore.EV_RX_TIMEOUT and self._hanging_up is None and not self.held:  # who holds may be silent
            # A caller who vanished never says BYE. Kept in a field: the loop holds tasks only weakly.
            self._hanging_up = asyncio.ensure_future(self.hangup(408, f"no RTP for {a / 1000:g} s"))
        if self.on_event is not None:
            self.on_event(kind, a, b, t_us)


class Agent(Protocol):
    """Talks with callers. `on_call` runs once for each answered call and is cancelled when the call ends. One that has
    `answers_itself` gets calls that ring."""

    name: str

    async def on_call(self, call: Call) -> None: ...
