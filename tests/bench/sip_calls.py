# SPDX-License-Identifier: GPL-3.0-or-later
"""Many calls from one UDP socket, set up one after the other, media to be sent by somebody else (the generator)."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable

from tests.interop import ports
from tests.interop.uac import Message, parse

ANSWER_S = 5.0
REPEAT_S = 0.5  # RFC 3261 17.1.1.2, timer A


class SipCalls:
    """call() -> the far end's RTP port; hang_up() ends them all."""

    PROFILE = "RTP/AVP"

    def __init__(self, sip_port: int, rtp_port: int, user: str = "echo") -> None:
        self._uri = f"sip:{user}@{ports.HOST}:{sip_port}"
        self._target = (ports.HOST, sip_port)
        self._rtp_port = rtp_port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ports.HOST, 0))
        self._dialogs: list[tuple[str, str, str]] = []  # Call-ID, To, remote target

    def _send(self, method: str, dialog: tuple[str, str, str], cseq: int, body: str = "") -> None:
        call_id, to, target = dialog
        here = f"{ports.HOST}:{self._socket.getsockname()[1]}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._socket.sendto(
            (
                f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{call_id}{cseq}{method}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:bench@{here}>;tag=1\r\nTo: {to}\r\nCall-ID: {call_id}\r\n"
                f"CSeq: {cseq} {method}\r\nContact: <sip:bench@{here}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
            self._target,
        )

    def _final(self, call_id: str, cseq: int, again: Callable[[], None]) -> Message:
        end = time.monotonic() + ANSWER_S
        self._socket.settimeout(REPEAT_S)
        while time.monotonic() < end:
            try:
                answer = parse(self._socket.recv(65536))
            except TimeoutError:
                again()
                continue
            own = answer.headers.get("call-id") == call_id and answer.headers["cseq"].startswith(f"{cseq} ")
            if own and answer.status >= 200:
                return answer
        raise RuntimeError(f"{call_id}: no final answer within {ANSWER_S} s")

    def call(self) -> int:
        call_id = f"bench-{len(self._dialogs)}-{time.monotonic_ns()}"
        offer = (
            f"v=0\r\no=- 1 1 IN IP4 {ports.HOST}\r\ns=-\r\nc=IN IP4 {ports.HOST}\r\nt=0 0\r\n"
            f"m=audio {self._rtp_port} {self.PROFILE} 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n{self._media_lines()}"
        )
        dialog = (call_id, f"<{self._uri}>", self._uri)

        def invite() -> None:
            self._send("INVITE", dialog, 1, offer)

        invite()
        answer = self._final(call_id, 1, invite)
        port = re.search(r"m=audio (\d+)", answer.body)
        contact = re.search(r"<([^>]+)>", answer.headers.get("contact", ""))
        if answer.status != 200 or not port or not contact:
            raise RuntimeError(f"the switch refused a call: {answer.start}")
        self._dialogs.append((call_id, answer.headers["to"], contact[1]))
        self._send("ACK", self._dialogs[-1], 1)
        self._answered(answer.body)
        return int(port[1])

    def _media_lines(self) -> str:
        """More lines of the offer's media description."""
        return ""

    def _answered(self, body: str) -> None:
        """What else is in the answer is for those who offered more."""

    def hang_up(self) -> None:
        for dialog in self._dialogs:

            def bye(dialog: tuple[str, str, str] = dialog) -> None:
                self._send("BYE", dialog, 2)

            bye()
            self._final(dialog[0], 2, bye)
        self._dialogs.clear()
        self._socket.close()
