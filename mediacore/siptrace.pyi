# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP messages as they were on the wire, by Call-ID: one memory for the process, whoever runs it. Any thread. Secrets were
crossed out before anything was kept."""

from typing import NamedTuple

class SipMessage(NamedTuple):
    """One message that was heard or sent."""

    number: int  # of all messages, from 1
    wall_us: int  # Unix time, microseconds
    mono_us: int  # clock_us()
    sent: bool
    transport: str  # udp, tcp, tls
    src: tuple[str, int]  # address and port; ("", 0) = not known
    dst: tuple[str, int]
    verdict: str  # of the gate, as in gate_counts(); "passed" for what was sent
    n_lost: int  # messages of this Call-ID that are missing right before this one
    call_id: bytes
    text: bytes

def set_siptrace(max_bytes: int, dialog_bytes: int, keep_s: float) -> None:
    """Forgets everything and keeps at most `max_bytes` from now on (0 = nothing), of one Call-ID `dialog_bytes`, of an
    ended call for `keep_s`. ArgumentError: more than 500 GB; MediaError: no memory."""

def siptrace_own(call_id: bytes, owner: str) -> None:
    """The Call-ID is a live call's. At most two have the same one: a call that comes back to us. `owner`: 39 bytes at most."""

def siptrace_end(call_id: bytes, owner: str) -> None:
    """That call is over."""

def siptrace_read(*, owner: str = "", call_id: bytes = b"", after: int = 0) -> list[SipMessage]:
    """What there is of an owner, or of a Call-ID, numbered above `after`; by number. "hop:N" owns REGISTERs and OPTIONS that
    go to the next hop N (`SipAccount.hop`)."""

def siptrace_counts() -> dict[str, int]:
    """bytes and dialogs that are kept now; lost: messages that there was no room for, or no more before their time was over."""
