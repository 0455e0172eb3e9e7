# SPDX-License-Identifier: GPL-3.0-or-later
"""Our RTCP as others read it, and theirs as we do: Asterisk, baresip, Wireshark."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mediacore.virtual import VirtualLeg
from tests.interop import audio
from tests.interop.asterisk import Asterisk
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.switch import Switch
from tests.interop.test_asterisk import account
from tests.media.rtp import Rtp

LONG_S = 16  # each side has reported twice by then: every 5 s, half as long in the beginning
TICK_US = 20_000


def told(switch: Switch, n: int) -> list[dict[str, Any]]:
    """The media figures of the live calls, when each of `n` calls knows its round trip; else none."""
    media = [dict(switch.call(call["id"])["media"]) for call in switch.live_calls()]
    known = [stats for stats in media if stats["rtt_ms"] is not None]
    return known if len(known) == n else []


def assert_good(stats: dict[str, Any]) -> None:
    assert stats["rtcp_received"] > 0
    assert (stats["rtcp_malformed"], stats["rtcp_errors"], stats["remote_lost"]) == (0, 0, 0)
    assert 0 <= stats["rtt_ms"] < 1000, "loopback, on a machine that is busy with something else"
    assert stats["mos"] > 4


@pytest.mark.behaviour(
    "Seeing", "both ends report the same packets, losses and delay (RTP, SRTP, one port)", peer="Asterisk 22", rfc="3550 6.4"
)
def test_asterisk_and_we_know_the_same(asterisk: Asterisk, start_switch: StartSwitch) -> None:
    """Three calls at once, so that it takes no longer than one: plain, SRTP by SDES, RTCP on the RTP port."""
    names = ["ulaw", "sdes", "mux"]
    accounts = [account(asterisk, name, srtp="required" if name == "sdes" else "off") for name in names]
    switch = start_switch("echo", sip={"accounts": accounts})
    for name in names:
        asterisk.wait_registered(name)
    asterisk.cli("rtcp set debug on")
    before = len(asterisk.log(10**6))
    quiet = bytes([0xFF]) * (8000 * LONG_S)
    calls = [threading.Thread(target=asterisk.probe, args=(f"PJSIP/{name}", quiet, "ulaw", 8000)) for name in names]
    for thread in calls:
        thread.start()
    try:
        until("we know the round trip of every call", lambda: told(switch, 3), LONG_S)
        ours = told(switch, 3)
        theirs = [asterisk.channel_statistics(name) for name in names]
    finally:
        for thread in calls:
            thread.join()
        asterisk.cli("rtcp set debug off")
    for stats in ours:
        assert_good(stats)
    for words in theirs:
        assert words[0] == "ulaw"
        assert [words[2], words[6]] == ["0", "0"], "nothing lost, either way"
    log = asterisk.log(10**6)[before:]
    # An answer to a report of Asterisk's has a delay in it; from it Asterisk knows the round trip too.
    trips = re.findall(r"DLSR: (\d+\.\d+) \(sec\)\n.*RTT: (\d+\.\d+)\(sec\)", log)
    answers = [float(rtt) for delay, rtt in trips if float(delay) > 0]
    assert len(answers) >= 3
    assert all(0 < rtt < 1 for rtt in answers)
    assert "length field less than" not in log
    assert "Failed" not in log


@pytest.mark.behaviour("Dialogs", "RTP and RTCP share one port when the phone wants it", peer="baresip", rfc="5761 5.1.1")
def test_baresip_shares_the_port(softphone: Callable[..., Softphone], start_switch: StartSwitch, tmp_path: Path) -> None:
    switch = start_switch("echo")
    microphone = audio.write_wav(tmp_path / "microphone.wav", audio.chirp(LONG_S + 8, 8000), 8000)
    phone = softphone(microphone, 8000, "PCMU/8000/1", rtcp_mux=True)
    phone.call(switch.uri)
    until("we know the round trip", lambda: told(switch, 1), LONG_S)
    [stats] = told(switch, 1)
    assert_good(stats)
    phone.hang_up()
    switch.wait_idle()


# --- Wireshark ---


def capture(packets: list[bytes], path: Path) -> None:
    """UDP over IPv4 between two ports of 192.0.2.1 (RFC 5737), in the classic file format: microseconds, raw IP."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for k, data in enumerate(packets):
        udp = struct.pack("!HHHH", 40001, 40003, 8 + len(data), 0) + data
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), k, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
        out += [struct.pack("<IIII", k, 0, len(ip + udp), len(ip + udp)), ip, udp]
    path.write_bytes(b"".join(out))


def dissect(packets: list[bytes], folder: Path) -> list[dict[str, list[Any]]]:
    """Each packet's RTCP fields as tshark names them, those of nested ones too, with every value in order."""
    capture(packets, folder / "rtcp.pcap")
    done = subprocess.run(
        ["tshark", "-r", folder / "rtcp.pcap", "-d", "udp.port==40001,rtcp", "-T", "json", "--no-duplicate-keys"],
        capture_output=True,
        check=True,
    )
    found = []
    for frame in json.loads(done.stdout):
        fields: dict[str, list[Any]] = {}

        def collect(node: Any, fields: dict[str, list[Any]] = fields) -> None:
            for item in node if isinstance(node, list) else [node]:
                for name, value in item.items():
                    for one in value if isinstance(value, list) else [value]:
                        if isinstance(one, dict):
                            collect(one)
                        else:
                            fields.setdefault(name, []).append(one)

        collect({key: layer for key, layer in frame["_source"]["layers"].items() if key == "rtcp" or key.startswith("_ws")})
        found.append(fields)
    return found


def reports() -> list[bytes]:
    """Two legs talk for a minute, one packet in 50 is lost; what the first one reports, BYE included."""
    legs = [VirtualLeg(rtcp=True, seed=seed, wall_us=1_800_000_000_000_000) for seed in (1, 2)]
    out: list[bytes] = []
    with closing(legs[0]) as first, closing(legs[1]) as second:
        for k in range(1, 3000):
            now_us = k * TICK_US
            for here, there in ((first, second), (second, first)):
                for pkt in here.on_tick(now_us):
                    if Rtp.unpack(pkt).seq % 50:
                        there.on_packet(pkt, now_us)
                here.frames()
                for pkt in here.rtcp():
                    there.on_rtcp(pkt, now_us)
                    out += [pkt] if here is first else []
    return out + first.rtcp()


@pytest.mark.behaviour("Seeing", "our RTCP reports read the same in Wireshark", peer="Wireshark", rfc="3550 6")
def test_wireshark_reads_our_reports(tmp_path: Path) -> None:
    sent = reports()
    seen = dissect(sent, tmp_path)
    assert len(seen) == len(sent) > 8
    for fields in seen:
        assert not [name for name in fields if name.startswith("_ws.expert") or "malformed" in name], fields
        assert fields["rtcp.length_check"] == ["1"], "the lengths of the parts add up"
        assert fields["rtcp.pt"][:3] == ["200", "202", "207"]
        assert len(set(fields["rtcp.senderssrc"])) == 1
        assert fields["rtcp.sdes.type"][0] == "1"
        assert len(fields["rtcp.sdes.text"][0]) == 16
    last = seen[-1]
    assert last["rtcp.pt"] == ["200", "202", "207", "203"]
    assert last["rtcp.xr.bt"] == ["7"]
    lost = int(last["rtcp.ssrc.cum_nr"][0])
    assert 50 < lost < 70
    assert last["rtcp.xr.voipmetrics.gmin"] == ["16"]
    assert 80 < int(last["rtcp.xr.voipmetrics.rfactor"][0]) < 93
    assert 3.5 < float(last["rtcp.xr.voipmetrics.moscq"][0]) < 4.5
    assert int(last["rtcp.sender.packetcount"][0]) == 2999
