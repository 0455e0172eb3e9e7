# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends SIP messages of strangers, as many a second as it is told, from one or many addresses of 127.0.0.0/8.

    python -m tests.bench.flooder PORT RATE SECONDS SOURCES

Of ten messages four are INVITEs, three OPTIONS, two REGISTERs, one is garbage; all are new. Nobody reads the answers. The last
line is {"sent": n}."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import time

BATCH_S = 0.004
KINDS = ("INVITE", "OPTIONS", "INVITE", "REGISTER", "OPTIONS", "INVITE", "", "OPTIONS", "INVITE", "REGISTER")
BODY = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def address(n: int) -> str:
    """Of the source `n`: never 127.0.0.1, where the calls that must not suffer come from."""
    return f"127.{1 + n // 60000}.{n // 250 % 240}.{2 + n % 250}"


def message(kind: str, port: int, source: str, mark: str) -> bytes:
    body = BODY if kind == "INVITE" else ""
    return (
        f"{kind} sip:{mark}@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {source};rport;branch=z9hG4bK{mark}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:a@{source}>;tag={mark}\r\nTo: <sip:{mark}@127.0.0.1>\r\nCall-ID: {mark}\r\n"
        f"CSeq: 1 {kind}\r\nContact: <sip:a@{source}>\r\n{'Content-Type: application/sdp' if body else 'Subject: y'}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def main() -> None:
    port, rate, seconds, n_sources = (int(word) for word in sys.argv[1:5])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wires = []
    for n in range(n_sources):
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wire.bind((address(n), 0))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)  # nobody reads
        wires.append((wire, address(n)))
    sent, run, target = 0, os.getpid(), ("127.0.0.1", port)
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        while sent < rate * now:
            wire, source = wires[sent % n_sources]
            kind = KINDS[sent % len(KINDS)]
            wire.sendto(message(kind, port, source, f"f{run}x{sent}") if kind else b"\x16\x03\x01" * 60, target)
            sent += 1
        time.sleep(BATCH_S)
    print(json.dumps({"sent": sent}))


if __name__ == "__main__":
    main()
