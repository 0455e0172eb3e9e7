# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch between softphones: routes, bridges, rooms, parking, transfers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import sipp
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartPhone, StartSwitch
from tests.interop.phones import TALK_S, WAIT_S, hears, loudest, routed
from tests.interop.process import until


@pytest.mark.behaviour(
    "Switch", "joins two softphones that never registered; both hear each other", peer="baresip", rfc="7092 3.1"
)
def test_bridge(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    bob = start_phone("bob", 700.0, "answermode=auto")
    switch = routed(start_switch, {"called": "_7X", "bridge": bob.uri})
    alice = start_phone("alice", 400.0)
    alice.call(switch.uri_of("70"))
    bob.wait_for("CALL_ESTABLISHED", WAIT_S)
    hears(alice, TALK_S)
    hears(bob, TALK_S)
    live = switch.live_calls()
    assert [c["other_id"] for c in live] == [c["id"] for c in reversed(live)]
    alice.hang_up()
    bob.wait_for("CALL_CLOSED", WAIT_S)
    switch.wait_idle()
    alice.stop()
    bob.stop()
    assert loudest(alice, (400.0, 700.0)) == {700.0}
    assert loudest(bob, (400.0, 700.0)) == {400.0}
    ended = switch.calls()
    assert {c["direction"] for c in ended} == {"in", "out"}
    assert all(c["end_code"] == 0 for c in ended), ended


@pytest.fixture
def callee(tmp_path: Path) -> Iterator[Callable[[str], sipp.Callee]]:
    made: list[sipp.Callee] = []

    def start(scenario: str) -> sipp.Callee:
        made.append(sipp.Callee(tmp_path / f"callee{len(made)}", scenario))
        return made[-1]

    yield start
    for each in made:
        each.stop()


def refused(phone: Softphone, uri: str) -> str:
    """The status that a call was refused with."""
    phone.dial(uri)
    return str(phone.wait_for("CALL_CLOSED", WAIT_S)["param"])


@pytest.mark.behaviour(
    "Switch", "tells the caller how the callee refused: busy, declined, not found", peer="SIPp", rfc="3261 16.7"
)
def test_refusals_reach_the_caller(start_switch: StartSwitch, start_phone: StartPhone, callee: Callable[..., Any]) -> None:
    statuses = {"71": "486 Busy Here", "72": "603 Decline", "73": "404 Not Found"}
    rows = [{"called": number, "bridge": callee(sipp.refusing_scenario(s)).uri} for number, s in statuses.items()]
    switch = routed(start_switch, *rows, {"called": "74", "reject": 480}, {"called": "76", "agent": "echo"})
    for number, status in {**statuses, "74": "480", "75": "404"}.items():
        phone = start_phone("alice", 400.0)
        assert status.split()[0] in refused(phone, switch.uri_of(number)), (number, switch.log())
        phone.stop()
    switch.wait_idle()
    assert len(switch.calls()) == 8


@pytest.mark.behaviour(
    "Switch",
    "tries the next number when one is busy and the next does not answer in time",
    peer="SIPp",
    rfc="3261 9.1",
)
def test_failover(start_switch: StartSwitch, start_phone: StartPhone, callee: Callable[..., Any]) -> None:
    bob = start_phone("bob", 700.0, "answermode=auto")
    silent = callee(sipp.silent_scenario())
    targets = [callee(sipp.refusing_scenario("486 Busy Here")).uri, silent.uri, bob.uri]
    switch = routed(start_switch, {"called": "70", "bridge": targets, "ring_s": 2.0})
    alice = start_phone("alice", 400.0)
    alice.call(switch.uri_of("70"))
    bob.wait_for("CALL_ESTABLISHED", WAIT_S)
    hears(alice, 1.0)
    alice.hang_up()
    switch.wait_idle()
    assert [c["end_code"] for c in switch.calls() if c["direction"] == "out"] == [486, 408, 0]
    until("the CANCEL was served", lambda: silent.counts().succeeded == 1, WAIT_S)


@pytest.mark.behaviour(
    "Switch",
    "hold goes through to the other side, and so does taking back; then both have sound again",
    peer="baresip",
    rfc="3264 8.4",
)
def test_hold_goes_through(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    """baresip's files end at the first change of a session, so packets are counted afterwards, as the switch sees them."""
    bob = start_phone("bob", 700.0, "answermode=auto")
    switch = routed(start_switch, {"called": "70", "bridge": bob.uri})
    alice = start_phone("alice", 400.0)
    alice.call(switch.uri_of("70"))
    hears(alice, 1.0)
    hears(bob, 1.0)

    def packets() -> list[int]:
        """Of both legs, from and to the phone."""
        each = [switch.call(call["id"])["media"] for call in switch.live_calls()]
        return [media[name] for media in each for name in ("rx_packets", "tx_packets")]

    def press(hold: bool) -> None:
        offers = bob.count("CALL_REMOTE_SDP")
        alice.hold(hold)
        until("bob has another offer", lambda: bob.count("CALL_REMOTE_SDP") > offers, WAIT_S)
        assert {c["direction"]: c["held"] for c in switch.live_calls()} == {"in": hold, "out": False}

    def sound_both_ways() -> None:
        before = packets()
        until("a second both ways", lambda: all(n >= b + 50 for n, b in zip(packets(), before, strict=True)), WAIT_S)

    for _ in range(2):
        press(hold=True)
        press(hold=False)
        sound_both_ways()
    alice.hang_up()
    switch.wait_idle()
    assert all(c["end_code"] == 0 for c in switch.calls())


@pytest.mark.behaviour("Switch", "stops ringing the callee when the caller gives up", peer="SIPp", rfc="3261 9.1")
def test_caller_cancels(start_switch: StartSwitch, start_phone: StartPhone, callee: Callable[..., Any]) -> None:
    silent = callee(sipp.silent_scenario())
    switch = routed(start_switch, {"called": "70", "bridge": silent.uri})
    alice = start_phone("alice", 400.0)
    alice.dial(switch.uri_of("70"))
    alice.wait_for("CALL_RINGING", WAIT_S)
    alice.hang_up()
    switch.wait_idle()
    until("the CANCEL was served", lambda: silent.counts().succeeded == 1, WAIT_S)
    assert {c["end_code"] for c in switch.calls()} == {487}


@pytest.mark.behaviour("Switch", "three softphones in a conference room hear each other and not themselves", peer="baresip")
def test_room(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    switch = routed(start_switch, {"called": "_8X", "room": "{called}"})
    tones = {"a": 400.0, "b": 700.0, "c": 1100.0}
    phones = {name: start_phone(name, hz) for name, hz in tones.items()}
    for phone in phones.values():
        phone.call(switch.uri_of("80"))
    for phone in phones.values():
        hears(phone, TALK_S)
    inside = [c["id"] for c in switch.live_calls()]
    assert json.loads(switch.get("/v1/rooms")[1]) == {"rooms": [{"name": "80", "calls": inside}]}
    for phone in phones.values():
        phone.hang_up()
        phone.stop()
    switch.wait_idle()
    heard = loudest(phones["a"], tuple(tones.values()), last_s=2.0)
    assert heard == {700.0, 1100.0}


@pytest.mark.behaviour(
    "Transfer",
    "a softphone transfers the other one blindly to a third; it is told, and leaves",
    peer="baresip",
    rfc="3515 2.4.4",
)
def test_blind_transfer(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    bob = start_phone("bob", 700.0, "answermode=auto")
    carol = start_phone("carol", 1100.0, "answermode=auto")
    switch = routed(start_switch, {"called": "70", "bridge": bob.uri}, {"called": "71", "bridge": carol.uri})
    alice = start_phone("alice", 400.0)
    alice.call(switch.uri_of("70"))
    bob.wait_for("CALL_ESTABLISHED", WAIT_S)
    hears(alice, 1.0)
    alice.transfer(switch.uri_of("71"))
    carol.wait_for("CALL_ESTABLISHED", WAIT_S)
    alice.wait_for("CALL_CLOSED", WAIT_S)
    hears(bob, TALK_S)
    hears(carol, TALK_S)
    assert len(switch.live_calls()) == 2
    bob.hang_up()
    carol.wait_for("CALL_CLOSED", WAIT_S)
    switch.wait_idle()
    bob.stop()
    carol.stop()
    assert loudest(bob, (400.0, 700.0, 1100.0)) == {1100.0}
    assert loudest(carol, (400.0, 700.0, 1100.0)) == {700.0}


@pytest.mark.behaviour("Switch", "parks a call by transferring it to a slot; another phone takes it out there", peer="baresip")
def test_parking(start_switch: StartSwitch, start_phone: StartPhone) -> None:
    bob = start_phone("bob", 700.0, "answermode=auto")
    switch = routed(start_switch, {"called": "70", "bridge": bob.uri}, {"called": "_7XX", "park": "{called}"})
    alice = start_phone("alice", 400.0)
    alice.call(switch.uri_of("70"))
    hears(alice, 1.0)
    alice.transfer(switch.uri_of("701"))
    until("parked", lambda: [c["parked"] for c in switch.live_calls()] == ["701"], WAIT_S)
    [slot] = json.loads(switch.get("/v1/parking")[1])["slots"]
    assert slot == {"number": "701", "call": switch.live_calls()[0]["id"]}
    hears(bob, TALK_S)
    carol = start_phone("carol", 1100.0)
    carol.call(switch.uri_of("701"))
    hears(carol, TALK_S)
    carol.hang_up()
    bob.wait_for("CALL_CLOSED", WAIT_S)
    switch.wait_idle()
    carol.stop()
    assert loudest(carol, (400.0, 700.0, 1100.0)) == {700.0}
    dave = start_phone("dave", 500.0)
    assert "404" in refused(dave, switch.uri_of("701"))
