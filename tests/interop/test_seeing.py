# SPDX-License-Identifier: GPL-3.0-or-later
"""What the switch shows of calls with real peers: ladder, capture file and log lines that lead to one another."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop import audio
from tests.interop.asterisk import Asterisk
from tests.interop.baresip import Softphone
from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.switch import Switch
from tests.interop.test_asterisk import account
from tests.seeing import tshark

StartPhone = Callable[..., Softphone]
SECONDS = 3
KEY = re.compile(r"inline:([A-Za-z0-9+/=]+)")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pcap")


@pytest.fixture(scope="module")
def seen(asterisk: Asterisk, start_switch: StartSwitch, files: Path) -> Switch:
    accounts = [account(asterisk, "sdes", srtp="required"), account(asterisk, "tls", transport="tls", port=asterisk.tls_port)]
    return start_switch(
        "echo",
        sip={"accounts": accounts},
        media={"rate": 8000},
        seeing={"pcap_dir": files, "pcap_rtp": "packets"},
        log={"level": "info", "json_lines": True},
    )


def probed(asterisk: Asterisk, switch: Switch, name: str) -> tuple[str, bytes]:
    """One call of Asterisk's, and what it said in mu-law."""
    asterisk.wait_registered(name)
    before = {call["id"] for call in switch.calls()}
    said = audio.noise(SECONDS * 8000, 5).tobytes()
    asterisk.probe(f"PJSIP/{name}", said, "ulaw", 8000)
    switch.wait_idle()
    [call] = [call["id"] for call in switch.calls() if call["id"] not in before]
    return str(call), said


def ladder(switch: Switch, path: str) -> list[dict[str, Any]]:
    status, body = switch.get(f"{path}/ladder?text=true")
    assert status == 200, body
    return list(json.loads(body)["messages"])


def first_words(rows: list[dict[str, Any]]) -> list[str]:
    arrow = {"in": "<", "out": ">"}
    lines = [(arrow[row["direction"]], row["first_line"].removeprefix("SIP/2.0 ")) for row in rows]
    return [way + line.split(" sip:")[0].split(" sips:")[0] for way, line in lines if line != "100 Trying"]


def payloads(file: Path) -> set[bytes]:
    """Of plain RTP, or of SRTP as it is."""
    rows = tshark.packets(file, ["rtp.payload", "srtp.enc_payload"], where="rtp.payload || srtp.enc_payload")
    return {bytes.fromhex((row["rtp.payload"] or row["srtp.enc_payload"]).replace(":", "")) for row in rows}


@pytest.mark.behaviour(
    "Seeing",
    "what was said inside TLS is in the ladder, without the answer to the challenge",
    peer="Asterisk 22",
    rfc="7616 3.4",
)
def test_a_call_inside_tls(asterisk: Asterisk, seen: Switch, files: Path) -> None:
    call, said = probed(asterisk, seen, "tls")
    rows = ladder(seen, f"/v1/calls/{call}")
    assert {row["transport"] for row in rows} == {"tls"}
    told = first_words(rows)
    assert [told[0], *told[-2:]] == ["<INVITE", "<BYE", ">200 OK"]
    assert told.index(">200 OK") < told.index("<ACK")
    registered = ladder(seen, f"/v1/accounts/tls@{rows[0]['destination'].rsplit(':', 1)[0]}")
    assert first_words(registered)[:4] == [">REGISTER", "<401 Unauthorized", ">REGISTER", "<200 OK"]
    assert re.search(r'response="x+"', registered[2]["text"])
    file = files / f"{call}.pcap"
    until("the file ends with the call", lambda: bool(tshark.packets(file, ["sip.Method"], where='sip.CSeq.method=="BYE"')), 10)
    tshark.sound(file)
    assert len({said[at : at + 160] for at in range(0, len(said), 160)} & payloads(file)) > SECONDS * 25, (
        "Asterisk's own packets"
    )


@pytest.mark.behaviour("Seeing", "a capture of SRTP holds what was on the wire, and no key", peer="Asterisk 22", rfc="4568 9.1")
def test_a_sealed_call(asterisk: Asterisk, seen: Switch, files: Path) -> None:
    call, said = probed(asterisk, seen, "sdes")
    rows = ladder(seen, f"/v1/calls/{call}")
    keys = [key for row in rows for key in KEY.findall(row["text"])]
    assert len(keys) >= 2, "an offer and an answer"
    assert set("".join(keys)) == {"x"}
    file = files / f"{call}.pcap"
    until("the file ends with the call", lambda: bool(tshark.packets(file, ["sip.Method"], where='sip.CSeq.method=="BYE"')), 10)
    tshark.sound(file)
    assert set("".join(KEY.findall(file.read_bytes().decode("latin-1")))) == {"x"}
    sealed = payloads(file)
    assert len(sealed) > SECONDS * 50, "both ways, none the same"
    plain = {said[at : at + 160] for at in range(0, len(said), 160)}
    assert not {packet[:160] for packet in sealed} & plain


def dialled(switch: Switch, softphone: StartPhone, room: Path) -> str:
    """One call of a softphone's, of two seconds."""
    phone = softphone(audio.write_wav(room / "microphone.wav", audio.chirp(30, 8000), 8000), 8000, "PCMU/8000/1")
    phone.call(switch.uri)
    until("two seconds heard", lambda: phone.heard_seconds() >= 2, 20)
    [call] = [call["id"] for call in switch.live_calls()]
    phone.hang_up()
    switch.wait_idle()
    return str(call)


@pytest.mark.behaviour(
    "Seeing", "a line of the log leads to the ladder, by our id and by Call-ID", peer="baresip", rfc="3261 20.8"
)
def test_log_and_ladder(seen: Switch, softphone: StartPhone, tmp_path: Path) -> None:
    call = dialled(seen, softphone, tmp_path)
    rows = ladder(seen, f"/v1/calls/{call}")

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in seen.log(1000).splitlines() if line.startswith("{")]

    def mine() -> list[dict[str, Any]]:
        return [line for line in lines() if line.get("call") == call]

    until("its last line", lambda: "call ended" in {line["event"] for line in mine()}, 10)
    assert {line["sip_call_id"] for line in mine()} == {row["sip_call_id"] for row in rows}
    assert not [line for line in lines() if line["event"] == "call ended" and "sip_call_id" not in line]


@pytest.mark.behaviour(
    "Seeing", "Wireshark finds the RTP streams of the SDP in the downloaded file", peer="Wireshark", rfc="3264 5"
)
@pytest.mark.behaviour("Seeing", "sngrep finds the call in it", peer="sngrep", rfc="3261 12")
def test_the_download(seen: Switch, softphone: StartPhone, tmp_path: Path) -> None:
    call = dialled(seen, softphone, tmp_path)
    file = tmp_path / "call.pcap"

    def whole() -> bool:
        file.write_bytes(seen.download(f"/v1/calls/{call}/pcap"))
        return bool(tshark.packets(file, ["sip.Method"], where='sip.CSeq.method=="BYE" && sip.Status-Code==200'))

    until("the answer to BYE is in it", whole, 10)
    tshark.sound(file)
    streams = tshark.packets(file, ["udp.srcport", "rtp.setup-method"], where="rtp")
    assert {row["rtp.setup-method"] for row in streams} == {"SDP"}, "no heuristics: the SDP said so"
    assert all(sum(row["udp.srcport"] == port for row in streams) > 50 for port in {row["udp.srcport"] for row in streams})
    assert len({row["udp.srcport"] for row in streams}) == 2
    found = subprocess.run(
        ["sngrep", "-N", "-c", "-I", file], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
    )
    assert re.findall(rb"Dialog count: (\d+)", found.stdout)[-1] == b"1"
