# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call makes of its leg's events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import mediacore
from sipagent.call import Call


class Leg:
    """A leg's event door; nothing else of it is needed here."""

    on_event: Any = None


class Control:
    def __init__(self) -> None:
        self.ended: list[tuple[int, str]] = []

    async def answer(self, code: int = 200) -> None: ...

    async def send_info(self, digits: str, ms: int) -> bool:
        return False

    async def hangup(self, code: int = 0, reason: str = "", headers: object = ()) -> None:
        self.ended.append((code, reason))


@pytest.fixture
def call() -> Call:
    return Call(Leg(), Control(), "in", "sip:a@b", "sip:c@d")  # type: ignore[arg-type]


def test_digits_of_both_kinds_meet(call: Call) -> None:
    digits: list[tuple[str, int]] = []
    call.leg.on_event(mediacore.EV_DTMF, ord("1"), 80, 0)  # type: ignore[misc]  # nobody listens yet
    call.on_dtmf = lambda digit, ms: digits.append((digit, ms))
    call.leg.on_event(mediacore.EV_DTMF, ord("#"), 120, 0)  # type: ignore[misc]
    call.dtmf("5", 160)
    assert digits == [("#", 120), ("5", 160)]


@pytest.mark.parametrize(
    ("events", "info", "want"),
    [
        (True, True, [("leg", "1#", 120)]),
        (False, True, [("info", "1#", 120)]),
        (False, False, [("info", "1#", 120), ("leg", "1#", 120)]),  # refused: as sound
    ],
)
async def test_digits_go_the_best_way_there_is(call: Call, events: bool, info: bool, want: list[tuple[str, str, int]]) -> None:
    went: list[tuple[str, str, int]] = []

    async def send_info(digits: str, ms: int) -> bool:
        went.append(("info", digits, ms))
        return info

    call.leg.takes_events = events  # type: ignore[misc]
    call.leg.send_dtmf = lambda digits, ms: went.append(("leg", digits, ms))  # type: ignore[method-assign]
    call.control.send_info = send_info  # type: ignore[method-assign]
    await call.send_dtmf("1#", 120)
    assert went == want


async def test_a_vanished_caller_is_hung_up_on_once(call: Call) -> None:
    for _ in range(3):
        call.leg.on_event(mediacore.EV_RX_TIMEOUT, 30_000, 0, 0)  # type: ignore[misc]
    await asyncio.sleep(0)
    assert call.control.ended == [(408, "no RTP for 30 s")]  # type: ignore[attr-defined]


def test_every_event_goes_on_to_the_listener(call: Call) -> None:
    events: list[tuple[int, int, int, int]] = []
    call.on_event = lambda *event: events.append(event)  # type: ignore[arg-type, misc]
    for kind in (mediacore.EV_STARTED, mediacore.EV_DTMF, mediacore.EV_PLAY_START):
        call.leg.on_event(kind, 49, 2, 3)  # type: ignore[misc]
    assert events == [(mediacore.EV_STARTED, 49, 2, 3), (mediacore.EV_DTMF, 49, 2, 3), (mediacore.EV_PLAY_START, 49, 2, 3)]


def test_record_is_json(call: Call) -> None:
    call.notes["ledger"] = [{"turn": 1}]
    record = json.loads(json.dumps(call.to_dict()))
    assert record["remote_uri"] == "sip:a@b"
    assert record["state"] == "calling"
    assert record["notes"] == {"ledger": [{"turn": 1}]}
    assert not {"leg", "control", "ended", "media_ready", "on_dtmf"} & set(record)
