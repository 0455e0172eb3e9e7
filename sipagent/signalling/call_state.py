# SPDX-License-Identifier: GPL-3.0-or-later
"""States of a call as a table: PJSIP's INVITE session state moves ours. `diagram()` draws it for the documentation."""

from __future__ import annotations

import enum
from typing import Final

from sipagent.call import CallState


class Invite(enum.IntEnum):
    """`pjsip_inv_state` (RFC 3261 section 13)."""

    NULL = 0
    CALLING = 1  # INVITE sent
    INCOMING = 2  # INVITE received
    EARLY = 3  # a provisional response that makes a dialog, sent or received
    CONNECTING = 4  # 2xx sent or received
    CONFIRMED = 5  # ACK sent or received
    DISCONNECTED = 6


# (our state, what the INVITE session became) -> our next state. A pair that is not here changes nothing: ENDED is left by
# nothing, and a response that comes late never takes an answered call back.
TABLE: Final[dict[tuple[CallState, Invite], CallState]] = {
    (CallState.CALLING, Invite.EARLY): CallState.RINGING,
    (CallState.CALLING, Invite.CONFIRMED): CallState.CONFIRMED,
    (CallState.CALLING, Invite.DISCONNECTED): CallState.ENDED,
    (CallState.RINGING, Invite.CONFIRMED): CallState.CONFIRMED,
    (CallState.RINGING, Invite.DISCONNECTED): CallState.ENDED,
    (CallState.CONFIRMED, Invite.DISCONNECTED): CallState.ENDED,
}


def advance(state: CallState, invite: int) -> CallState:
    """The next state; the same one when the table has no move. Unknown session states change nothing."""
    try:
        return TABLE.get((state, Invite(invite)), state)
    except ValueError:
        return state


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = [
        "stateDiagram-v2",
        f"    [*] --> {CallState.CALLING}: INVITE sent",
        f"    [*] --> {CallState.RINGING}: INVITE received, 100 sent",
    ]
    lines += [f"    {old} --> {new}: {invite.name}" for (old, invite), new in TABLE.items()]
    return "\n".join([*lines, f"    {CallState.ENDED} --> [*]"])
