# SPDX-License-Identifier: GPL-3.0-or-later
import itertools

import pytest

from sipagent.call import CallState
from sipagent.signalling.call_state import TABLE, Invite, advance, diagram


@pytest.mark.parametrize(
    ("start", "session", "path"),
    [
        (CallState.CALLING, [1, 3, 4, 5, 6], ["calling", "ringing", "ringing", "confirmed", "ended"]),  # answered outgoing call
        (CallState.CALLING, [1, 4, 5, 6], ["calling", "calling", "confirmed", "ended"]),  # no 180
        (CallState.CALLING, [1, 6], ["calling", "ended"]),  # refused
        (CallState.RINGING, [2, 3, 4, 5, 6], ["ringing", "ringing", "ringing", "confirmed", "ended"]),  # answered incoming call
        (CallState.RINGING, [6, 5], ["ended", "ended"]),  # cancelled; the late 200 changes nothing
        (CallState.CONFIRMED, [3, 1, 99, -1], ["confirmed"] * 4),  # nothing goes back, nothing unknown counts
    ],
)
def test_walks(start: CallState, session: list[int], path: list[str]) -> None:
    states = list(itertools.accumulate(session, advance, initial=start))[1:]
    assert states == path


def test_the_end_is_final_and_reachable_from_everywhere() -> None:
    for state, invite in itertools.product(CallState, Invite):
        after = advance(state, invite)
        if state is CallState.ENDED or invite is Invite.DISCONNECTED:
            assert after is CallState.ENDED


def test_order_is_never_turned_back() -> None:
    order = list(CallState)
    assert all(order.index(new) > order.index(old) for (old, _), new in TABLE.items())


def test_diagram_shows_every_move() -> None:
    drawn = diagram()
    assert all(f"{old} --> {new}: {invite.name}" in drawn for (old, invite), new in TABLE.items())
