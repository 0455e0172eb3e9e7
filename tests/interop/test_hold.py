# SPDX-License-Identifier: GPL-3.0-or-later
"""A softphone's hold button."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop import audio
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.process import until

RATE = 8000


@pytest.mark.behaviour(
    "Dialogs", "a softphone's user holds and takes back, twice, and hears us again", peer="baresip", rfc="3264 8.4"
)
def test_hold_and_resume(start_switch: StartSwitch, softphone: Callable[..., Softphone], tmp_path: Path) -> None:
    switch = start_switch("echo", media={"rx_timeout_s": 2.0})
    microphone = audio.write_wav(tmp_path / "microphone.wav", audio.chirp(60, RATE), RATE)
    phone = softphone(microphone, RATE, "PCMU/8000/1")
    phone.call(switch.uri)

    [call] = switch.live_calls()

    def packets() -> list[int]:
        """Of the softphone, and to it; its own file stops growing at the first hold."""
        media = switch.call(call["id"])["media"]
        return [media["rx_packets"], media["tx_packets"]]

    def sound_both_ways() -> None:
        before = packets()
        until("half a second both ways", lambda: all(n >= b + 25 for n, b in zip(packets(), before, strict=True)), 15)

    for _ in range(2):
        sound_both_ways()
        phone.hold(True)
        until("held", lambda: [c["held"] for c in switch.live_calls()] == [True], 10)
        phone.hold(False)
        until("not held", lambda: [c["held"] for c in switch.live_calls()] == [False], 10)
    sound_both_ways()
    phone.hang_up()
    switch.wait_idle()
