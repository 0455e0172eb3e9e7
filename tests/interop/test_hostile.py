# SPDX-License-Identifier: GPL-3.0-or-later
"""Garbage, strangers and callers that vanish: the call concerned goes on or ends, and no other call notices."""

from __future__ import annotations

import random
import socket
import struct
import time

import pytest

from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.switch import Switch
from tests.interop.uac import Caller

RX_TIMEOUT_S = 2.0


@pytest.fixture(scope="module")
def echo(start_switch: StartSwitch) -> Switch:
    return start_switch("echo", media={"rate": 8000, "rx_timeout_s": RX_TIMEOUT_S})


def malformed(seed: int) -> list[bytes]:
    """RTP that breaks each rule of RFC 3550 5.1 and A.1, and bytes that never were RTP."""
    dice = random.Random(seed)
    header = struct.pack("!BBHII", 0x80, 0, 7, 7, 0xDEADBEEF)
    rows = [
        b"",
        b"\x80",
        header[:11],
        header,  # no payload
        b"\x00" + header[1:] + bytes(160),  # version 0
        b"\x8f" + header[1:] + bytes(8),  # 15 CSRCs announced, 2 there
        b"\x90" + header[1:] + struct.pack("!HH", 0xBEDE, 0xFFFF) + bytes(160),  # header extension beyond the end
        b"\x90" + header[1:] + b"\xbe",
        b"\xa0" + header[1:] + bytes(159) + b"\xff",  # padding longer than the packet
        b"\xa0" + header[1:] + bytes(160),  # padding of 0
        b"\x80\x7f" + header[2:] + bytes(160),  # a payload type nobody offered
        b"\x80\x65" + header[2:] + b"\xff",  # telephone-event cut short (RFC 4733 2.3)
        b"\x80\x65" + header[2:] + bytes([255, 0xFF, 0xFF, 0xFF]) * 10,
        b"\x80\xc8" + header[2:] + bytes(20),  # RTCP on the RTP port
        header + bytes(60000),
    ]
    rows += [dice.randbytes(dice.randrange(1, 1500)) for _ in range(300)]
    rows += [
        bytes(b ^ (1 << dice.randrange(8)) if dice.random() < 0.1 else b for b in header) + dice.randbytes(160)
        for _ in range(300)
    ]
    return rows


def spray(target: tuple[str, int], rows: list[bytes], source: socket.socket | None = None) -> None:
    sock = source or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n, row in enumerate(rows):
        sock.sendto(row, target)
        if n % 20 == 19:
            time.sleep(0.008)  # as fast as a socket takes it without loss: 28 of 1,500 bytes (csrc/udp.c)
    if source is None:
        sock.close()


def talking(caller: Caller, packets: int = 50) -> None:
    before = len(caller.report.packets)
    until("the call goes on", lambda: len(caller.report.packets) >= before + packets, 10)


def test_garbage_from_strangers_changes_nothing(echo: Switch) -> None:
    """Thousands of bad packets on a live call's RTP and RTCP ports, from a stranger: not one sample differs."""
    with Caller(echo.sip_port, "victim", seed=5) as victim, Caller(echo.sip_port, "bystander", seed=6) as bystander:
        assert victim.call().status == 200
        assert bystander.call().status == 200
        talking(victim)
        assert victim.media is not None
        host, port = victim.media
        for seed in range(4):
            spray((host, port), malformed(seed))
            spray((host, port + 1), malformed(seed))
        talking(victim)
        for caller in (victim, bystander):
            assert caller.hang_up() == 200
            assert caller.fault() == ""
    assert echo.healthy()


def test_garbage_from_the_caller_itself_does_not_end_the_call(echo: Switch) -> None:
    """The peer that we listen to sends nonsense between its frames: the call lives, the others don't notice."""
    with Caller(echo.sip_port, "drunk", seed=7) as drunk, Caller(echo.sip_port, "bystander", seed=8) as bystander:
        assert drunk.call().status == 200
        assert bystander.call().status == 200
        talking(drunk)
        assert drunk.media is not None
        spray(drunk.media, malformed(9), drunk.rtp_socket)
        talking(drunk)
        assert drunk.hang_up() == 200
        assert bystander.hang_up() == 200
        assert bystander.fault() == ""
    assert echo.healthy()


def test_vanished_caller_is_ended_by_rtp_timeout(echo: Switch) -> None:
    with Caller(echo.sip_port, "stays", seed=10) as stays:
        assert stays.call().status == 200
        with Caller(echo.sip_port, "goes", seed=11) as goes:
            assert goes.call().status == 200
            talking(goes)
            goes.vanish()
        left = time.monotonic()
        until("the vanished call is over", lambda: len(echo.live_calls()) == 1, RX_TIMEOUT_S + 10)
        assert time.monotonic() - left >= RX_TIMEOUT_S - 0.2
        [ended] = [call for call in echo.calls() if "goes@" in call["remote_uri"]]
        assert "no RTP" in ended["end_reason"]
        talking(stays)
        assert stays.hang_up() == 200
        assert stays.fault() == ""
    assert echo.healthy()


def test_silent_caller_gets_a_bye(echo: Switch) -> None:
    """Signalling lives, media does not: the call is ended with a BYE that the caller sees."""
    with Caller(echo.sip_port, "mute", seed=12) as mute:
        assert mute.call().status == 200
        talking(mute)
        mute.mute = True
        assert mute.ended.wait(RX_TIMEOUT_S + 10)
    echo.wait_idle()
