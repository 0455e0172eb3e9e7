# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp: many callers at once, and an answering machine that sends every packet back as it is, the control of our measures."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tests.interop import ports
from tests.interop.process import Process

REQUEST = """{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:load@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:load@[local_ip]:[local_port]>
"""

OFFER = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=load 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv

"""

ANSWER = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:echo@[local_ip]:[local_port]>
"""

RINGING = ANSWER.replace("200 OK", "180 Ringing") + "Content-Length: 0\n\n"

ANSWER_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=echo 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP [payload_type]
a=rtpmap:[payload_type] [rtpmap]
a=ptime:20

"""


def _send(text: str, options: str = 'retrans="500"') -> str:
    return f"<send {options}><![CDATA[\n{text}\n]]></send>\n"


def _request(method: str, cseq: int, body: str = "Content-Length: 0\n\n", options: str = 'retrans="500"') -> str:
    # An ACK of a 2xx and a BYE belong to the dialog: they carry the other side's tag (RFC 3261 12.2.1.1).
    text = REQUEST.format(method=method, cseq=cseq, tag="[peer_tag_param]" if method != "INVITE" else "") + body
    return _send(text, options)


def _scenario(name: str, steps: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n<scenario name="{name}">\n{steps}</scenario>\n'


def caller_scenario(audio: Path, talk_ms: int) -> str:
    """Calls, streams a raw A-law file for `talk_ms`, hangs up."""
    return _scenario(
        "caller with audio",
        _request("INVITE", 1, OFFER)
        + '<recv response="100" optional="true"/>\n<recv response="180" optional="true"/>\n'
        + '<recv response="183" optional="true"/>\n<recv response="200"/>\n'
        + _request("ACK", 1, options="")
        + f'<nop><action><exec rtp_stream="{audio},-1,8"/></action></nop>\n<pause milliseconds="{talk_ms}"/>\n'
        + '<nop><action><exec rtp_stream="pause"/></action></nop>\n'
        + _request("BYE", 2)
        + '<recv response="200"/>\n',
    )


def echo_scenario() -> str:
    return _scenario(
        "echo",
        '<recv request="INVITE"/>\n'
        + _send(ANSWER + ANSWER_SDP)
        + '<recv request="ACK"/>\n<recv request="BYE"/>\n'
        + _send(ANSWER + "Content-Length: 0\n\n", ""),
    )


def refusing_scenario(status: str) -> str:
    """Rings, and refuses."""
    return _scenario(
        "refuses",
        '<recv request="INVITE"/>\n'
        + _send(RINGING, "")
        + '<pause milliseconds="300"/>\n'
        + _send(ANSWER.replace("200 OK", status) + "Content-Length: 0\n\n")
        + '<recv request="ACK"/>\n',
    )


def late_scenario(ms: int) -> str:
    """Says nothing for so long, then answers, and waits for the end."""
    return _scenario(
        "answers late",
        '<recv request="INVITE"/>\n'
        + f'<pause milliseconds="{ms}"/>\n'
        + _send(ANSWER + ANSWER_SDP.replace("[payload_type]", "0").replace("[rtpmap]", "PCMU/8000"))
        + '<recv request="ACK"/>\n<recv request="BYE"/>\n'
        + _send(ANSWER + "Content-Length: 0\n\n", ""),
    )


def silent_scenario() -> str:
    """Rings until it is cancelled (RFC 3261 section 9)."""
    # The CANCEL's own transaction is answered first; the INVITE's headers were kept for the 487.
    return _scenario(
        "rings for ever",
        '<recv request="INVITE"><action><ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="1"/></action></recv>\n'
        + _send(RINGING, "")
        + '<recv request="CANCEL" timeout="60000"/>\n'
        + _send(ANSWER + "Content-Length: 0\n\n", "")
        + _send(
            ANSWER.replace("200 OK", "487 Request Terminated").replace("[last_CSeq:]", "CSeq:[$1]") + "Content-Length: 0\n\n"
        )
        + '<recv request="ACK"/>\n',
    )


@dataclass(frozen=True)
class Counts:
    """The last row of SIPp's statistics."""

    created: int
    succeeded: int
    failed: int
    peak: int
    retransmissions: int


def _counts(statistics: Path) -> Counts:
    with statistics.open(newline="") as source:
        rows = list(csv.DictReader(source, delimiter=";"))
    last = rows[-1]
    return Counts(
        created=int(last["TotalCallCreated"]),
        succeeded=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        peak=max(int(row["CurrentCall"]) for row in rows),
        retransmissions=int(last["Retransmissions(C)"]),
    )


class Load:
    """`calls` calls at `rate` a second, at most `at_once` together, each talking for `talk_ms`. `transport`: "udp", or "tcp"
    with one connection for all."""

    def __init__(
        self,
        room: Path,
        target_port: int,
        audio: bytes,
        *,
        calls: int,
        rate: int,
        at_once: int,
        talk_ms: int,
        transport: str = "udp",
    ) -> None:
        room.mkdir(parents=True, exist_ok=True)
        (room / "audio.al").write_bytes(audio)
        scenario = room / "caller.xml"
        scenario.write_text(caller_scenario(room / "audio.al", talk_ms))
        self._statistics = room / "statistics.csv"
        self._limit_s = calls / rate + talk_ms / 1000 + 30
        self._process = Process(
            "sipp",
            [
                *("sipp", f"{ports.HOST}:{target_port}", "-sf", scenario, "-s", "echo", "-nostdin"),
                *("-t", f"{transport[0]}1"),
                *("-i", ports.HOST, "-p", str(ports.one()), "-mi", ports.HOST),
                *("-m", str(calls), "-r", str(rate), "-l", str(at_once)),
                *("-trace_stat", "-stf", self._statistics, "-fd", "1"),
                *("-trace_err", "-error_file", room / "errors.log"),
                *("-timeout", str(round(self._limit_s)), "-timeout_error", "-recv_timeout", "10000"),
            ],
            room / "sipp.log",
        )
        self._errors = room / "errors.log"

    def finish(self) -> Counts:
        self._process.wait(self._limit_s + 10)
        return _counts(self._statistics)

    def errors(self) -> str:
        text = self._errors.read_text(errors="replace") if self._errors.exists() else ""
        return text[-3000:] + self._process.tail(10)

    def stop(self) -> None:
        self._process.stop()


class Echo:
    """Answers one codec and returns the packets as they are."""

    def __init__(self, room: Path, payload_type: int, rtpmap: str) -> None:
        room.mkdir(parents=True, exist_ok=True)
        scenario = room / "echo.xml"
        scenario.write_text(echo_scenario())
        self.port, media = ports.one(), ports.block(8)
        self._process = Process(
            "sipp echo",
            [
                *(
                    "sipp",
                    "-sf",
                    scenario,
                    "-i",
                    ports.HOST,
                    "-p",
                    str(self.port),
                    "-mi",
                    ports.HOST,
                    "-mp",
                    str(media),
                    "-rtp_echo",
                ),
                *("-key", "payload_type", str(payload_type), "-key", "rtpmap", rtpmap, "-nostdin", "-timeout", "120"),
            ],
            room / "echo.log",
        )

    @property
    def uri(self) -> str:
        return f"sip:echo@{ports.HOST}:{self.port}"

    def stop(self) -> None:
        self._process.stop()


class Callee:
    """Answers calls as a scenario says: refusing_scenario("486 Busy Here"), silent_scenario()."""

    def __init__(self, room: Path, scenario: str) -> None:
        room.mkdir(parents=True, exist_ok=True)
        file = room / "callee.xml"
        file.write_text(scenario)
        self.port = ports.one()
        self._statistics = room / "statistics.csv"
        self._process = Process(
            "sipp callee",
            [
                *("sipp", "-sf", file, "-i", ports.HOST, "-p", str(self.port), "-nostdin", "-timeout", "120"),
                *("-trace_stat", "-stf", self._statistics, "-fd", "1"),
            ],
            room / "callee.log",
        )

    @property
    def uri(self) -> str:
        return f"sip:callee@{ports.HOST}:{self.port}"

    def counts(self) -> Counts:
        """Up to a second ago."""
        return _counts(self._statistics)

    def stop(self) -> None:
        self._process.stop()
