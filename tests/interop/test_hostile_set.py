# SPDX-License-Identifier: GPL-3.0-or-later
"""Hundreds of the hostile messages that `scripts/bench hostile` sends all of: each gets what is right, nobody else notices, and
nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.canary import Canary
from tests.hostile.catalogue import catalogue
from tests.hostile.house import House
from tests.hostile.sender import Sender, served, wrong

N = 1200
RATE = 200.0
SEED = 20


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    assert made.switch.stop() == 0, made.switch.log()


@pytest.mark.behaviour(
    "Protection",
    "of hostile messages over UDP, TCP and TLS each gets what is right, calls go on unharmed, and nothing is left",
    peer="own peer",
    rfc="3261 16.3",
)
def test_hostile_messages(house: House) -> None:
    base = house.held()
    sender = Sender(house.ports, house.certificates.ca)
    with Canary(house.ports["udp"]) as canary:
        outcomes = asyncio.run(sender.run(catalogue(SEED)[:N], RATE, 4.0))
    assert not wrong(outcomes)
    assert canary.faults == []
    assert set(canary.set_up) == {200}
    assert max(canary.answers_s) < 5.0  # all were answered; how soon is for the benchmark
    assert house.switch.healthy()
    assert served(outcomes) > 50  # calls began among them, and were given up
    assert house.settle(base) == {}
