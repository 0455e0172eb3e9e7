# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch between softphones: who listens in, waits, is parked or is exchanged, and what they hear meanwhile."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.interop.baresip import Softphone
from tests.interop.conftest import StartPhone, StartSwitch
from tests.interop.phones import WAIT_S, hears, loudest, routed, tone
from tests.interop.process import until
from tests.interop.switch import Switch
from tests.sip.house import parties
from tests.sip.test_transfer import named, refer

ALICE, BOB, SUE, MUSIC = TONES = (400.0, 1100.0, 700.0, 1500.0)
RIGHTS = {"accounts": "direct", "numbers": "sue", "modes": ["listen", "whisper", "coach", "barge"]}


def now_hears(phone: Softphone, *tones: float) -> None:
    """Within a while, and for the last second that it wrote: these tones and none of the others."""
    last: list[set[float]] = []

    def so() -> bool:
        last.append(loudest(phone, TONES, 1.0))
        return last[-1] == set(tones)

    hears(phone, 1.0)
    until(f"{sorted(tones)} heard", so, WAIT_S)


def asks(switch: Switch, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Status and JSON of a request to the API."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{switch.api_port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.behaviour(
    "Switch", "a supervisor dials in, hears caller and bot, joins by a key and falls silent by another", peer="baresip"
)
def test_listens_to_a_bot(start_switch: StartSwitch, start_phone: StartPhone, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"called": "600", "play": tone(tmp_path, BOB)}, {"called": "_*33.", "listen": "{called:3}"}]
    switch = routed(start_switch, *rows, supervisors=[RIGHTS])
    alice = start_phone("alice", ALICE)
    alice.call(switch.uri_of("600"))
    now_hears(alice, BOB)
    stranger = start_phone("mallory", MUSIC)
    stranger.dial(switch.uri_of("*33600"))
    assert "403" in str(stranger.wait_for("CALL_CLOSED", WAIT_S)["param"])
    sue = start_phone("sue", SUE)
    sue.call(switch.uri_of("*33600"))
    now_hears(sue, ALICE, BOB)
    now_hears(alice, BOB)
    for key, mode, heard in (("6", "barge", (BOB, SUE)), ("4", "listen", (BOB,))):
        sue.press(key)
        until(mode, lambda mode=mode: [*switch.live_calls()[0]["listeners"].values()] == [mode], WAIT_S)  # type: ignore[misc]
        now_hears(alice, *heard)
    now_hears(sue, ALICE, BOB)
    sue.hang_up()
    hears(alice, 1.0)
    alice.hang_up()
    switch.wait_idle()
    [note] = next(c for c in map(switch.call, (c["id"] for c in switch.calls())) if c["notes"].get("listeners"))["notes"][
        "listeners"
    ]
    assert note["modes"] == ["listen", "barge", "listen"]
    assert note["who"] == "sue by direct"


@pytest.mark.behaviour(
    "Switch",
    "a supervisor is called by HTTP, whispers to the callee of a bridge, then to the caller, and is sent away",
    peer="baresip",
)
def test_whispers_by_http(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    bob = start_phone("bob", BOB, "answermode=auto")
    sue = start_phone("sue", SUE, "answermode=auto")
    switch = routed(start_switch, {"called": "70", "bridge": bob.uri}, supervisors=[RIGHTS])
    alice = start_phone("alice", ALICE)
    alice.call(switch.uri_of("70"))
    now_hears(bob, ALICE)
    target = next(c["id"] for c in switch.live_calls() if c["direction"] == "out")
    path = f"/v1/calls/{target}/listeners"
    assert asks(switch, "POST", path, {"uri": "sip:mallory@127.0.0.1:5999"})[0] == 403
    assert asks(switch, "POST", path, {"uri": sue.uri, "mode": "spy"})[0] == 422
    assert asks(switch, "POST", "/v1/calls/nobody/listeners", {"uri": sue.uri})[0] == 404
    status, made = asks(switch, "POST", path, {"uri": sue.uri, "mode": "whisper"})
    assert (status, made["mode"]) == (201, "whisper")
    now_hears(bob, ALICE, SUE)
    now_hears(alice, BOB)
    now_hears(sue, ALICE, BOB)
    assert asks(switch, "GET", path) == (200, {"listeners": [made]})
    assert asks(switch, "PUT", f"{path}/{made['id']}", {"mode": "coach"})[0] == 200
    now_hears(alice, BOB, SUE)
    now_hears(bob, ALICE)
    assert asks(switch, "DELETE", f"{path}/{made['id']}") == (204, None)
    sue.wait_for("CALL_CLOSED", WAIT_S)
    assert asks(switch, "DELETE", f"{path}/{made['id']}")[0] == 404
    now_hears(alice, BOB)
    alice.hang_up()
    switch.wait_idle()


@pytest.mark.behaviour(
    "Switch", "who is held hears music from the switch and then the other side again", peer="baresip", rfc="3264 8.4"
)
def test_music_on_hold(start_switch: StartSwitch, start_phone: StartPhone, tmp_path: Path) -> None:
    bob = start_phone("bob", BOB, "answermode=auto")
    settings = {"bridge": {"on_hold": "music"}, "parking": {"music": tone(tmp_path, MUSIC, 6.0)}}
    switch = routed(start_switch, {"called": "70", "bridge": bob.uri}, **settings)
    alice = start_phone("alice", ALICE)
    alice.call(switch.uri_of("70"))
    now_hears(bob, ALICE)
    for _ in range(2):
        alice.hold(True)
        now_hears(bob, MUSIC)
        alice.hold(False)
        now_hears(bob, ALICE)
    assert bob.count("CALL_REMOTE_SDP") <= 1  # it was told nothing
    alice.hang_up()
    switch.wait_idle()


@pytest.mark.behaviour(
    "Switch", "a call is parked in the first free slot; whoever dials the slot talks with it", peer="baresip", rfc="3515 2.4.4"
)
def test_automatic_slot(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    bob = start_phone("bob", BOB, "answermode=auto")
    rows = [{"called": "70", "bridge": bob.uri}, {"called": "700", "park": "auto"}, {"called": "_70X", "park": "{called}"}]
    switch = routed(start_switch, *rows, parking={"slots": "705-706"})
    alice = start_phone("alice", ALICE)
    alice.call(switch.uri_of("70"))
    hears(alice, 1.0)
    alice.transfer(switch.uri_of("700"))
    until("parked", lambda: [c["parked"] for c in switch.live_calls() if c["parked"]] == ["705"], WAIT_S)
    carol = start_phone("carol", SUE)
    carol.call(switch.uri_of("705"))
    now_hears(carol, BOB)
    now_hears(bob, SUE)
    carol.hang_up()
    switch.wait_idle()


@pytest.mark.behaviour(
    "Transfer",
    "two softphones that were called by one talk with each other when that one exchanges its two calls",
    peer="baresip",
    rfc="3891 3",
)
async def test_exchange(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    """No softphone here sends a REFER with Replaces: who asks is written by hand."""
    bob = start_phone("bob", BOB, "answermode=auto")
    carol = start_phone("carol", SUE, "answermode=auto")
    switch = routed(start_switch, {"called": "70", "bridge": bob.uri}, {"called": "71", "bridge": carol.uri})
    async with parties(0x90) as (alice,):
        alice.port = switch.sip_port
        first = await alice.calls("70")
        second = await alice.calls("71")
        await asyncio.to_thread(hears, carol, 1.0)
        refer(first, f"sip:71@127.0.0.1:{alice.port}", named(second))
        assert await alice.told() == [100, 200]
        await alice.left()
        await first.hang_up()
    now_hears(bob, SUE)
    now_hears(carol, BOB)
    assert len(switch.live_calls()) == 2
    bob.hang_up()
    carol.wait_for("CALL_CLOSED", WAIT_S)
    switch.wait_idle()
