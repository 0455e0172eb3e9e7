# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files, read by Wireshark's dissectors."""

from __future__ import annotations

import asyncio
import errno
import os
import tracemalloc
from pathlib import Path

import pytest

from mediacore import SipMessage, pcap_head, pcap_packet
from sipagent.api.seeing import capture_of
from sipagent.seeing.files import GrowingFile
from sipagent.seeing.pcap import file_packets, in_order, merged, sip_packets
from tests.seeing import tshark
from tests.seeing.api import api_of
from tests.sip.house import idle, parties, switch, talk
from tests.sip.rig import WAIT_S, Rig

A, B = 0x90, 0xA0
OPTIONS = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: %s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def message(number: int, src: tuple[str, int], dst: tuple[str, int], transport: str = "udp", pad: int = 0) -> SipMessage:
    text = OPTIONS % str(number).encode()
    text = text.replace(b"Max", b"X: " + b"x" * pad + b"\r\nMax")
    return SipMessage(number, 1_800_000_000_000_000 + number, number, True, transport, src, dst, "passed", 0, b"1", text)


def test_all_transports_and_both_versions_are_read(tmp_path: Path) -> None:
    four, six = (("192.0.2.1", 5061), ("192.0.2.2", 33333)), (("2001:db8::1", 5060), ("2001:db8::2", 5061))
    rows = [message(1, *four), message(2, *four, "tls"), message(3, *six, "tcp"), message(4, *six, pad=7000)]
    rows += [message(5, ("192.0.2.9", 5060), six[1]), message(6, ("", 0), four[1])]
    file = tmp_path / "sip.pcap"
    file.write_bytes(pcap_head() + sip_packets(rows))
    seen = tshark.packets(
        file, ["frame.time_epoch", "sip.Call-ID", "ip.src", "ipv6.src", "udp.srcport", "udp.dstport", "sip.Method"]
    )
    assert [row["sip.Call-ID"] for row in seen] == ["1", "2", "3", "4", "5", "6"]
    assert {row["sip.Method"] for row in seen} == {"OPTIONS"}
    assert [row["ip.src"] + row["ipv6.src"] for row in seen] == ["192.0.2.1"] * 2 + ["2001:db8::1"] * 2 + ["0.0.0.0"] * 2
    assert (seen[2]["udp.srcport"], seen[2]["udp.dstport"]) == ("5060", "5061")
    assert seen[0]["frame.time_epoch"] == "1800000000.000001000"
    tshark.sound(file)


def test_packets_of_several_sources_are_put_in_order() -> None:
    def at(*times: int) -> bytes:
        return b"".join(pcap_packet(t, ("192.0.2.1", 1), ("192.0.2.2", 2), bytes([t])) for t in times)

    assert merged(at(1, 4, 9), at(2, 3, 5), b"") == at(1, 2, 3, 4, 5, 9)
    assert merged(at(7), b"") == at(7)
    assert merged(at(5)[:-1], at(2)) == at(2), "what is cut off is left out"


def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path) -> None:
    assert list(file_packets(tmp_path / "none")) == []
    (tmp_path / "other").write_bytes(b"root:x:0:0:root:/root:/bin/bash\n" * 3)
    assert list(file_packets(tmp_path / "other")) == []
    (tmp_path / "broken").write_bytes(pcap_head() + b"\xff" * 64)
    assert list(file_packets(tmp_path / "broken")) == []


def test_a_long_file_is_handed_on_in_pieces(tmp_path: Path) -> None:
    """Whoever asks for many of them at once must not fill the memory."""
    one = pcap_packet(1, ("192.0.2.1", 1), ("192.0.2.2", 2), bytes(1000))
    (tmp_path / "a").write_bytes(pcap_head() + one * 5000)
    (tmp_path / "b").write_bytes(pcap_head() + one * 5000 + one[:-1])
    files = {name: tmp_path / name for name in ("a", "b")}
    tracemalloc.start()
    total = sum(len(piece) for piece in capture_of(list(files), files))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 10_000 * len(one)
    assert most < 2_000_000


@pytest.mark.parametrize("rtp", ["none", "headers", "packets"])
async def test_a_bridge_is_written_with_its_sound(tmp_path: Path, rtp: str) -> None:
    seeing = {"pcap_dir": str(tmp_path / "made" / "here"), "pcap_rtp": rtp}
    async with (
        parties(A, B) as (alice, bob),
        switch((alice, bob), [{"called": "70", "bridge": bob.uri}], seeing=seeing) as house,
    ):
        async with api_of(house) as http:
            dialled = alice.dials("70")
            await bob.answers()
            ua = await alice.talks(dialled)
            await talk(alice, bob)
            first, second = house.calls
            await ua.hang_up()
            await bob.left()
            await idle(house)
            files = {call: tmp_path / "made" / "here" / f"{call}.pcap" for call in (first, second)}
            await asyncio.wait_for(Rig.until(lambda: all(f.exists() for f in files.values())), WAIT_S)
            got = await http.get(f"/v1/calls/{first}/pcap")
            assert got.headers["content-type"] == "application/vnd.tcpdump.pcap"
        ports = {first: alice, second: bob}
    both = tmp_path / "both.pcap"
    both.write_bytes(pcap_head() + b"".join(in_order(map(file_packets, files.values()))))
    assert len(got.content) > 24
    for call, file in {**files, "both": both}.items():
        tshark.sound(file)
        sip = tshark.packets(file, ["sip.Method", "sip.Status-Code", "sdp.media.port", "udp.port"], where="sip")
        assert sorted(row["sip.Method"] for row in sip if row["sip.Method"]) == sorted(
            ["INVITE", "ACK", "BYE"] * (1 + (call == "both"))
        )
        assert sum(row["sdp.media.port"] != "" for row in sip) >= 2
        media = tshark.packets(file, ["udp.srcport", "udp.dstport", "rtp.p_type", "rtp.payload", "rtp.seq"], where="rtp")
        if rtp == "none":
            assert media == []
            continue
        assert {row["rtp.p_type"] for row in media} == {"0"}
        if call != "both":
            theirs = str(ports[call].rtp.port)
            assert {row["udp.srcport"] == theirs for row in media} == {True, False}, "both ways"
            assert all(theirs in (row["udp.srcport"], row["udp.dstport"]) for row in media)
            said = {row["rtp.payload"] for row in media}
            if rtp == "headers":
                assert said == {"<MISSING>"}  # so tshark writes what was not captured
            else:
                assert {len(text) for text in said} == {2 * 160}


async def test_only_chosen_calls_are_written(tmp_path: Path) -> None:
    routes = [{"called": "_7.", "reject": 486}]
    seeing = {"pcap_dir": str(tmp_path), "pcap_calls": ["_71."]}
    async with parties(A) as (alice,), switch((alice,), routes, seeing=seeing) as house:
        assert (await alice.dials("700").final()).status == 486
        assert (await alice.dials("710").final()).status == 486
        await idle(house)
        calls = list(house.calls)
    assert os.listdir(tmp_path) == [f"{calls[1]}.pcap"]


async def test_a_directory_that_is_none_is_no_fault_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    seeing = {"pcap_dir": str(tmp_path / "file" / "x"), "pcap_rtp": "packets"}
    async with (
        parties(A, B) as (alice, bob),
        switch((alice, bob), [{"called": "70", "bridge": bob.uri}], seeing=seeing) as house,
    ):
        dialled = alice.dials("70")
        await bob.answers()
        ua = await alice.talks(dialled)
        for _ in range(3):
            await talk(alice, bob)
        await ua.hang_up()
        await bob.left()
        await idle(house)
        assert {call.end_code for call in house.calls.values()} == {0}


def test_a_full_disk_leaves_whole_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = GrowingFile(tmp_path / "f", b"head", 1000)
    file.write(b"first")
    room = [3]

    def pwrite(fd: int, data: bytes, at: int) -> int:
        n = min(len(data), room[0])
        room[0] -= n
        if n == 0:
            raise OSError(errno.ENOSPC, "no space")
        return real(fd, data[:n], at)

    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(OSError, match="no space"):
        file.write(b"second")
    room[0] = 1000
    file.write(b"third")
    room[0] = 2
    with pytest.raises(OSError, match="no space"):
        file.write(b"fourth")
    file.close()
    assert (tmp_path / "f").read_bytes() == b"headfirstthird"


def test_a_file_has_a_most(tmp_path: Path) -> None:
    file = GrowingFile(tmp_path / "f", b"head", 10)
    file.write(b"12345")
    file.write(b"67")
    assert file.full
    file.close()
    assert (tmp_path / "f").read_bytes() == b"head12345"
